// Collecting the author's mistakes.
#include "base/diagnostic.h"

namespace tessera {

Diagnostic& Diagnostics::add(Diagnostic diagnostic) {
  size_t& count = diagnostic.severity == Severity::error     ? errors_
                  : diagnostic.severity == Severity::warning ? warnings_
                                                             : notes_;
  if (++count <= most) return list_.emplace_back(std::move(diagnostic));
  return overflow_ = std::move(diagnostic);
}

Diagnostic& Diagnostics::error(std::string id, Span span, std::string message, std::string help) {
  return add({std::move(id), Severity::error, span, std::move(message), {}, std::move(help)});
}

Diagnostic& Diagnostics::warning(std::string id, Span span, std::string message, std::string help) {
  return add({std::move(id), Severity::warning, span, std::move(message), {}, std::move(help)});
}

void Diagnostics::note(std::string message) { add({{}, Severity::note, {}, std::move(message), {}, {}}); }

void Diagnostics::append(const Diagnostics& other) {
  const size_t errors = errors_ + other.errors_, warnings = warnings_ + other.warnings_;
  for (const Diagnostic& diagnostic : std::vector(other.list_)) add(diagnostic);
  errors_ = errors;
  warnings_ = warnings;
}

}  // namespace tessera
