// From a request to a plan: rules chosen, ends settled, dialects detected. Shared by convert, plan and explain.
#pragma once
#include "rule_book.h"
#include "store/formats.h"

namespace tessera {

// Everything known before a byte moves. Not movable: the plan points into the rules.
struct Prepared {
  std::unique_ptr<Reader> reader;  // none for `plan --config`
  LoadedRules rules;
  ConfigRequest request;
  Plan plan;
  OutputSpec output;                  // all but its path and run-time options
  std::vector<std::string> evidence;  // what was detected, and from what
};

// Throws Refused or Error.
std::unique_ptr<Prepared> prepare(Session& session, const Request& request, uint64_t max_shard_size);

// The rule file that fits a checkpoint: by its config.json, else the one under which a plan can be made. Adds how it
// was found. Error(usage) if none or several do.
std::filesystem::path choose_rules(Session& session, const Request& request, const Contents& source,
                                   std::vector<std::string>& evidence);
// What a source is or, if it is a file, stands in: there its configuration is.
std::filesystem::path folder_of(const Contents& source);
OutputSpec output_spec(const Prepared& prepared, const Format& format_, uint64_t max_shard_size);
Map as_map(const std::map<std::string, Value>& settings);

}  // namespace tessera
