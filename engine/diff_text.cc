// What `diff` says to people: a few lines for each tensor that differs, then what stands on one side alone, then the
// sum.
#include <algorithm>

#include "base/text.h"
#include "comparing.h"
#include "layout/layout.h"
#include "summary.h"

namespace tessera {
namespace {

using Status = TensorFinding::Status;
constexpr size_t most_listed = 20;  // without --all

class Telling {
 public:
  Telling(const LogicalEnds& ends, const DiffOptions& options, const DiffFindings& findings)
      : ends_(ends), options_(options), findings_(findings) {}

  std::vector<std::string> run() {
    for (const TensorFinding& finding : findings_.tensors) tell(finding);
    tell_alone(Status::only_a, "A", ends_.a);
    tell_alone(Status::only_b, "B", ends_.b);
    tell_list("within A, which must be equal there", findings_.within_a);
    tell_list("within B, which must be equal there", findings_.within_b);
    tell_config();
    tell_list("not compared, of A", ends_.a.left_out);
    tell_list("not compared, of B", ends_.b.left_out);
    tell_sum();
    return std::move(lines_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    lines_.push_back(format(text, std::forward<Args>(args)...));
  }

  // "bf16", or "f32 in A, bf16 in B"
  std::string dtypes(const TensorFinding& finding) const {
    const auto a = info(ends_.a.tensor(finding.a).dtype).short_name;
    const auto b = info(ends_.b.tensor(finding.b).dtype).short_name;
    return a == b ? std::string(a) : format("{} in A, {} in B", a, b);
  }

  void tell(const TensorFinding& finding) {
    const std::string name = escape(finding.name);
    switch (finding.status) {
      case Status::equal:
        if (options_.all) say("{}: equal, {} {}", name, dtypes(finding), show_shape(ends_.a.tensor(finding.a).shape));
        return;
      case Status::shape:
        return say("{}: shape {} in A, {} in B", name, show_shape(ends_.a.tensor(finding.a).shape),
                   show_shape(ends_.b.tensor(finding.b).shape));
      case Status::dtype:
        return say("{}: dtype differs, {}; {}", name, dtypes(finding),
                   finding.compared ? "values equal" : "values cannot be compared");
      case Status::only_a:
      case Status::only_b:
        return;
      case Status::within:
      case Status::differs:
        return tell_difference(finding);
    }
  }

  void tell_difference(const TensorFinding& finding) {
    const Difference& d = finding.difference;
    const Tensor& tensor = ends_.a.tensor(finding.a);
    const bool one_dtype = tensor.dtype == ends_.b.tensor(finding.b).dtype;
    std::string line = format("{}: ", escape(finding.name));
    if (!one_dtype) line += format("dtype differs, {}; ", dtypes(finding));
    line += d.elements ? format("{} of {} elements differ", d.elements, volume(tensor.shape)) : "values equal";
    if (options_.tolerance) line += d.beyond ? format(", {} beyond the tolerance", d.beyond) : ", within the tolerance";
    if (d.largest > 0) line += format("; by at most {} (relative {:.3g})", show_float(d.largest), d.relative);
    lines_.push_back(line + kinds(d));
    if (d.elements == 0) return;
    tell_first(finding, d.beyond ? d.first_beyond : d.first);
    if (const auto at = d.at_largest; at.element >= 0 && at.element != (d.beyond ? d.first_beyond : d.first).element)
      say("  largest at {}: {}", show_shape(coordinates_of(at.element, tensor.shape)), values(finding, at));
  }

  static std::string kinds(const Difference& d) {
    std::string text;
    const auto add = [&](uint64_t count, const char* what) {
      if (count) text += format("; {} {}", count, what);
    };
    add(d.nan_a, "NaN in A alone");
    add(d.nan_b, "NaN in B alone");
    add(d.nan_both, "NaN of other bits");
    add(d.infinite, "with an infinity on one side");
    add(d.zeros, "zeros of the other sign");
    return text;
  }

  std::string values(const TensorFinding& finding, const NumberPair& pair) const {
    if (!has_numbers(ends_.a.tensor(finding.a).dtype)) return "bits differ";
    return format("{} in A, {} in B", show_float(pair.a), show_float(pair.b));
  }

  void tell_first(const TensorFinding& finding, const NumberPair& first) {
    const Extents index = coordinates_of(first.element, ends_.a.tensor(finding.a).shape);
    say("  first at {}: {}", show_shape(index), values(finding, first));
    tell_source("A", ends_.a, finding.a, first.element);
    tell_source("B", ends_.b, finding.b, first.element);
  }

  void tell_source(const char* letter, const LogicalEnd& end, TensorId output, int64_t element) {
    const auto source = element_source(end, output, element);
    if (!source) return say("    {}  a constant of the rules", letter);
    std::string line = format("    {}  {}{}{}{}", letter, escape(source->label), source->label.empty() ? "" : ":",
                              escape(source->name), show_shape(source->index));
    if (source->bytes)
      line += format("  {}, byte {}{}", escape(source->bytes->file), source->bytes->begin,
                     source->bytes->packed_at ? " of what it unpacks to" : "");
    lines_.push_back(std::move(line));
  }

  void tell_alone(Status status, const char* letter, const LogicalEnd& end) {
    std::vector<std::string> names;
    for (const TensorFinding& finding : findings_.tensors) {
      if (finding.status != status) continue;
      const Tensor& tensor = end.tensor(status == Status::only_a ? finding.a : finding.b);
      names.push_back(
          format("{}  {} {}", escape(finding.name), info(tensor.dtype).short_name, show_shape(tensor.shape)));
    }
    tell_list(format("only in {}", letter), names);
  }

  void tell_list(const std::string& title, const std::vector<std::string>& items) {
    if (items.empty()) return;
    say("{}:", title);
    const size_t shown = options_.all ? items.size() : std::min(items.size(), most_listed);
    for (size_t i = 0; i < shown; ++i) say("  {}", escape(items[i], 400));
    if (shown < items.size()) say("  ... and {} more", items.size() - shown);
  }

  void tell_config() {
    std::vector<std::string> keys;
    for (const ConfigFinding& one : findings_.config)
      keys.push_back(format("{}: {} in A, {} in B", escape(one.key), show(one.a), show(one.b)));
    tell_list(options_.strict ? "configuration" : "configuration (not counted without --strict)", keys);
  }

  void tell_sum() {
    const size_t only = findings_.count(Status::only_a) + findings_.count(Status::only_b);
    const size_t equal = findings_.count(Status::equal), within = findings_.count(Status::within);
    const size_t both = findings_.tensors.size() - only;
    std::string line = format("{} tensors in both: {} equal", both, equal);
    if (within) line += format(", {} within the tolerance", within);
    if (both > equal + within) line += format(", {} different", both - equal - within);
    if (only) line += format("; {} on one side alone", only);
    const size_t torn = findings_.within_a.size() + findings_.within_b.size();
    if (torn) line += format("; {} copies disagree", torn);
    say("{}; {} read in {:.1f} s, peak memory {}", line, show_bytes(findings_.bytes_read), findings_.seconds,
        show_bytes(static_cast<uint64_t>(peak_memory())));
    lines_.push_back(findings_.same ? "same" : "different");
  }

  const LogicalEnds& ends_;
  const DiffOptions& options_;
  const DiffFindings& findings_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> findings_text(const LogicalEnds& ends, const DiffOptions& options,
                                       const DiffFindings& findings) {
  return Telling(ends, options, findings).run();
}

}  // namespace tessera
