// An explanation before it is printed: a few tensors with their bytes and layouts, and the moves between them.
#pragma once
#include "explain_name.h"
#include "plan/explain.h"
#include "plan/trace.h"

namespace tessera {

// A range of one file. Of packed (deflated) bytes: counted in what they unpack to.
struct FileBytes {
  std::string file;  // of the source as it was opened; of the target relative to the output folder
  uint64_t begin = 0, end = 0;
  std::optional<uint64_t> packed_at;  // where the packed bytes begin in the file
};

// Of the whole tensor, a range for each chunk; of the element `at`, at most one.
std::vector<FileBytes> source_bytes(const Contents& source, uint32_t index, const std::optional<Extents>& at);
std::vector<FileBytes> target_bytes(const OutTensor& tensor, const OutPlace& place, const std::vector<FileInfo>& files,
                                    const std::optional<Extents>& at);

struct ToldTensor {
  bool output = false;
  TensorId id = none_id;
  std::string name, label;
  Coordinates at{};
  DType dtype = DType::f32;
  Extents shape;
  std::vector<FileBytes> bytes;               // none: there is no checkpoint
  std::vector<const RenameLine*> renamed_by;  // lines of dialects, from the rules' spelling to `name`
  std::vector<Laying> layings;
};

struct ToldSite {
  size_t tensor = 0;  // index into Explanation::tensors
  int64_t element = 0;
  std::optional<FileBytes> bytes;
  std::optional<PartElement> part;
  uint32_t move = none_id;
};

struct ToldElement {
  ToldSite asked;
  std::optional<ToldSite> read;
  std::vector<ToldSite> compared, written;
  std::optional<FillValue> value;
  bool pad = false;  // an empty slot: what is written there is no value of the source's
  bool more = false;
};

struct Explanation {
  std::vector<ToldTensor> tensors;         // the one that was asked for first
  std::vector<uint32_t> moves, omissions;  // of the graph, those that concern it
  std::optional<ToldElement> element;
  const IgnoreDecl* ignored = nullptr;  // the line that leaves it out
};

// `writer`: the output laid out; nullptr without a checkpoint, when bytes are not told.
Explanation explain_subject(const Prepared& prepared, const Writer* writer, const Subject& subject);

// Printing.
struct ExplainContext {
  const Prepared& prepared;
  const Sources& sources;
};
Map explanation_json(const ExplainContext& context, const Explanation& explanation);
std::vector<std::string> explanation_text(const ExplainContext& context, const Explanation& explanation);

const char* omission_kind(Omission::Kind kind);  // "pad", "unused", "copy"
const char* omission_text(Omission::Kind kind);  // why that is right
std::string value_text(const FillValue& value);
std::string place_text(const ExplainContext& context, Span span);  // "rules/x.yaml:41"; "" if unknown
std::vector<std::string> steps_text(const ExplainContext& context, const Move& move);  // "plus(1.0)", ...
// Rules of the explained moves and addresses, in order.
std::vector<RuleId> rules_of(const Graph& graph, const Explanation& explanation);
// The lines of the rule file on which a rule's addresses in use stand, in order.
struct RuleLine {
  std::string at, text;
};
std::vector<RuleLine> rule_lines(const ExplainContext& context, const Explanation& explanation, RuleId rule);

}  // namespace tessera
