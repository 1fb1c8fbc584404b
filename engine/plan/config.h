// Configuration between one side and the canonical one: the small passes that bind and target_config are made of. A key
// is a path ("rope_scaling.factor"); null, absent and an empty map are one thing, none.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plan/model.h"

namespace tessera {

// --- keys -----------------------------------------------------------------------------------------------------------

// Without keys that say nothing: none, and maps with nothing in them.
Map pruned(const Map& config);
// Every key of a side's configuration that the rules speak of.
std::set<std::string> known_keys(const RuleSet& rules, SideId side);
// Is one the other, or the map in which it stands?
bool overlaps(std::string_view a, std::string_view b);
bool is_known(const std::set<std::string>& known, std::string_view key);
// Paths of all values that are no maps.
std::vector<std::string> leaf_keys(const Map& config);

// `config:` lines of dialects. Reading, those of any dialect of the side act on what the file has (B03 where it has
// both spellings and they differ); writing, those of the dialects in use.
bool read_spellings(const RuleSet& rules, SideId side, Map& config, Diagnostics& diagnostics);
void write_spellings(const RuleSet& rules, const EndSpec& end, Map& config);

// --- values ---------------------------------------------------------------------------------------------------------

// Names are looked up in the maps in turn. The scope keeps the pointers.
Scope scope_over(std::vector<const Map*> maps);
void report(const EvalFault& fault, Diagnostics& diagnostics);  // as B03

// One of the option's values, or of its type; nullopt after a B03.
std::optional<Value> accepted(const OptionDecl& option, const Value& value, Diagnostics& diagnostics);
// Each option's value: what was set, else what a non-canonical source says under that name, else the first of its list.
Map choose_options(const RuleSet& rules, SideId side, const Map& source, const Map& settings, Diagnostics& diagnostics);

// The canonical keys that the lines read out of a non-canonical side's configuration; keys of `settings` are left out.
Map inverted(const RuleSet& rules, const EndSpec& end, const Map& source, const Map& options, const Map& settings,
             Diagnostics& diagnostics);

// Of the keys of `nulls`, those that are said to be none, for which no default steps in: by a null among the settings
// or in the canonical side's configuration, or by a line of another side that reads none.
std::set<std::string> said_none(const RuleSet& rules, SideId side, const Map& given, const Map& settings,
                                const Map& config);

// Adds `defaults` for keys without a value, each after those that it speaks of. Returns the keys that got a value.
std::vector<std::string> apply_defaults(const RuleSet& rules, const Map& options, const std::set<std::string>& none,
                                        Map& config, Diagnostics& diagnostics);

// What a line writes for a canonical configuration; none: nothing. nullopt after a B03. `scope` is that of `to`.
std::optional<Value> written_value(const ConfigLine& line, const ConfigWay& way, const Map& config, const Scope& scope,
                                   Diagnostics& diagnostics);

// All that the rules say of one end's configuration: lines, fixed, derived; spelled as its dialects do.
Map written_config(const Model& model, const EndSpec& end, Diagnostics& diagnostics);

}  // namespace tessera
