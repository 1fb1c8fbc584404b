// R07: each key of a side's configuration is written by one line. What a line must look like, the parser tells.
#include <map>

#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

class Writers {
 public:
  explicit Writers(Findings& findings) : findings_(findings) {}

  void writes(const Text& key, const char* section) {
    if (const Writer* there = find(key.s))
      clash(key, *there);
    else
      keys_.emplace(key.s, Writer{&key, section});
  }

 private:
  struct Writer {
    const Text* key;
    const char* section;
  };

  // Who writes this key, a map that holds it, or something in it.
  const Writer* find(const std::string& path) const {
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
      if (const auto outer = keys_.find(path.substr(0, dot)); outer != keys_.end()) return &outer->second;
    if (const auto same = keys_.find(path); same != keys_.end()) return &same->second;
    const auto inner = keys_.lower_bound(path + ".");
    return inner != keys_.end() && inner->first.starts_with(path + ".") ? &inner->second : nullptr;
  }

  void clash(const Text& key, const Writer& there) {
    Diagnostic& error = findings_.error("R07", key.span, format("`{}` is written twice", key.s),
                                        "one line writes a key: config, fixed or derived");
    error.related.push_back({there.key->span, format("first here, in `{}`", there.section)});
  }

  Findings& findings_;
  std::map<std::string, Writer> keys_;
};

}  // namespace

void prove_writers(Proving& proving) {
  const RuleFile& file = proving.file;
  for (SideId side = 0; side < file.sides.size(); ++side) {
    Writers writers(proving.findings);
    for (const ConfigLine& line : file.config) {
      if (side == 0)
        writers.writes(line.key, "config");
      else if (side < line.ways.size() && line.ways[side])
        writers.writes(line.ways[side]->other, "config");
    }
    if (side < file.fixed.size())
      for (const KeyedValue& line : file.fixed[side]) writers.writes(line.key, "fixed");
    if (side < file.derived.size())
      for (const KeyedExpr& line : file.derived[side]) writers.writes(line.key, "derived");
  }
}

}  // namespace tessera
