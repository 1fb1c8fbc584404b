// Settling a request: which rules, which sides, which mesh, which spelling; then the plan and the shape of the output.
#include "planning.h"

#include <algorithm>
#include <numeric>

#include "base/suggest.h"
#include "base/text.h"
#include "store/format_keys.h"
#include "store/formats.h"

namespace tessera {
namespace {

// A value, or one of a list of them.
bool matches_key(const Map& config, const std::string& key, const Value& wanted) {
  const Value* value = find_path(config, key);
  if (!value) return false;
  const List* several = wanted.as_list();
  if (!several) return same_value(*value, wanted);
  return std::any_of(several->begin(), several->end(), [&](const Value& v) { return same_value(*value, v); });
}

SideId side_named(const RuleFile& file, const std::string& name, const char* option) {
  if (const auto side = file.side(name)) return *side;
  std::vector<std::string> known;
  for (const Text& side : file.sides) known.push_back(side.s);
  fail_usage(format("{} {}: `{}` has the sides {}{}", option, escape(name), file.family.s, join(known, ", "),
                    did_you_mean(name, known)));
}

SideId source_side(const Request& request, const RuleFile& file, const Contents& source) {
  if (!request.from.empty()) return side_named(file, request.from, "--from");
  if (source.side && file.side(*source.side)) return *file.side(*source.side);
  fail_usage(format("{}: cannot tell its side; say it with --from", escape(source.root.string())));
}

SideId target_side(const Request& request, const RuleFile& file, SideId from) {
  if (!request.to.empty()) return side_named(file, request.to, "--to");
  if (file.sides.size() == 2) return 1 - from;
  fail_usage("which side to write cannot be told; say it with --to");
}

Mesh mesh_of(const std::map<std::string, int>& asked) {
  Mesh mesh = single_place;
  bool etp = false;
  for (size_t d = 0; d < mesh.size(); ++d) {
    const auto found = asked.find(mesh_dim_names[d]);
    if (found == asked.end()) continue;
    mesh[d] = found->second;
    etp |= MeshDim(d) == MeshDim::etp;
  }
  if (!etp) mesh[size_t(MeshDim::etp)] = mesh[size_t(MeshDim::tp)];
  return mesh;
}

// The places of a stage: r = 0 .. lcm(TP, ETP x EP) - 1, expert ranks folded over tensor ranks as Megatron does.
std::vector<Coordinates> folded_places(const Mesh& mesh) {
  const int32_t tp = mesh[size_t(MeshDim::tp)], ep = mesh[size_t(MeshDim::ep)], etp = mesh[size_t(MeshDim::etp)];
  std::vector<Coordinates> places;
  for (int32_t v = 0; v < mesh[size_t(MeshDim::vpp)]; ++v)
    for (int32_t p = 0; p < mesh[size_t(MeshDim::pp)]; ++p)
      for (int32_t r = 0; r < std::lcm(tp, etp * ep); ++r)
        places.push_back({r % tp, p, v, r / etp % ep, r % etp});
  return places;
}

// A dialect by its full name, or without the prefix of its side.
std::string dialect_named(const RuleSet& rules, SideId side, const std::string& name) {
  std::vector<std::string> known;
  for (const Dialect& d : rules.dialects) {
    if (d.side != rules.file.sides[side].s) continue;
    if (d.name == name || d.name == d.side + "_" + name) return d.name;
    known.push_back(d.name);
  }
  fail_usage(format("--dialect {}: no such dialect of {}{}", escape(name), rules.file.sides[side].s,
                    did_you_mean(name, known)));
}

std::vector<int64_t> parse_counts(const std::string& text, const std::string& option) {
  std::vector<int64_t> counts;
  for (const std::string& word : split(text, ',')) {
    if (word.empty() || word.size() > 9 || word.find_first_not_of("0123456789") != std::string::npos)
      fail_usage(format("--place {}={}: wants counts such as 6,9,9,8", option, escape(text)));
    counts.push_back(std::stoll(word));
  }
  return counts;
}

EndSpec target_end(const Request& request, const RuleSet& rules, SideId side, const Format& format_) {
  EndSpec end{side, single_place, {}, {}, {}};
  const bool ranks = format_.name == "torch";
  const Mesh mesh = mesh_of(request.mesh);
  if (!ranks && !request.mesh.empty() && mesh != single_place && format_.side != "mcore")
    fail_usage(format("--tp, --pp, --vpp, --ep, --etp: {} has no ranks", rules.file.sides[side].s));
  if (ranks) {
    end.mesh = mesh;
    end.places = folded_places(mesh);
  }
  for (const auto& [name, text] : request.place) {
    const auto dim = std::find(mesh_dim_names.begin(), mesh_dim_names.end(), name);
    if (dim == mesh_dim_names.end()) fail_usage(format("--place {}: no such mesh dimension", escape(name)));
    end.tables[MeshDim(dim - mesh_dim_names.begin())] = consecutive_table(parse_counts(text, name));
  }
  for (const std::string& name : request.dialects.value_or(std::vector<std::string>{}))
    if (name != "none") end.dialects.push_back(dialect_named(rules, side, name));
  return end;
}

const Format& target_format(const Request& request, const std::string& side) {
  if (!request.format.empty()) {
    const Format* found = find_format(request.format);
    if (!found) fail_usage(format("--format {}: no such format", escape(request.format)));
    if (!found->side.empty() && found->side != side)
      fail_usage(format("--format {}: is a format of {}, not of {}", request.format, found->side, side));
    if (!found->create) fail_usage(format("--format {}: can be read only", request.format));
    return *found;
  }
  for (const Format& f : formats())
    if (f.side == side && f.create) return f;
  fail_usage(format("{}: no format is known for this side; say it with --format", side));
}

EndSpec source_end(SideId side, const Contents& source) {
  EndSpec end{side, source.mesh, {}, {}, {}};
  for (const PlaceInfo& place : source.places) end.places.push_back(place.at);
  return end;
}

std::string end_text(const RuleFile& file, const EndSpec& end) {
  std::string text = file.sides[end.side].s;
  for (size_t d = 0; d < end.mesh.size(); ++d)
    if (end.mesh[d] != 1 && !(MeshDim(d) == MeshDim::etp && end.mesh[d] == end.mesh[size_t(MeshDim::tp)])) text += format(" {}{}", mesh_dim_names[d], end.mesh[d]);
  if (!end.dialects.empty()) text += " in " + join(end.dialects, ", ");
  return text;
}

// What a refusal was about: the places that its messages may not have named.
Refused refused(Diagnostics diagnostics, const std::filesystem::path& rules, const Contents& source) {
  const bool folder = std::filesystem::is_directory(source.root);
  diagnostics.note(format("rules {}, checkpoint {}{}", rules.string(), escape(source.root.string()),
                          source.side == "hf" && folder ? " with its config.json" : ""));
  return Refused(std::move(diagnostics));
}

// Rules chosen by name are for the configurations that their `match` says, too: a key that says otherwise is refused.
void require_match(const RuleFile& file, const Contents& source, Diagnostics& diagnostics) {
  if (source.side != "hf") return;
  for (const auto& [key, wanted] : file.match) {
    const Value* there = source.config.find(key);
    Map one;
    one[key] = there ? *there : Value();
    if (there && !matches_key(one, key, wanted))
      diagnostics.error("B03", file.family.span, format("these rules are for `{}` {}, config.json says {}", key, show(wanted), show(*there)));
  }
}

Map as_map(const std::map<std::string, Value>& settings) {
  Map map;
  for (const auto& [key, value] : settings) map[key] = value;
  return map;
}

// Files whose `match` fits config.json; else those under which a plan can be made.
std::filesystem::path choose_rules(Session& session, const Request& request, const Contents& source,
                                   std::vector<std::string>& evidence) {
  const Map& config = source.side == "hf" ? source.config : source.companion_config;
  std::vector<std::filesystem::path> found;
  for (const auto& path : rule_files(request.folders)) {
    Diagnostics quiet;
    const auto file = parse_rule_file(path, {request.folders.folders, load_rule_text}, session.sources, quiet);
    if (file && !config.empty() && matches(*file, config)) found.push_back(path);
  }
  if (!found.empty()) evidence.push_back("the rules by `match` against config.json");
  if (found.empty() && config.empty()) {
    for (const auto& path : rule_files(request.folders)) {
      Diagnostics quiet;
      auto rules = load_rules(session, path, request.folders, quiet);
      if (!rules || !source.side || !rules->set.file.side(*source.side)) continue;
      const SideId side = *rules->set.file.side(*source.side);
      ConfigRequest trial{&rules->set, source_end(side, source), source_end(side, source), &source.config, as_map(request.settings), false};
      if (make_plan(trial, source, {}, quiet) && !quiet.failed()) found.push_back(path);
    }
    if (!found.empty()) evidence.push_back("the rules by names, shapes and arguments");
  }
  if (found.size() == 1) return found[0];
  std::vector<std::string> names;
  for (const auto& path : found) names.push_back(path.stem().string());
  if (found.empty())
    fail_usage(format("{}: no rule file fits; say one with --rules (`tessera families` lists them)",
                      escape(source.root.string())));
  fail_usage(format("{}: several rule files fit ({}); say one with --rules", escape(source.root.string()), join(names, ", ")));
}

// A config.json that came along gives the keys of which the rules do not speak, and nothing else.
Map over_companion(const RuleSet& rules, Map companion, Map config) {
  const RuleFile& file = rules.file;
  std::vector<std::string> spoken;
  for (const ConfigLine& line : file.config) spoken.push_back(line.key.s);
  for (const KeyedValue& fixed : file.fixed[0]) spoken.push_back(fixed.key.s);
  for (const KeyedExpr& derived : file.derived[0]) spoken.push_back(derived.key.s);
  for (const Dialect& dialect : rules.dialects)
    if (dialect.side == file.sides[0].s)
      for (const auto& [left, right] : dialect.config) spoken.push_back(right.s);
  for (const std::string& path : spoken) erase_path(companion, path);
  for (const auto& [key, value] : config) {
    Value* const there = companion.find(key);
    if (there && there->as_map() && value.as_map()) {
      for (const auto& [inner, v] : *value.as_map()) (*there->as_map())[inner] = v;
    } else {
      companion[key] = value;
    }
  }
  return companion;
}

OutputSpec output_spec(const Prepared& prepared, const Format& format_, uint64_t max_shard_size) {
  const Contents& source = prepared.reader->contents();
  const Model& model = prepared.plan.model;
  OutputSpec spec;
  spec.format = std::string(format_.name);
  spec.mesh = model.to.mesh;
  for (const Coordinates& at : places_of(model.to)) spec.places.push_back({at, ""});
  for (const Tensor& t : prepared.plan.graph.tensors)
    if (t.output) {
      if (spec.tensors.size() <= t.index) spec.tensors.resize(t.index + 1);
      spec.tensors[t.index] = {t.name, t.dtype, t.shape, t.place};
    }
  spec.max_shard_size = max_shard_size;
  if (const Value* iteration = source.config.find("iteration"); iteration && iteration->as_int()) {
    spec.iteration = *iteration->as_int();
    spec.release = spec.iteration == 0;
  }
  spec.side_files = source.side_files;
  if (const auto along = source.root / "config.json"; source.side == "hf" && format_.side == "mcore" && source.has_config)
    spec.side_files.push_back(along);
  spec.config = prepared.plan.target_config;
  if (!source.companion_config.empty() && model.to.side == 0)
    spec.config = over_companion(*model.rules, source.companion_config, std::move(spec.config));
  add_format_keys(spec);
  return spec;
}

// Settings that are options of the output's format and not of the rules.
Map take_format_options(std::map<std::string, Value>& settings, const Format& format_) {
  Map options;
  for (std::string_view name : format_.options) {
    const auto found = settings.find(std::string(name));
    if (found == settings.end()) continue;
    options[name] = found->second;
    settings.erase(found);
  }
  return options;
}

}  // namespace

bool matches(const RuleFile& file, const Map& config) {
  return !file.match.empty() && std::all_of(file.match.begin(), file.match.end(), [&](const Map::Entry& wanted) {
    return matches_key(config, wanted.first, wanted.second);
  });
}

std::unique_ptr<Prepared> prepare(Session& session, const Request& request, uint64_t max_shard_size) {
  auto prepared = std::make_unique<Prepared>();
  prepared->reader = open_checkpoint(request.source);
  const Contents& source = prepared->reader->contents();
  Diagnostics diagnostics;
  const auto path = request.rules.empty() ? choose_rules(session, request, source, prepared->evidence)
                                          : find_rule_file(request.rules, request.folders);
  auto rules = load_rules(session, path, request.folders, diagnostics);
  if (!rules) throw refused(std::move(diagnostics), path, source);
  prepared->rules = std::move(*rules);
  const RuleFile& file = prepared->rules.set.file;

  require_match(file, source, diagnostics);
  if (diagnostics.failed()) throw refused(std::move(diagnostics), path, source);
  const SideId from = source_side(request, file, source), to = target_side(request, file, from);
  const Format& format_ = target_format(request, file.sides[to].s);
  auto settings = request.settings;
  const Map format_options = take_format_options(settings, format_);
  prepared->request = {&prepared->rules.set, source_end(from, source), target_end(request, prepared->rules.set, to, format_),
                       &source.config, as_map(settings), true};
  auto plan = make_plan(prepared->request, source, {request.dtype, request.pad_repeat}, diagnostics);
  if (!plan || diagnostics.failed()) throw refused(std::move(diagnostics), path, source);
  session.warnings.append(diagnostics);
  prepared->plan = std::move(*plan);
  std::erase_if(prepared->plan.model.dropped_keys, [](const std::string& key) { return is_format_key(key); });
  prepared->output = output_spec(*prepared, format_, max_shard_size);
  prepared->output.options = format_options;
  const Model& model = prepared->plan.model;
  prepared->evidence.insert(prepared->evidence.begin(),
                            format("{}: {}, {} -> {}", file.family.s, source.format, end_text(file, model.from), end_text(file, model.to)));
  return prepared;
}

}  // namespace tessera
