// Rules meet one model: configuration, options, two ends (side, mesh, places). Made by bind, read by build.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rules/ruleset.h"
#include "store/checkpoint.h"

namespace tessera {

// One end of a conversion as asked for.
struct EndSpec {
  SideId side = 0;
  Mesh mesh = single_place;
  std::vector<Coordinates> places;  // empty: the full product, stage-major as places_of says
  // Placement tables: for each dimension (pp: by stage = vpp * PP + pp; ep) the global indices in slot order, -1 for an
  // empty slot. Counts are expanded by the caller (consecutive_table).
  std::map<MeshDim, std::vector<std::vector<int64_t>>> tables;
  // How many indices of a pp-split axis each stage was found to hold: believed where it is the axis's size. Empty:
  // equal shares.
  std::vector<int64_t> stages;
  std::vector<std::string> dialects;  // in use, by full name
  // One place holds every tensor whole, and there is one stage. What the mesh then still says is tp and the experts'
  // ranks, for pads: a vocabulary is padded for the ranks that will read it.
  bool whole = false;
  Map options{};  // that are otherwise at this end than in Model::options
  // How many tensors it was found to hold: the rules must not name many more. Whatever it holds, a few bytes of
  // configuration can speak of any number of layers.
  std::optional<size_t> tensors{};
  Mesh cuts() const { return whole ? single_place : mesh; }  // sizes that split axes
};

std::vector<Coordinates> places_of(
    const EndSpec& end);  // listed, or the full product in order tp, pp, vpp, ep, etp (last fastest)
// The place of the end at which each of `at` is; none_place: at none.
inline constexpr uint32_t none_place = UINT32_MAX;
std::vector<uint32_t> numbers_of(const std::vector<PlaceInfo>& at, const EndSpec& end);
int32_t stage_of(const Coordinates& at, const Mesh& mesh);  // vpp * PP + pp
std::vector<std::vector<int64_t>> consecutive_table(const std::vector<int64_t>& counts);

// Everything the rules' expressions can speak of, resolved.
struct Model {
  const RuleSet* rules = nullptr;
  Map config;   // canonical keys, defaults applied
  Map options;  // every option has a value
  Map lets;
  EndSpec from, to;
  Map given;                              // the source side's own configuration, as it was read
  Map settings;                           // what was set, canonical keys and options by their path
  std::vector<std::string> notes;         // that hold
  std::vector<std::string> defaulted;     // keys taken from `defaults`
  std::vector<std::string> dropped_keys;  // of the source's configuration, carried by nothing
};

// A scope for one end: config, options, lets, the end's mesh (tp pp vpp ep etp) and its dialects' names (bool).
// `axes` (optional) adds axis indices. The returned scope keeps pointers to its arguments.
class EndScope {
 public:
  EndScope(const Model& model, const EndSpec& end);
  Scope scope() const;
  void set(const std::string& axis, int64_t index);
  void unset(const std::string& axis);

 private:
  const Model& model_;
  std::map<std::string, Value, std::less<>> extra_;
};

struct ConfigRequest {
  const RuleSet* rules = nullptr;
  EndSpec from, to;
  const Map* config = nullptr;     // the source side's own (config.json or args)
  Map settings;                    // --set: canonical keys or options; believed first
  bool have_target_config = true;  // build the target's configuration and read it back
};

// Source configuration -> canonical config, options, lets, notes; checks require, fixed, defaults (B03). nullopt after
// an error. Dialect `config:` lines of the source side act as docs/language.md section 9 says.
std::optional<Model> bind(const ConfigRequest& request, Diagnostics& diagnostics);

// The other direction: the target side's configuration from the canonical one, with fixed, derived, dialects; read back
// (B03) when the side is not canonical. Keys that nothing carries are not in it.
std::optional<Map> target_config(const Model& model, Diagnostics& diagnostics);

}  // namespace tessera
