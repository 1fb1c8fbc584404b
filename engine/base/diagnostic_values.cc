#include "base/diagnostic_values.h"

#include "base/message.h"
#include "base/text.h"

namespace tessera {
namespace {

const char* word_of(Severity severity) {
  if (severity == Severity::error) return "error";
  return severity == Severity::warning ? "warning" : "note";
}

Value value_or_none(const std::string& text) { return text.empty() ? Value() : Value(text); }

std::string shown(const std::string& message) { return join(shown_lines(message), "\n"); }

void put_place(Span span, const Sources& sources, Map& map) {
  const Position at = span.known() ? sources.position(span) : Position{};
  map["file"] = span.known() ? Value(sources.name(span.source)) : Value();
  map["line"] = span.known() ? Value(int64_t{at.line}) : Value();
  map["column"] = span.known() ? Value(int64_t{at.column}) : Value();
}

Value to_value(const Related& related, const Sources& sources) {
  Map map;
  put_place(related.span, sources, map);
  map["message"] = shown(related.message);
  return map;
}

Value to_value(const Diagnostic& diagnostic, const Sources& sources) {
  Map map;
  map["id"] = value_or_none(diagnostic.id);
  map["severity"] = word_of(diagnostic.severity);
  put_place(diagnostic.span, sources, map);
  map["message"] = shown(diagnostic.message);
  map["help"] = value_or_none(shown(diagnostic.help));
  List related;
  for (const Related& one : diagnostic.related) related.push_back(to_value(one, sources));
  map["related"] = std::move(related);
  return map;
}

}  // namespace

List to_values(const Diagnostics& diagnostics, const Sources& sources) {
  List list;
  for (const Diagnostic& diagnostic : diagnostics.list()) list.push_back(to_value(diagnostic, sources));
  return list;
}

}  // namespace tessera
