// The report of a conversion: for people, and as JSON.
#pragma once
#include "planning.h"
#include "run/executor.h"

namespace tessera {

class Summary {
 public:
  explicit Summary(const Prepared& prepared) : prepared_(prepared) {}
  // `result` is null for a dry run.
  Report report(const RunResult* result, double seconds, bool dry_run) const;

 private:
  void add_run(Report& report, const RunResult& result, double seconds) const;
  const Prepared& prepared_;
};

Map mesh_json(const Mesh& mesh);
int64_t peak_memory();  // bytes, of this program alone

}  // namespace tessera
