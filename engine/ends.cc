// The two ends of a request: sides, meshes, places, spelling, format.
#include "ends.h"

#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "plan/config.h"
#include "store/megatron_dir.h"

namespace tessera {
namespace {

// A value, or one of a list of them.
bool matches_value(const Value& value, const Value& wanted) {
  const List* several = wanted.as_list();
  if (!several) return same_value(value, wanted);
  return std::any_of(several->begin(), several->end(), [&](const Value& v) { return same_value(value, v); });
}

SideId side_named(const RuleFile& file, const std::string& name, const char* option) {
  if (const auto side = file.side(name)) return *side;
  std::vector<std::string> known;
  for (const Text& side : file.sides) known.push_back(side.s);
  fail_usage(format("{} {}: `{}` has the sides {}{}", option, escape(name), file.family.s, join(known, ", "),
                    did_you_mean(name, known)));
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

}  // namespace

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

EndSpec source_end(SideId side, const Contents& source) {
  EndSpec end{side, source.mesh, {}, {}, source.stages, {}, source.whole};
  for (const PlaceInfo& place : source.places) end.places.push_back(place.at);
  return end;
}

EndSpec target_end(const Request& request, const RuleSet& rules, SideId side, const Format& format_) {
  EndSpec end{side, single_place, {}, {}, {}, {}};
  const Mesh mesh = mesh_of(request.mesh);
  if (format_.meshes == Meshes::none && mesh != single_place)
    fail_usage(format("--tp, --pp, --vpp, --ep, --etp: {} has no ranks", rules.file.sides[side].s));
  end.mesh = mesh;
  end.whole = format_.meshes == Meshes::named;
  if (format_.meshes == Meshes::ranks)
    for (const PlaceInfo& place : megatron_places(mesh)) end.places.push_back(place.at);
  for (const auto& [name, text] : request.place) {
    if (format_.meshes != Meshes::ranks) fail_usage(format("--place: the format {} has no ranks", format_.name));
    const auto dim = std::find(mesh_dim_names.begin(), mesh_dim_names.end(), name);
    if (dim == mesh_dim_names.end()) fail_usage(format("--place {}: no such mesh dimension", escape(name)));
    end.tables[MeshDim(dim - mesh_dim_names.begin())] = consecutive_table(parse_counts(text, name));
  }
  for (const std::string& name : request.dialects.value_or(std::vector<std::string>{}))
    if (name != "none") end.dialects.push_back(dialect_named(rules, side, name));
  return end;
}

std::vector<std::string> spelling_of(const RuleSet& rules, SideId side, const Map& companion) {
  const std::set<std::string> known = known_keys(rules, side);
  std::vector<std::string> names;
  for (const Dialect& dialect : rules.dialects) {
    const bool spoken = std::any_of(dialect.config.begin(), dialect.config.end(), [&](const auto& line) {
      return known.contains(line.first.s) && !known.contains(line.second.s) && find_path(companion, line.second.s);
    });
    if (dialect.side == rules.file.sides[side].s && dialect.rename.empty() && spoken) names.push_back(dialect.name);
  }
  return names;
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

std::string end_text(const RuleFile& file, const EndSpec& end) {
  std::string text = file.sides[end.side].s;
  for (size_t d = 0; d < end.mesh.size(); ++d)
    if (end.mesh[d] != 1 && !(MeshDim(d) == MeshDim::etp && end.mesh[d] == end.mesh[size_t(MeshDim::tp)]))
      text += format(" {}{}", mesh_dim_names[d], end.mesh[d]);
  if (!end.dialects.empty()) text += " in " + join(end.dialects, ", ");
  return text;
}

bool matches(const RuleFile& file, const Map& config) {
  return !file.match.empty() && std::all_of(file.match.begin(), file.match.end(), [&](const Map::Entry& wanted) {
    const Value* value = find_path(config, wanted.first);
    return value && matches_value(*value, wanted.second);
  });
}

void require_match(const RuleFile& file, const Contents& source, Diagnostics& diagnostics) {
  if (source.side != "hf") return;
  for (const auto& [key, wanted] : file.match) {
    const Value* there = source.config.find(key);  // a null too
    if (there && !matches_value(*there, wanted))
      diagnostics.error("B03", file.family.span,
                        format("these rules are for `{}` {}, config.json says {}", key, show(wanted), show(*there)));
  }
}

}  // namespace tessera
