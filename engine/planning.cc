// Settling a request: rules, ends, configuration; then the plan and the shape of the output.
#include "planning.h"

#include <algorithm>

#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "ends.h"
#include "plan/kinds.h"
#include "plan/packing.h"
#include "store/file.h"
#include "store/format_keys.h"
#include "store/formats.h"
#include "store/memory.h"

namespace tessera {
namespace {

// What a refusal was about: the places that its messages may not have named.
Refused refused(Diagnostics diagnostics, const std::filesystem::path& rules, const std::filesystem::path& source) {
  const auto config = path_in(source, "config.json");
  std::error_code ignored;
  diagnostics.note(
      format("rules {}, source {}{}", escape(rules.string()), escape(source.string()),
             std::filesystem::is_directory(source, ignored) ? ", configuration " + escape(config.string()) : ""));
  return Refused(std::move(diagnostics));
}

// The dtype that a configuration gives its weights; bf16 where it says none.
DType said_dtype(const Map& config) {
  for (const char* key : {"dtype", "torch_dtype", "params_dtype"}) {
    const Value* said = config.find(key);
    if (!said || !said->as_string()) continue;
    std::string_view word = *said->as_string();
    if (word.starts_with("torch.")) word.remove_prefix(6);
    const auto dtype = dtype_by_torch(word);
    if (dtype && is_float(*dtype)) return *dtype;
  }
  return DType::bf16;
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

// From a side to itself the source says for itself which of an option's values it has: what is set is the target's.
void give_options_to_target(ConfigRequest& request) {
  for (const OptionDecl& option : request.rules->file.options) {
    const Value* set = request.settings.find(option.name.s);
    if (!set || option.any) continue;
    request.to.options[option.name.s] = *set;
    request.settings.erase(option.name.s);
  }
}

// `plan --config`: no checkpoint, but what the rules say that one of this configuration would hold.
std::unique_ptr<Reader> declared_checkpoint(const Request& request, const RuleSet& rules, SideId side,
                                            Diagnostics& diagnostics) {
  const Value config = parse_json(InputFile(request.config_file).read_all(16 << 20), request.config_file.string());
  if (!config.as_map()) fail_world(format("{}: is not an object", escape(request.config_file.string())));
  auto made = std::make_unique<MemoryCheckpoint>();
  made->add_place({});
  Contents& contents = made->edit();
  contents.side = rules.file.sides[side].s;
  contents.root = request.config_file;
  contents.config = *config.as_map();
  contents.has_config = true;
  ConfigRequest asked{&rules,
                      {side, single_place, {}, {}, {}, {}},
                      {side, single_place, {}, {}, {}, {}},
                      &contents.config,
                      as_map(request.settings),
                      false};
  const auto model = bind(asked, diagnostics);
  const auto declared = model ? declared_tensors(*model, model->from, diagnostics) : std::nullopt;
  if (!declared) return nullptr;
  const DType dtype = said_dtype(contents.config);
  for (const Declared& tensor : *declared)
    if (!tensor.optional) contents.tensors.push_back({tensor.name, dtype, tensor.shape, 0, {}});
  return made;
}

}  // namespace

std::unique_ptr<Prepared> prepare(Session& session, const Request& request, uint64_t max_shard_size) {
  auto prepared = std::make_unique<Prepared>();
  Diagnostics diagnostics;
  if (!request.source.empty()) prepared->reader = open_checkpoint(request.source);
  if (!prepared->reader && request.rules.empty()) fail_usage("--config: wants --rules too");
  const auto path = request.rules.empty()
                        ? choose_rules(session, request, prepared->reader->contents(), prepared->evidence)
                        : find_rule_file(request.rules, request.folders);
  auto rules = load_rules(session, path, request.folders, diagnostics);
  if (!rules) throw refused(std::move(diagnostics), path, request.source);
  prepared->rules = std::move(*rules);
  const RuleFile& file = prepared->rules.set.file;
  if (!prepared->reader)
    prepared->reader = declared_checkpoint(request, prepared->rules.set,
                                           request.from.empty() ? 0 : file.side(request.from).value_or(0), diagnostics);
  if (!prepared->reader) throw refused(std::move(diagnostics), path, request.config_file);
  require_match(file, prepared->reader->contents(), diagnostics);
  if (diagnostics.failed()) throw refused(std::move(diagnostics), path, prepared->reader->contents().root);
  const SideId from = source_side(request, file, prepared->reader->contents());
  const SideId to = request.canonical ? 0 : target_side(request, file, from);
  prepared->reader = unpack(std::move(prepared->reader), prepared->rules.set, from, diagnostics);
  if (!prepared->reader) throw refused(std::move(diagnostics), path, request.source);
  const Contents& source = prepared->reader->contents();
  carry_kinds(prepared->rules.set, kinds_of(file, from, source), to, diagnostics);
  if (diagnostics.failed()) throw refused(std::move(diagnostics), path, source.root);
  const Format& format_ = target_format(request, file.sides[to].s);
  auto settings = request.settings;
  const Map format_options = take_format_options(settings, format_);
  prepared->request = {
      &prepared->rules.set, source_end(from, source), target_end(request, prepared->rules.set, to, format_),
      &source.config,       as_map(settings),         !request.canonical};
  if (from == to) give_options_to_target(prepared->request);
  if (!request.dialects && to == 0 && to != from && !request.canonical)
    prepared->request.to.dialects = spelling_of(prepared->rules.set, to, source.companion_config);
  const BuildOptions build{request.dtype, request.pad_repeat, said_dtype(source.config), request.decode,
                           request.canonical};
  auto plan = make_plan(prepared->request, source, build, diagnostics);
  if (!plan || diagnostics.failed()) throw refused(std::move(diagnostics), path, source.root);
  session.warnings.append(diagnostics);
  prepared->plan = std::move(*plan);
  std::erase_if(prepared->plan.model.dropped_keys, [](const std::string& key) { return is_format_key(key); });
  prepared->output = output_spec(*prepared, format_, max_shard_size);
  OutputSpec& output = prepared->output;
  if (prepared->plan.model.to.whole && !pack(output.tensors, prepared->rules.set, to, output.config, diagnostics))
    throw refused(std::move(diagnostics), path, source.root);
  output.options = format_options;
  const Model& model = prepared->plan.model;
  prepared->evidence.insert(prepared->evidence.begin(), format("{}: {}, {} -> {}", file.family.s, source.format,
                                                               end_text(file, model.from), end_text(file, model.to)));
  return prepared;
}

}  // namespace tessera
