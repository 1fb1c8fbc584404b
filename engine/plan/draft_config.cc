// What a key is called on the other side: as its arguments tell, as other rule files have it, else the same.
#include "plan/draft_config.h"

#include <algorithm>

#include "base/text.h"
#include "plan/config.h"
#include "plan/draft_sizes.h"
#include "store/format_keys.h"

namespace tessera {
namespace {

class ConfigLines {
 public:
  ConfigLines(const ComposeInput& input, Draft& draft) : in_(input), draft_(draft) {
    if (in_.known) used_ = in_.known->other_keys;
  }

  void add(const std::string& key) {
    if (!in_.known || !in_.known->keys.contains(key)) keys_.push_back(key);
  }

  // Names that the other side's arguments hold with the same value come first, then those that are left with it.
  void settle() {
    std::map<std::string, std::pair<std::string, std::string>> names;  // key -> name, comment
    for (const std::string& key : keys_)
      if (const std::string name = alike(key); !name.empty())
        names[key] = {take(name), "guess: both say " + shown(key)};
    for (const std::string& key : keys_)
      if (const std::string name = names.contains(key) ? "" : only_with_value(key); !name.empty())
        names[key] = {take(name), "guess: the only one left that is " + shown(key)};
    for (const std::string& key : keys_) {
      if (!names.contains(key))
        names[key] = {take(spelling(key)), spelling(key) == key ? "guess" : "guess: as other rule files have it"};
      draft_.config.push_back({key, names[key].first, names[key].second});
    }
  }

 private:
  std::string shown(const std::string& key) const { return escape(show(*find_path(*in_.config, key)), 40); }
  std::string spelling(const std::string& key) const {
    const auto found = in_.spellings.find(key);
    return found == in_.spellings.end() ? key : found->second;
  }
  std::string take(std::string name) {
    while (!used_.insert(name).second) name += "_too";
    return name;
  }

  std::string alike(const std::string& key) const {
    for (const std::string& name : {spelling(key), key})
      if (in_.other_config && holds_same(name, key)) return name;
    return "";
  }

  bool holds_same(const std::string& name, const std::string& key) const {
    const Value *ours = find_path(*in_.config, key), *theirs = find_path(*in_.other_config, name);
    return ours && theirs && same_value(*ours, *theirs) && !used_.contains(name);
  }

  std::string only_with_value(const std::string& key) const {
    const Value* ours = find_path(*in_.config, key);
    if (!in_.other_config || !ours || !ours->as_int()) return "";
    std::string found;
    for (const auto& [name, value] : *in_.other_config) {
      if (!same_value(value, *ours) || used_.contains(name) || !is_speakable_key(name) || is_format_key(name)) continue;
      if (!found.empty()) return "";
      found = name;
    }
    return found;
  }

  const ComposeInput& in_;
  Draft& draft_;
  std::set<std::string> used_;
  std::vector<std::string> keys_;
};

// Rule files hold texts of one line.
bool is_one_line(const std::string& text) {
  return is_utf8(text) &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && (c < ' ' || c == 127); });
}

void add_match(const ComposeInput& input, Draft& draft) {
  const Value* type = input.config->find("model_type");
  if (!type || !type->as_string()) return;
  if (!is_one_line(*type->as_string())) {
    draft.tail.push_back("no rule file can spell this model_type: " + escape(*type->as_string(), 60));
    return;
  }
  const std::string said = yaml_text(*type->as_string());
  draft.match.push_back({"model_type", said, ""});
  std::string fixed = "{ model_type: " + said;
  std::vector<std::string> names;
  const Value* architectures = input.config->find("architectures");
  if (architectures && architectures->as_list())
    for (const Value& one : *architectures->as_list())
      if (one.as_string() && is_one_line(*one.as_string())) names.push_back(yaml_text(*one.as_string()));
  if (!names.empty()) fixed += ", architectures: [" + join(names, ", ") + "]";
  draft.fixed.push_back({input.sides[0], fixed + " }", ""});
}

}  // namespace

void add_config(const ComposeInput& input, const std::set<std::string>& keys, Draft& draft) {
  add_match(input, draft);
  ConfigLines lines(input, draft);
  for (const std::string& key : keys) lines.add(key);
  std::vector<std::string> silent;
  for (const std::string& key : leaf_keys(*input.config)) {
    const Value* value = find_path(*input.config, key);
    if (keys.contains(key) || !value || value->is_none() || is_format_key(key) || key == "model_type" ||
        key == "architectures")
      continue;
    if (input.known && is_known(input.known->keys, key)) continue;
    if (input.spellings.contains(key) && is_speakable_key(key))
      lines.add(key);
    else
      silent.push_back(escape(key, 60));
  }
  lines.settle();
  if (!silent.empty() && input.sides[0] == "hf")
    draft.tail.push_back("keys of the configuration that no line speaks of: " + cut(join(silent, ", "), 4000));
}

}  // namespace tessera
