// Diagnostics as text: the place and the sentence, the line with a mark under the words, related places, help.
#include <algorithm>
#include <tuple>

#include "base/diagnostic.h"
#include "base/message.h"
#include "base/text.h"

namespace tessera {
namespace {

constexpr size_t line_at_most = 160;   // columns of a source line shown
constexpr size_t before_at_most = 60;  // of these before the mark, when the line is longer

struct Paint {
  bool on;
  std::string operator()(std::string_view text, const char* code) const {
    return on && !text.empty() ? format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
};
constexpr const char *bold = "1", *red = "1;31", *yellow = "1;33", *cyan = "1;36";

struct Kind {
  const char *word, *color;
};
Kind kind_of(Severity severity) {
  if (severity == Severity::error) return {"error", red};
  return severity == Severity::warning ? Kind{"warning", yellow} : Kind{"note", cyan};
}

// A source line as shown: each byte of the line has a column there.
struct Shown {
  std::string text;
  std::vector<size_t> columns;  // of each byte, and one past the end
  size_t width = 0;
};

Shown show_line(std::string_view line) {
  Shown shown;
  for (size_t at = 0; at < line.size();) {
    const size_t from = at;
    const std::string piece = line[at] == '\t' ? (++at, " ") : escape_next(line, at);
    shown.columns.insert(shown.columns.end(), at - from, shown.width);
    shown.text += piece;
    shown.width += characters(piece);
  }
  shown.columns.push_back(shown.width);
  return shown;
}

// Byte at which column `column` begins.
size_t byte_of_column(std::string_view text, size_t column) {
  size_t at = 0;
  for (; column > 0 && at < text.size(); --column) at += decode_rune(text, at)->bytes;
  return at;
}

class Snippet {
 public:
  Snippet(const Sources& sources, Span span, Paint paint) : sources_(sources), paint_(paint) {
    const Position place = sources.position(span);
    line_ = place.line;
    source_ = span.source;
    const std::string_view line = sources.line(source_, line_);
    begin_ = static_cast<size_t>(line.data() - sources.text(source_).data());
    shown_ = show_line(line);
    window(column(span.begin));
  }

  bool holds(Span span) const { return span.source == source_ && sources_.position(span).line == line_; }

  // A run of `sign` under the span, then the words. In the last row if it is free there, else in one of its own.
  void mark(Span span, char sign, const char* color, std::string_view words) {
    const size_t from = std::clamp(column(span.begin), first_, last_);
    const size_t to = std::clamp(column(span.end), from + 1, std::max(last_, from + 1));
    if (rows_.empty() || rows_.back().width >= from - first_) rows_.emplace_back();
    Row& row = rows_.back();
    row.text.append(from - first_ - row.width, ' ');
    std::string run(to - from, sign);
    if (!words.empty()) run += " " + shown_line(words);
    row.text += paint_(run, color);
    row.width = from - first_ + characters(run);
  }

  std::string text() const {
    const size_t begin = byte_of_column(shown_.text, first_), end = byte_of_column(shown_.text, last_);
    const std::string number = format("{:>5}", line_), blank(number.size(), ' ');
    const std::string_view left = first_ > 0 ? "..." : "", right = last_ < shown_.width ? "..." : "";
    std::string out = format("{} | {}{}{}\n", number, left, shown_.text.substr(begin, end - begin), right);
    for (const Row& row : rows_) out += format("{} | {}{}\n", blank, std::string(left.size(), ' '), row.text);
    return out;
  }

 private:
  struct Row {
    std::string text;
    size_t width = 0;
  };

  size_t column(size_t byte) const {
    return shown_.columns[std::min(byte < begin_ ? 0 : byte - begin_, shown_.columns.size() - 1)];
  }
  void window(size_t mark) {
    last_ = shown_.width;
    if (shown_.width <= line_at_most) return;
    first_ = mark > before_at_most ? mark - before_at_most : 0;
    last_ = std::min(first_ + line_at_most, shown_.width);
  }

  const Sources& sources_;
  Paint paint_;
  SourceId source_ = no_source;
  uint32_t line_ = 0;
  size_t begin_ = 0;  // byte of the line's start in its source
  Shown shown_;
  size_t first_ = 0, last_ = 0;  // columns shown
  std::vector<Row> rows_;
};

std::string show_place(Span span, const Sources& sources) {
  if (!span.known()) return "";
  const Position place = sources.position(span);
  return format("{}:{}:{}: ", escape(sources.name(span.source)), place.line, place.column);
}

std::string show_related(const Related& related, const Sources& sources, Paint paint) {
  std::string out =
      format("  {}{}: {}\n", show_place(related.span, sources), paint("note", cyan), shown_line(related.message));
  if (!related.span.known()) return out;
  Snippet snippet(sources, related.span, paint);
  snippet.mark(related.span, '~', cyan, "");
  return out + snippet.text();
}

// The line of the mistake with all marks that belong there, then the places elsewhere.
std::string show_places(const Diagnostic& d, const Sources& sources, Paint paint) {
  std::string here, elsewhere;
  std::optional<Snippet> snippet;
  if (d.span.known()) {
    snippet.emplace(sources, d.span, paint);
    snippet->mark(d.span, '^', kind_of(d.severity).color, "");
  }
  for (const Related& related : d.related) {
    if (snippet && snippet->holds(related.span))
      snippet->mark(related.span, '~', cyan, related.message);
    else
      elsewhere += show_related(related, sources, paint);
  }
  if (snippet) here = snippet->text();
  return here + elsewhere;
}

std::string count(size_t n, const char* word) { return format("{} more {}{}", n, word, n == 1 ? "" : "s"); }

}  // namespace

std::string render(const Diagnostic& diagnostic, const Sources& sources, bool color) {
  const Paint paint{color};
  const Kind kind = kind_of(diagnostic.severity);
  const std::string label = diagnostic.id.empty() ? kind.word : format("{}[{}]", kind.word, diagnostic.id);
  const std::string message = join(shown_lines(diagnostic.message), "\n  ");
  std::string out =
      paint(show_place(diagnostic.span, sources), bold) + paint(label + ":", kind.color) + " " + message + "\n";
  out += show_places(diagnostic, sources, paint);
  if (diagnostic.help.empty()) return out;
  for (const std::string& line : shown_lines(diagnostic.help)) out += "  " + line + "\n";
  return out;
}

std::string render(const Diagnostics& diagnostics, const Sources& sources, bool color) {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& diagnostic : diagnostics.list()) sorted.push_back(&diagnostic);
  const auto rank = [](const Diagnostic* d) { return std::tuple(d->severity, d->span.source, d->span.begin); };
  std::stable_sort(sorted.begin(), sorted.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  std::string out;
  for (const Diagnostic* diagnostic : sorted) out += render(*diagnostic, sources, color);

  std::vector<std::string> more;
  const size_t most = Diagnostics::most, errors = diagnostics.error_count(), warnings = diagnostics.warning_count();
  if (errors > most) more.push_back(count(errors - most, "error"));
  if (warnings > most) more.push_back(count(warnings - most, "warning"));
  if (!more.empty()) out += join(more, " and ") + "\n";
  return out;
}

}  // namespace tessera
