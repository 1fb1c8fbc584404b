// The face: a function for each verb. The command line, and programs that embed the engine, see this and base/ alone.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/source.h"
#include "base/value.h"

namespace tessera {

// Where rule files are looked for: folders in order. The first holds the installed ones unless the user says otherwise.
struct RuleFolders {
  std::vector<std::filesystem::path> folders;
};

// What `convert`, `plan` and `explain` have in common.
struct Request {
  std::filesystem::path source;       // a checkpoint; empty: `config` alone (plan)
  std::filesystem::path config_file;  // plan --config
  std::string rules;                  // a file, or a family's name; empty: found by the checkpoint
  RuleFolders folders;
  std::string from, to;                              // sides; empty: detected, the other one
  std::optional<std::vector<std::string>> dialects;  // of the target; none: the side's own spelling (or the source's)
  std::map<std::string, int> mesh;                   // tp pp vpp ep etp of the target
  std::map<std::string, std::string> place;          // --place pp=6,9,9,8
  std::string format;                                // of the output; empty: the side's usual
  std::optional<DType> dtype;
  bool pad_repeat = false;
  std::map<std::string, Value> settings;  // --set
  // Only to be looked at (diff): towards the rules' first side as they spell it, with what is there, without its
  // configuration. `decode`: encoded weights become values even where they could be carried.
  bool canonical = false, decode = false;
};

struct ConvertOptions {
  std::filesystem::path target;
  uint64_t max_shard_size = 5'000'000'000;
  uint64_t memory = uint64_t{256} << 20;
  int threads = 0;
  bool direct = true;  // past the page cache, where it can be and the run waits for the disk
  bool sync = true, overwrite = false, dry_run = false;
  bool resume = false;        // go on with what an interrupted run of the same plan left
  bool hash = true;           // the manifest holds hashes; without them nothing can be resumed
  bool verify = false;        // the output is read back from the disk before it is committed
  bool weights_only = false;  // optimizer state stays behind, and that is meant
  bool torch_kernel = false;
  std::string device = "cpu";
  std::filesystem::path tokenizer;
  std::function<void(const std::string&)> say;                  // what was detected, and from which evidence
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes of output
  // Called once, before anything is made: from now on a signal must be caught, and told by `interrupted`. The output
  // grows in the folder `unfinished`.
  std::function<void(const std::filesystem::path& unfinished)> before_writing;
  std::function<bool()> interrupted;    // polled between tiles
  std::function<void()> before_commit;  // called once: what `interrupted` tells after it comes too late
};

// What a run found and did; printed by the command line as text, or as one JSON object.
struct Report {
  Map json;                        // schemas/report.schema.json
  std::vector<std::string> lines;  // the summary for people
  std::vector<std::string> warnings;
  std::filesystem::path unfinished;  // the run was interrupted, and what is done stands in this folder
};

// Everything that stays alive while messages may still be rendered.
struct Session {
  Sources sources;
  Diagnostics warnings;
};

// All throw Refused (rules or mapping; exit 1) or Error (usage 2, world 3).
Report convert(Session& session, const Request& request, const ConvertOptions& options);
// The graph goes to `print`, piece by piece; with `names_of`, the report has the names instead.
struct PlanView {
  std::string format = "text";  // text, json (schemas/plan.schema.json), dot, svg, html
  std::function<void(std::string_view)> print;
  std::string names_of;  // --names SIDE
  std::filesystem::path against;
  std::string glob;              // --name
  std::optional<int64_t> layer;  // --layer
};
Report plan(Session& session, const Request& request, const PlanView& view);
// `name`: a tensor of either end, `[PLACE:]name`; one of its elements, `name[i, j]`; or a rule. Nothing is written.
// json: schemas/explain.schema.json.
Report explain(Session& session, const Request& request, const std::string& name, uint64_t max_shard_size);
// Two checkpoints as logical tensors.
struct DiffOptions {
  std::filesystem::path a, b;
  std::string rules;  // as Request's
  RuleFolders folders;
  std::map<std::string, Value> settings;
  // Set: numbers alone count, and differ where they do so by more. Not set: bits and dtypes must be equal.
  std::optional<double> tolerance;
  std::string glob;     // --name
  bool all = false;     // list the equal ones too
  bool strict = false;  // the configuration counts
  uint64_t memory = uint64_t{256} << 20;
  int threads = 0;
  std::function<void(const std::string&)> say;
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes of both
};
struct Compared {
  Report report;  // json: schemas/diff.schema.json
  bool same = true;
};
Compared diff(Session& session, const DiffOptions& options);
struct InspectOptions {
  bool tree = false, hash = false;
};
Report inspect(Session& session, const std::filesystem::path& path, const RuleFolders& folders,
               const InspectOptions& options);
// Structure, every checksum of the format, and the hashes of a manifest where there is one. A file that is too broken
// to be opened is Error(world).
struct Verified {
  Report report;                    // report.schema.json: verify
  std::vector<std::string> damage;  // one line each; none: it is whole
};
Verified verify(const std::filesystem::path& path, int threads);
struct CheckOptions {
  bool flat = false, tp_lists = false;
  std::filesystem::path config, checkpoint;
};
// One rule file, dialect or packing. Diagnostics are returned, not thrown: many files can be checked in one run.
struct Checked {
  Report report;
  Diagnostics diagnostics;
  std::optional<Fault> fault;  // if it could not be checked: what its exit status would be
};
Checked check_rules(Session& session, const std::filesystem::path& file, const RuleFolders& folders,
                    const CheckOptions& options);
Report families(Session& session, const RuleFolders& folders);
struct InitRequest {
  std::filesystem::path source, other;  // checkpoints of one rank; the second of the other side, or empty
  std::filesystem::path config_file;    // instead of the source's config.json
  std::filesystem::path output;         // where the text will be put: messages name it; empty: FAMILY.yaml
  std::string family;                   // empty: `model_type`, else the source's name
  RuleFolders folders;
  bool borrow = true;  // look at the rule files that are there
};
// A first rule file, and what `check` says of it with the source's headers. No text: a rule file that is there fits.
struct Drafted {
  Report report;
  std::string text;
  Checked checked;
};
Drafted init(Session& session, const InitRequest& request);
// Puts a text into a file as a whole or not at all. Error(usage) if there is one and it may not be replaced.
void write_text(const std::filesystem::path& path, const std::string& text, bool overwrite);
// What the verbs open, for a process that will open nothing else (cli/confine.h). Of a checkpoint or rule file: itself,
// the folder around it, folders above that speak of it, and links in these. Of an output: the folder in which it
// appears.
std::vector<std::filesystem::path> read_reach(const std::filesystem::path& path);
std::filesystem::path write_reach(const std::filesystem::path& output);
// Opens the module of the torch kernel, and the device: for a process that could not do so later.
void load_torch_kernel(const std::string& device);
const char* explain_diagnostic(std::string_view id);  // nullptr if there is no such id
std::string explain_diagnostics();                    // of all ids, as a page
// The JSON Schemas of schemas/, as they were when this was built: "rules", "dialect", "report", ...
std::vector<std::string> schema_names();
const char* schema_text(std::string_view name);  // nullptr if there is no such schema

}  // namespace tessera
