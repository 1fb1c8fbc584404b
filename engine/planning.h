// From a request to a plan: rules chosen, ends settled, dialects detected. Shared by convert, plan and explain.
#pragma once
#include "rule_book.h"

namespace tessera {

// Everything known before a byte moves. Not movable: the plan points into the rules.
struct Prepared {
  std::unique_ptr<Reader> reader;      // none for `plan --config`
  LoadedRules rules;
  ConfigRequest request;
  Plan plan;
  OutputSpec output;                   // all but its path and run-time options
  std::vector<std::string> evidence;   // what was detected, and from what
};

// Throws Refused or Error.
std::unique_ptr<Prepared> prepare(Session& session, const Request& request, uint64_t max_shard_size);

// The families whose `match` fits a configuration.
bool matches(const RuleFile& file, const Map& config);

}  // namespace tessera
