// conformance DIR... [--only TEXT] [--naive] [--verbose]: every case under the folders, forward and back; every mistake
// at its place. The executor's results are compared with the interpreter's too; with --naive only the latter runs. What
// `explain` tells of each element must be what came out.
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "conformance/carry_out.h"
#include "conformance/follow.h"
#include "plan/kinds.h"
#include "rules/parse.h"

namespace tessera {
namespace {

struct Options {
  std::vector<std::filesystem::path> folders;
  std::string only;
  bool naive = false, verbose = false;
};

// One mistake is one error. These hold more than one.
struct Several {
  const char* folder;
  size_t errors;
};
constexpr std::array<Several, 1> several{{{"R03-bare-everywhere", 2}}};

size_t errors_of(const std::string& folder) {
  for (const Several& one : several)
    if (folder == one.folder) return one.errors;
  return 1;
}

// What went wrong, in words.
struct Failed {
  std::string reason;
};

void expect(bool holds, const std::string& reason) {
  if (!holds) throw Failed{reason};
}

std::optional<std::string> load_text(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  return read_text(path);
}

// The rule file of a case with its dialects.
struct CaseRules {
  Sources sources;
  Diagnostics diagnostics;
  std::optional<RuleSet> set;

  explicit CaseRules(const std::filesystem::path& folder) {
    auto file = parse_rule_file(folder / "rules.yaml", {{}, load_text}, sources, diagnostics);
    std::vector<Dialect> dialects;
    for (const auto& path : sorted(folder / "dialects"))
      if (auto dialect = parse_dialect(path, load_text, sources, diagnostics)) dialects.push_back(*std::move(dialect));
    if (!file || diagnostics.failed()) return;
    set = link(*std::move(file), std::move(dialects), {}, diagnostics);
    if (set && !check(*set, diagnostics)) set.reset();
  }
  static std::vector<std::filesystem::path> sorted(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::exists(folder))
      for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
  }
  std::string shown(const Diagnostics& more) const { return render(more.list().empty() ? diagnostics : more, sources); }
};

class CaseRun {
 public:
  CaseRun(const Case& what, const Options& options) : case_(what), options_(options), rules_(what.folder) {}

  void run() {
    if (case_.negative) return run_mistake();
    expect(rules_.set.has_value(), rules_.shown({}));
    convert(*case_.from, *case_.to, "in", "out", case_.cast, case_.verdict, true);
    if (case_.back != "none")
      convert(*case_.to, *case_.from, "out", case_.back, case_.cast_back, case_.verdict_back, false);
  }

 private:
  ConfigRequest request(const CaseEnd& from, const CaseEnd& to, const RuleSet& rules) {
    ConfigRequest request;
    request.rules = &rules;
    request.from = spec(from);
    request.to = spec(to);
    if (const auto dialects = case_.dialects.find(to.side); dialects != case_.dialects.end())
      request.to.dialects = dialects->second;
    request.config = &case_.config.try_emplace(from.side).first->second;
    request.settings = case_.options;
    for (const OptionDecl& option : rules_.set->file.options)  // what a case leaves open is not to be detected
      if (!option.values.empty() && !request.config->find(option.name.s))
        request.settings.insert(option.name.s, option.values.front());
    return request;
  }
  // The rules of the kinds that the source holds.
  RuleSet carried(const CaseEnd& from, const CaseEnd& to, const Contents& source, Diagnostics& diagnostics) const {
    RuleSet rules = *rules_.set;
    carry_kinds(rules, kinds_of(rules.file, spec(from).side, source), spec(to).side, diagnostics);
    return rules;
  }
  EndSpec spec(const CaseEnd& end) const {
    EndSpec spec = end.spec;
    const auto side = rules_.set->file.side(end.side);
    expect(side.has_value(), format("no side `{}`", end.side));
    spec.side = *side;
    return spec;
  }

  void convert(const CaseEnd& from, const CaseEnd& to, const std::string& source_folder,
               const std::string& wanted_folder, std::optional<DType> cast, const std::string& verdict, bool forward) {
    const std::string way = forward ? "there: " : "back: ";
    const MemoryCheckpoint source = load(case_.folder / source_folder, from);
    Diagnostics diagnostics;
    const RuleSet rules = carried(from, to, source.contents(), diagnostics);
    const auto plan = make_plan(request(from, to, rules), source.contents(), {cast, false}, diagnostics);
    expect(plan.has_value(), way + rules_.shown(diagnostics));
    if (options_.verbose) std::fputs((way + "\n" + to_text(plan->graph, rules, rules_.sources)).c_str(), stdout);
    check_plan(*plan, from, to, way, verdict, forward);
    const MemoryCheckpoint wanted = load(case_.folder / wanted_folder, to);
    for (const Means means : {Means::interpreter, Means::executor}) {
      if (means == Means::executor && options_.naive) continue;
      const auto made = carry_out(plan->graph, plan->model.to, source, means, rules_.sources, diagnostics);
      expect(!diagnostics.failed(), way + rules_.shown(diagnostics));
      const std::string text = difference(made, wanted, case_.ulp);
      expect(text.empty(), way + text + (means == Means::executor ? " (executor)" : ""));
      if (means != Means::interpreter) continue;
      const std::string story = follow(*plan, source, made);
      expect(story.empty(), way + "explained: " + story);
    }
  }

  void check_plan(const Plan& plan, const CaseEnd& from, const CaseEnd& to, const std::string& way,
                  const std::string& verdict, bool forward) const {
    const Verdict& found = plan.graph.verdict;
    expect(verdict == grade_name(found.grade),
           way + format("the verdict is {} ({}), not {}", grade_name(found.grade), found.reason, verdict));
    if (forward)
      expect(plan.model.notes == case_.notes, way + format("the notes are \"{}\"", join(plan.model.notes, "\", \"")));
    if (const auto config = case_.config.find(to.side); config != case_.config.end() && from.side != to.side)
      check_config(plan.target_config, config->second, "", way);
    check_dialects(plan.model.from.dialects, from.side, way);
    if (case_.identity)
      for (const Move& move : plan.graph.moves)
        expect(move.op == Op::copy && move.box->from == move.box->to,
               way + "not only straight copies: " + to_text(move.box));
  }

  static void check_config(const Map& found, const Map& wanted, const std::string& prefix, const std::string& way) {
    for (const auto& [key, value] : wanted) {
      const std::string path = prefix + key;
      if (value.as_map()) {
        check_config(found, *value.as_map(), path + ".", way);
        continue;
      }
      const Value* at = find_path(found, path);
      expect(same_value(at ? *at : Value(), value),
             way + format("`{}` is {}, not {}", path, at ? show(*at) : "none", show(value)));
    }
  }

  // Detection finds the dialects that rename something, and no others.
  void check_dialects(std::vector<std::string> found, const std::string& side, const std::string& way) const {
    std::vector<std::string> wanted;
    if (const auto given = case_.dialects.find(side); given != case_.dialects.end())
      for (const Dialect& dialect : rules_.set->dialects)
        if (dialect.side == side && !dialect.rename.empty() && std::ranges::count(given->second, dialect.name) > 0)
          wanted.push_back(dialect.name);
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    expect(found == wanted, way + format("detected dialects: {}; wanted: {}", join(found, ", "), join(wanted, ", ")));
  }

  void run_mistake() {
    Diagnostics later;
    if (rules_.set && case_.phase != "check") {
      if (case_.phase == "plan")
        plan_mistake(later);
      else
        convert_mistake(later);
    }
    Diagnostics all = rules_.diagnostics;
    all.append(later);
    for (const Diagnostic& one : all.list())
      if (one.severity == Severity::error) return check_place(one, all), check_count(all);
    throw Failed{"no error"};
  }
  void check_count(const Diagnostics& all) const {
    const size_t wanted = errors_of(case_.folder.filename().string());
    expect(all.error_count() == wanted,
           format("{} errors instead of {}:\n{}", all.error_count(), wanted, render(all, rules_.sources)));
  }
  void plan_mistake(Diagnostics& diagnostics) {
    const ConfigRequest asked = request(*case_.from, *case_.to, *rules_.set);
    const auto model = bind(asked, diagnostics);
    if (!model || !target_config(*model, diagnostics)) return;
    if (declared_tensors(*model, model->from, diagnostics)) declared_tensors(*model, model->to, diagnostics);
  }
  void convert_mistake(Diagnostics& diagnostics) {
    const MemoryCheckpoint source = load(case_.folder / "in", *case_.from);
    const RuleSet rules = carried(*case_.from, *case_.to, source.contents(), diagnostics);
    if (diagnostics.failed()) return;
    const auto plan = make_plan(request(*case_.from, *case_.to, rules), source.contents(), {}, diagnostics);
    if (!plan) return;
    carry_out(plan->graph, plan->model.to, source, options_.naive ? Means::interpreter : Means::executor,
              rules_.sources, diagnostics);
  }
  void check_place(const Diagnostic& error, const Diagnostics& all) const {
    Case::Place found{error.id, "", 0, 0};
    if (error.span.known()) {
      const Position at = rules_.sources.position(error.span);
      found = {error.id, std::filesystem::path(rules_.sources.name(error.span.source)).filename().string(), at.line,
               at.column};
    }
    const Case::Place& wanted = case_.error;
    if (wanted.file.empty() && case_.phase == "check") found = {found.id, "", 0, 0};  // a place that no rule text has
    const bool same = found.id == wanted.id && found.file == wanted.file && found.line == wanted.line &&
                      found.column == wanted.column;
    expect(same, format("wanted {} at {}:{}:{}, found\n{}", wanted.id, wanted.file, wanted.line, wanted.column,
                        render(all, rules_.sources)));
  }

  Case case_;
  const Options& options_;
  CaseRules rules_;
};

std::optional<std::string> run_case(const std::filesystem::path& folder, const Options& options) {
  try {
    CaseRun(read_case(folder), options).run();
  } catch (const Failed& failed) {
    return failed.reason;
  } catch (const std::exception& error) {
    return error.what();
  }
  return std::nullopt;
}

// Folders with a case.json, at any depth, in order.
std::vector<std::filesystem::path> cases_under(const Options& options) {
  std::vector<std::filesystem::path> found;
  for (const auto& folder : options.folders)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.path().filename() == "case.json" &&
          entry.path().parent_path().string().find(options.only) != std::string::npos)
        found.push_back(entry.path().parent_path());
  std::ranges::sort(found);
  return found;
}

int run_all(const Options& options) {
  size_t passed = 0, failed = 0;
  for (const auto& folder : cases_under(options)) {
    if (options.verbose) std::printf("--- %s\n", folder.filename().c_str());
    const auto reason = run_case(folder, options);
    ++(reason ? failed : passed);
    if (reason) std::printf("FAILED %s: %s\n", folder.filename().c_str(), reason->c_str());
  }
  std::printf("%zu passed, %zu failed\n", passed, failed);
  return failed > 0 || passed == 0 ? 1 : 0;
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) {
  tessera::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--naive")
      options.naive = true;
    else if (word == "--verbose")
      options.verbose = true;
    else if (word == "--only" && i + 1 < argc)
      options.only = argv[++i];
    else
      options.folders.emplace_back(word);
  }
  try {
    return tessera::run_all(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
