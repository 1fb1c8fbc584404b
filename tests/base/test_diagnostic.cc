#include <doctest/doctest.h>

#include "base/diagnostic.h"
#include "base/diagnostic_values.h"
#include "base/text.h"

using namespace tessera;

namespace {

// The span of the `nth` occurrence of `word`.
Span span_of(const Sources& sources, SourceId id, std::string_view word, int nth = 1) {
  size_t at = sources.text(id).find(word);
  for (; nth > 1; --nth) at = sources.text(id).find(word, at + 1);
  return {id, static_cast<uint32_t>(at), static_cast<uint32_t>(at + word.size())};
}

size_t count_of(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a diagnostic shows the place, the line, both marks and what to do") {
  Sources sources;
  const SourceId id =
      sources.add("rules/a.yaml", "blocks:\n    proj:  { hf: o.weight  h (g r d),  mcore: p.weight  h (g d) }\n");
  Diagnostics diagnostics;
  diagnostics
      .error("R03", span_of(sources, id, "r d"), "axis `r` is on the hf side only",
             "a rule must name every axis once on each side")
      .related.push_back({span_of(sources, id, "(g d)"), "not here"});
  CHECK(render(diagnostics, sources) ==
        "rules/a.yaml:2:33: error[R03]: axis `r` is on the hf side only\n"
        "    2 |     proj:  { hf: o.weight  h (g r d),  mcore: p.weight  h (g d) }\n"
        "      |                                 ^^^                       ~~~~~ not here\n"
        "  a rule must name every axis once on each side\n");
}

TEST_CASE("a related place before the mark, or on another line, gets a row of its own") {
  Sources sources;
  const SourceId id = sources.add("a.yaml", "first: x\nab: cd\n"), other = sources.add("b.yaml", "far\n");
  Diagnostics diagnostics;
  auto& error = diagnostics.error("R05", span_of(sources, id, "cd"), "they meet");
  error.related.push_back({span_of(sources, id, "ab"), "this"});
  error.related.push_back({span_of(sources, id, "first"), "and that"});
  error.related.push_back({span_of(sources, other, "far"), "and another"});
  error.related.push_back({{}, "a thing of no place"});
  CHECK(render(diagnostics, sources) ==
        "a.yaml:2:5: error[R05]: they meet\n"
        "    2 | ab: cd\n"
        "      |     ^^\n"
        "      | ~~ this\n"
        "  a.yaml:1:1: note: and that\n"
        "    1 | first: x\n"
        "      | ~~~~~\n"
        "  b.yaml:1:1: note: and another\n"
        "    1 | far\n"
        "      | ~~~\n"
        "  note: a thing of no place\n");
}

TEST_CASE("columns and marks count characters; tabs are one; control characters are shown escaped") {
  Sources sources;
  const SourceId id = sources.add("a.yaml", "\xC3\xB6\xC3\xB6\t\x1b[m: bad\n");
  Diagnostics diagnostics;
  diagnostics.error("R01", span_of(sources, id, "bad"), "no");
  CHECK(render(diagnostics, sources) ==
        "a.yaml:1:9: error[R01]: no\n"
        "    1 | \xC3\xB6\xC3\xB6 \\x1b[m: bad\n"
        "      |            ^^^\n");
}

TEST_CASE("an empty span, the end of a line, a span over lines, and the end of the file are marked inside the line") {
  Sources sources;
  const SourceId id = sources.add("a", "abc\ndef");
  const auto mark = [&](uint32_t begin, uint32_t end) {
    Diagnostics diagnostics;
    diagnostics.error("R01", {id, begin, end}, "m");
    return split(render(diagnostics, sources), '\n')[2];
  };
  CHECK(mark(1, 1) == "      |  ^");
  CHECK(mark(3, 3) == "      |    ^");
  CHECK(mark(1, 6) == "      |  ^^");
  CHECK(mark(7, 7) == "      |    ^");
}

TEST_CASE("a long line is shown around its mark") {
  Sources sources;
  const SourceId id = sources.add("a", std::string(10'000, 'x') + "HERE" + std::string(10'000, 'y') + "\n");
  Diagnostics diagnostics;
  diagnostics.error("R01", span_of(sources, id, "HERE"), "m");
  const auto lines = split(render(diagnostics, sources), '\n');
  CHECK(lines[0] == "a:1:10001: error[R01]: m");
  CHECK(lines[1].size() < 200);
  const size_t at = lines[1].find("HERE");
  REQUIRE(at != std::string::npos);
  CHECK(lines[2].substr(at) == "^^^^");
}

TEST_CASE("a diagnostic without a place, a note without an id") {
  Sources sources;
  CHECK(render(Diagnostic{"V01", Severity::error, {}, "no rule for `x\x1b`", {}, "one\ntwo"}, sources) ==
        "error[V01]: no rule for `x\\x1b`\n  one\n  two\n");
  CHECK(render(Diagnostic{"", Severity::note, {}, "m", {}, ""}, sources) == "note: m\n");
  CHECK(render(Diagnostic{"", Severity::warning, {}, "m", {}, ""}, sources, true) == "\x1b[1;33mwarning:\x1b[0m m\n");
}

TEST_CASE("errors by place, then warnings; beyond twenty they are counted") {
  Sources sources;
  const SourceId id = sources.add("a", std::string(100, 'x'));
  Diagnostics diagnostics;
  CHECK_FALSE(diagnostics.failed());
  diagnostics.warning("R06", {id, 0, 1}, "careful");
  CHECK_FALSE(diagnostics.failed());
  for (uint32_t i = 0; i < 25; ++i) diagnostics.error("R02", {id, 50 - i, 51 - i}, format("number {}", i)).help = "x";
  CHECK(diagnostics.failed());
  CHECK(diagnostics.error_count() == 25);
  CHECK(diagnostics.list().size() == 21);
  const std::string text = render(diagnostics, sources);
  CHECK(count_of(text, "error[R02]") == 20);
  CHECK(text.find("number 19") < text.find("number 0"));
  CHECK(text.find("number 0") < text.find("careful"));
  CHECK(text.ends_with("\n5 more errors\n"));

  Diagnostics all;
  all.error("R01", {}, "first");
  all.append(diagnostics);
  CHECK(all.error_count() == 26);
  CHECK(all.list().size() == 21);
  CHECK(render(all, sources).ends_with("\n6 more errors\n"));
}

TEST_CASE("names and lines of a message are cut, whoever made it") {
  const std::string name(60'000, 'x'), cut_name = "`" + std::string(197, 'x') + "...`";
  Diagnostics diagnostics;
  diagnostics.error("R02", {}, "no `" + name + "`", name).related.push_back({{}, "`" + name + "`"});
  const std::string help = std::string(997, 'x') + "...";
  CHECK(render(diagnostics, {}) == "error[R02]: no " + cut_name + "\n  note: " + cut_name + "\n  " + help + "\n");
  const List values = to_values(diagnostics, {});
  const Map& shown = *values[0].as_map();
  CHECK(*shown.find("message")->as_string() == "no " + cut_name);
  CHECK(*shown.find("help")->as_string() == help);
}
