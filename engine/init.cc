// A first draft of a rule file from the headers of a checkpoint, checked at once.
#include <algorithm>

#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "ends.h"
#include "plan/draft_compose.h"
#include "plan/fit.h"
#include "plan/folded.h"
#include "planning.h"
#include "store/file.h"

namespace tessera {
namespace {

constexpr size_t most_draft_bytes = size_t{1} << 20;  // what a rule file may be
constexpr size_t most_rules = 20'000;                 // that could be as much

struct Source {
  std::unique_ptr<Reader> reader;
  Contents contents;
  std::string side;
};

Source open_source(const std::filesystem::path& path) {
  Source source{open_checkpoint(path), {}, {}};
  source.contents = source.reader->contents();
  source.side = source.contents.side.value_or("hf");
  if (source.contents.mesh != single_place)
    fail_usage(format("{}: is cut over ranks, so its shapes are not the model's; init wants a checkpoint of one rank",
                      escape(path.string())));
  if (source.contents.tensors.empty()) fail_world(format("{}: holds no tensor", escape(path.string())));
  return source;
}

void read_config(const std::filesystem::path& path, Contents& contents) {
  const Value config = parse_json(InputFile(path).read_all(16 << 20), path.string());
  if (!config.as_map()) fail_world(format("{}: is not an object", escape(path.string())));
  contents.config = *config.as_map();
  contents.has_config = true;
}

class Init {
 public:
  Init(Session& session, const InitRequest& request) : session_(session), request_(request) {}

  Drafted run() {
    for (const char* key : {"fits", "extends", "family", "text", "ok"}) out_.report.json[key] = Value();
    open();
    look_at_known();
    if (done_) return std::move(out_);
    draft();
    check_draft();
    return std::move(out_);
  }

 private:
  // The canonical side is hf where there is one: config.json is what expressions speak of.
  void open() {
    sources_.push_back(open_source(request_.source));
    if (!request_.other.empty()) sources_.push_back(open_source(request_.other));
    if (sources_.size() == 2 && sources_[0].side == sources_[1].side)
      fail_usage(format("{} and {}: are both {}; the second is the same model on the other side",
                        escape(request_.source.string()), escape(request_.other.string()), sources_[0].side));
    if (sources_.size() == 2 && sources_[1].side == "hf") std::swap(sources_[0], sources_[1]);
    if (!request_.config_file.empty()) read_config(request_.config_file, sources_[0].contents);
    sides_ = {sources_[0].side, sources_[0].side == "hf" ? "mcore" : "hf"};
    family_ = request_.family.empty() ? family_name() : request_.family;
  }

  std::string family_name() const {
    const Value* type = sources_[0].contents.config.find("model_type");
    const auto folder = full_path(request_.source);
    std::string name = type && type->as_string() ? *type->as_string() : folder.stem().string();
    for (char& c : name)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
        c = '_';
    return name.empty() || name.size() > 100 ? "my_family" : name;
  }

  // --- what is there already ---

  void look_at_known() {
    if (!request_.borrow) return;
    for (const auto& path : rule_files(request_.folders)) {
      Diagnostics quiet;
      const auto rules = load_rules(session_, path, request_.folders, quiet);
      if (!rules || rules->set.file.sides.size() != 2) continue;
      const auto first = rules->set.file.side(sides_[0]), second = rules->set.file.side(sides_[1]);
      if (!first || !second) continue;
      note_spellings(rules->set.file, *first);
      std::array<const Contents*, 2> ends{};
      ends[*first] = &sources_[0].contents;
      if (sources_.size() == 2) ends[*second] = &sources_[1].contents;
      judge(path, *rules, *first, ends);
      if (done_) return;
    }
  }

  void judge(const std::filesystem::path& path, const LoadedRules& rules, SideId side,
             const std::array<const Contents*, 2>& ends) {
    if (fits_as_it_is(rules, side)) {
      out_.report.lines.push_back(format("{} already fits all {} names; no new file is needed", path.string(),
                                         sources_[0].contents.tensors.size()));
      out_.report.json["fits"] = path.string();
      done_ = true;
      return;
    }
    auto known = explain_by(rules.set, path.stem().string(), ends);
    if (!known) return;
    const size_t explained = known->names[side].size();
    if (side != 0 || explained == 0) return;
    if (!known_ || explained > known_->names[side].size()) known_ = std::move(known);
  }

  // Every end's names and shapes are these rules', with all that they require and fix.
  bool fits_as_it_is(const LoadedRules& rules, SideId first) const {
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Contents& contents = sources_[i].contents;
      const SideId side = i == 0 ? first : 1 - first;
      if (side == 0 && !contents.config.empty() && !rules.set.file.match.empty() &&
          !matches(rules.set.file, contents.config))
        return false;
      ConfigRequest request{
          &rules.set, source_end(side, contents), {1 - side, single_place, {}, {}, {}, {}}, &contents.config, {},
          false};
      Diagnostics quiet;
      if (!detect_dialects(request, contents, quiet)) return false;
      const auto model = bind(request, quiet);
      const auto declared = model ? declared_tensors(*model, model->from, quiet) : std::nullopt;
      if (!declared) return false;
      const Fit fit = measure_fit(*model, *declared, contents);
      if (fit.unmapped + fit.missing + fit.misshaped > 0) return false;
    }
    return true;
  }

  // Plain lines of `config`, and `to: x = key`: key -> x.
  void note_spellings(const RuleFile& file, SideId first) {
    for (const ConfigLine& line : file.config) {
      const auto& way = line.ways[1];
      if (first != 0 || !way) continue;
      const bool plain = way->kind == ConfigWay::Kind::name ||
                         (way->kind == ConfigWay::Kind::both && way->to &&
                          dotted_path(*way->to, uint32_t(way->to->nodes.size() - 1)) == line.key.s);
      if (plain && !way->other.s.empty()) spellings_.emplace(line.key.s, way->other.s);
    }
  }

  // --- the draft ---

  // Names that the parent file does not explain.
  Folds fold_rest(size_t end) const {
    Folds folds = fold_tensors(sources_[end].contents.tensors, known_ ? known_->names[end] : TextSet{});
    if (folds.tensors.size() > most_rules) too_much(folds);
    return folds;
  }

  [[noreturn]] void too_much(const Folds& folds) const {
    fail_world(format("{}: its names fold into {} rules, more than a rule file holds", escape(request_.source.string()),
                      folds.tensors.size()));
  }

  // A parent is worth it where it explains most of what is there, told in folded names.
  void weigh_known() {
    if (!known_) return;
    std::vector<std::string> all, left;
    for (const TensorInfo& tensor : sources_[0].contents.tensors) {
      all.push_back(tensor.name);
      if (!known_->names[0].contains(tensor.name)) left.push_back(tensor.name);
    }
    if (2 * fold_names(left).size() > fold_names(all).size()) {
      known_.reset();
      return;
    }
    out_.report.lines.push_back(format("{}.yaml explains {} of {} names; the draft extends it", known_->stem,
                                       all.size() - left.size(), all.size()));
    out_.report.json["extends"] = known_->stem;
  }

  void draft() {
    weigh_known();
    const Folds canonical = fold_rest(0);
    const bool two = sources_.size() == 2;
    const Folds other = two ? fold_rest(1) : canonical;
    const Pairs pairs = two ? pair_tensors(canonical, other) : pair_with_itself(canonical);
    ComposeInput input{&canonical,
                       &other,
                       two,
                       &sources_[0].contents.config,
                       two ? &sources_[1].contents.config : nullptr,
                       spellings_,
                       known_ ? &*known_ : nullptr,
                       sides_,
                       family_};
    const std::string text = draft_text(compose(input, pairs));
    if (text.size() > most_draft_bytes) too_much(canonical);
    out_.report.json["family"] = family_;
    out_.report.json["text"] = text;
    out_.text = text;
  }

  // The draft as if it lay where it will, under the rules of `check`; then against the checkpoint's names.
  void check_draft() {
    const std::filesystem::path path =
        request_.output.empty() ? std::filesystem::path(family_ + ".yaml") : request_.output;
    const auto load = [&](const std::filesystem::path& wanted) {
      return wanted == path ? std::optional(out_.text) : load_rule_text(wanted);
    };
    out_.checked = check_rules_with(session_, path, request_.folders, load, sources_[0].contents);
    out_.report.json["ok"] = out_.checked.report.json["ok"];
  }

  Session& session_;
  const InitRequest& request_;
  std::vector<Source> sources_;
  std::array<std::string, 2> sides_;
  std::string family_;
  std::map<std::string, std::string> spellings_;
  std::optional<Known> known_;
  bool done_ = false;
  Drafted out_;
};

}  // namespace

Drafted init(Session& session, const InitRequest& request) { return Init(session, request).run(); }

void write_text(const std::filesystem::path& path, const std::string& text, bool overwrite) {
  std::error_code error;
  const auto there = std::filesystem::symlink_status(path, error).type();
  if (there != std::filesystem::file_type::not_found && (!overwrite || there != std::filesystem::file_type::regular))
    fail_usage(format("{}: is there already{}", escape(path.string()),
                      overwrite ? ", and is no file" : "; --overwrite replaces it"));
  const auto partial = path_in(path.parent_path(), format(".{}.partial", path.filename().string()));
  std::filesystem::remove(partial, error);
  write_whole_file(partial, text, true);
  std::filesystem::rename(partial, path, error);
  if (error) fail_world(format("{}: cannot be written: {}", escape(path.string()), error.message()));
}

}  // namespace tessera
