// A comparison of two checkpoints before it is printed: two ends as logical tensors, and what was found of them.
#pragma once
#include "explaining.h"
#include "planning.h"
#include "run/compare.h"

namespace tessera {

// One checkpoint as logical tensors: by rules those of their first side, else its own under their own names.
struct LogicalEnd {
  std::unique_ptr<Prepared> prepared;  // by rules; its graph was moved to `graph`
  std::unique_ptr<Reader> opened;      // by names
  Graph graph;
  std::map<std::string, TensorId> outputs;  // by name
  std::vector<std::string> left_out;        // what of it is not compared, and why
  Map config;                               // canonical keys; by names its own

  const Reader& reader() const { return prepared ? *prepared->reader : *opened; }
  const Contents& contents() const { return reader().contents(); }
  const Tensor& tensor(TensorId id) const { return graph.tensors[id]; }
};
struct LogicalEnds {
  LogicalEnd a, b;
  std::vector<std::string> evidence;
};
// Both by the rules that fit each, or those of the other; by names where no rules are known of two of one side and
// mesh. Throws Refused or Error.
LogicalEnds logical_ends(Session& session, const DiffOptions& options);

// A tensor of both ends, or of one.
struct TensorFinding {
  enum class Status { equal, within, differs, dtype, shape, only_a, only_b };
  std::string name;
  Status status = Status::equal;
  TensorId a = none_id, b = none_id;
  bool compared = false;  // element by element: not with other shapes, nor dtypes of which no numbers are known
  Difference difference{};
};
// "equal", "within", ...
const char* status_name(TensorFinding::Status status);
bool is_same(TensorFinding::Status status);

struct ConfigFinding {
  std::string key;
  Value a, b;  // none: it is not there
};

struct DiffFindings {
  std::vector<TensorFinding> tensors;           // in the order of A, then those of B alone
  std::vector<ConfigFinding> config;            // keys that differ
  std::vector<std::string> within_a, within_b;  // replicas, copies and constants that are not what they must be
  uint64_t bytes_read = 0;
  double seconds = 0;
  bool same = true;
  size_t count(TensorFinding::Status status) const;
};

// Where an element of an output stands in a checkpoint; none for constants and pads.
struct ElementSource {
  std::string name, label;  // as the files spell it
  Extents index;
  std::optional<FileBytes> bytes;  // none: its value is made of several
};
std::optional<ElementSource> element_source(const LogicalEnd& end, TensorId output, int64_t element);

Map findings_json(const LogicalEnds& ends, const DiffOptions& options, const DiffFindings& findings);
std::vector<std::string> findings_text(const LogicalEnds& ends, const DiffOptions& options,
                                       const DiffFindings& findings);

}  // namespace tessera
