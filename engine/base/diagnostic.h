// The author's mistakes: collected, never thrown, rendered as `file:line:col: error[R03]: ...` with the line and a
// caret.
#pragma once
#include <string>
#include <vector>

#include "base/source.h"

namespace tessera {

enum class Severity { error, warning, note };

// A second place that belongs to the mistake ("the other address is here").
struct Related {
  Span span;
  std::string message;
};

struct Diagnostic {
  std::string id;  // "R03", "V01", ...; empty for a plain note
  Severity severity = Severity::error;
  Span span;
  std::string message;           // one sentence: what is wrong
  std::vector<Related> related;  // shown after the line
  std::string help;              // what to do, or the nearest right name; may be empty
};

class Diagnostics {
 public:
  static constexpr size_t most = 20;  // errors, and warnings, shown in one run; further ones are only counted

  // The reference is good until the next one is added.
  Diagnostic& error(std::string id, Span span, std::string message, std::string help = {});
  Diagnostic& warning(std::string id, Span span, std::string message, std::string help = {});
  void note(std::string message);  // shown last, without a place
  bool failed() const { return errors_ > 0; }
  size_t error_count() const { return errors_; }
  bool full() const { return errors_ >= most; }  // no further error is shown
  size_t warning_count() const { return warnings_; }
  const std::vector<Diagnostic>& list() const { return list_; }
  void append(const Diagnostics& other);

 private:
  Diagnostic& add(Diagnostic diagnostic);
  std::vector<Diagnostic> list_;
  Diagnostic overflow_;  // where those beyond `most` go
  size_t errors_ = 0, warnings_ = 0, notes_ = 0;
};

std::string render(const Diagnostic& diagnostic, const Sources& sources, bool color = false);
// Errors first in order of place, then warnings; a last line counts what was left out.
std::string render(const Diagnostics& diagnostics, const Sources& sources, bool color = false);

}  // namespace tessera
