// The two ends of a request, settled: which side, which mesh and places, which spelling, which format.
#pragma once
#include "engine.h"
#include "plan/model.h"
#include "store/formats.h"

namespace tessera {

// All throw Error(usage) for what was asked wrongly.
SideId source_side(const Request& request, const RuleFile& file, const Contents& source);
SideId target_side(const Request& request, const RuleFile& file, SideId from);
EndSpec source_end(SideId side, const Contents& source);
EndSpec target_end(const Request& request, const RuleSet& rules, SideId side, const Format& format_);
// The spelling of a configuration that came along: dialects of keys alone, of which it has some.
std::vector<std::string> spelling_of(const RuleSet& rules, SideId side, const Map& companion);
const Format& target_format(const Request& request, const std::string& side);
std::string end_text(const RuleFile& file, const EndSpec& end);  // "mcore tp2 pp2 in legacy"

// Does a configuration fit the rule file's `match`?
bool matches(const RuleFile& file, const Map& config);
// Rules chosen by name are for the configurations that their `match` says, too: a key that says otherwise is B03.
void require_match(const RuleFile& file, const Contents& source, Diagnostics& diagnostics);

}  // namespace tessera
