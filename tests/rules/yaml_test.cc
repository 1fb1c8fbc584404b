// YAML: what is read, what is refused and where, merging, printing, values.
#include "rules/yaml.h"

#include <doctest/doctest.h>

#include <string>

#include "base/text.h"

using namespace tessera;

namespace {

struct Parsed {
  Sources sources;
  Diagnostics diagnostics;
  std::optional<Node> node;
};

Parsed parse(const std::string& text, const YamlLimits& limits = {}) {
  Parsed out;
  const SourceId id = out.sources.add("a.yaml", text);
  out.node = parse_yaml(out.sources, id, out.diagnostics, limits);
  return out;
}

// "line:column message" of the first error.
std::string refusal(const std::string& text, const YamlLimits& limits = {}) {
  const Parsed parsed = parse(text, limits);
  if (parsed.node) return "read";
  const Diagnostic& first = parsed.diagnostics.list().at(0);
  CHECK(first.id == "R01");
  const Position place = parsed.sources.position(first.span);
  return format("{}:{} {}", place.line, place.column, first.message);
}

std::string source_of(const Parsed& parsed, Span span) {
  return parsed.sources.text(span.source).substr(span.begin, span.end - span.begin);
}

}  // namespace

TEST_CASE("maps, lists, texts and their places") {
  const Parsed parsed = parse("# one\r\na: { b: [x y, 'it''s', \"t\\x61\\u00e4b\"] }\r\nc:\r\n  - 1\r\n  - d: ~\r\n");
  REQUIRE(parsed.node);
  const Node& list = *parsed.node->find("a")->find("b");
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[0].text.s == "x y");
  CHECK(!list.items[0].quoted);
  CHECK(list.items[1].text.s == "it's");
  CHECK(list.items[1].quoted);
  CHECK(source_of(parsed, list.items[1].span) == "it''s");
  CHECK(list.items[2].text.s ==
        "ta\xC3\xA4"
        "b");
  CHECK(source_of(parsed, list.items[2].text.at(1, 2)) == "\\x61");
  CHECK(source_of(parsed, list.items[2].text.at(2, 4)) == "\\u00e4");
  CHECK(source_of(parsed, list.items[2].text.at(4, 5)) == "b");
  CHECK(source_of(parsed, *&list.span) == "x y, 'it''s', \"t\\x61\\u00e4b");
  CHECK(parsed.node->find("c")->items[1].find("d")->kind == Node::Kind::null);
  CHECK(source_of(parsed, parsed.node->key("c")->span) == "c");
}

TEST_CASE("null: `~` and `null` have their place, nothing has the place of its key") {
  const Parsed parsed = parse("a: ~\nb: null\nc:\nd: \"~\"\ne: nullable\n");
  REQUIRE(parsed.node);
  CHECK(parsed.node->find("a")->kind == Node::Kind::null);
  CHECK(source_of(parsed, parsed.node->find("a")->span) == "~");
  CHECK(source_of(parsed, parsed.node->find("b")->span) == "null");
  CHECK(parsed.node->find("c")->text.empty());
  CHECK(source_of(parsed, parsed.node->find("c")->span) == "c");
  CHECK(parsed.node->find("d")->kind == Node::Kind::scalar);
  CHECK(parsed.node->find("e")->kind == Node::Kind::scalar);
}

TEST_CASE("what is not part of the language") {
  CHECK(refusal("a: &x b") == "1:4 anchors are not part of the language");
  CHECK(refusal("&x\na: b") == "1:1 anchors are not part of the language");
  CHECK(refusal("a: b\nc: *a") == "2:4 this is not YAML: the referenced anchor is not defined");
  CHECK(refusal("a: !tag b") == "1:4 tags are not part of the language");
  CHECK(refusal("a: !tag [b]") == "1:4 tags are not part of the language");
  CHECK(refusal("a:\n  !tag b: c") == "2:3 tags are not part of the language");
  CHECK(refusal("a: |\n  b\n") == "1:4 block scalars are not part of the language; a text stands on one line");
  CHECK(refusal("a: >\n  b\n") == "1:4 block scalars are not part of the language; a text stands on one line");
  CHECK(refusal("<<: { a: 1 }") == "1:1 merge keys are not part of the language");
  CHECK(refusal("a: 1\n---\nb: 1") == "2:1 a rule file is one document");
  CHECK(refusal("a: 1\n...\nb") == "3:1 a rule file is one document");
  CHECK(refusal("%YAML 1.2\n---\na: 1") == "1:1 YAML directives are not part of the language");
  CHECK(refusal("? [a]\n: b") == "1:3 a key is a text of at most 1024 bytes");
  CHECK(refusal("? ~\n: b") == "1:3 a key is a text of at most 1024 bytes");
  CHECK(refusal("a: 1\nb\n") == "2:1 a key without its `:`");  // else `b: ~` to one reader, no YAML to another
  CHECK(refusal("a: { b, c: 1 }") == "1:6 a key without its `:`");
  CHECK(refusal("? a\n: b") == "1:3 a key without its `:`");
  CHECK(refusal("\"a\" : 1\n'b': 2\n\"c\"") == "3:2 a key without its `:`");
  CHECK(refusal("---\na: 1\n") == "read");
}

TEST_CASE("a text ends on its line") {
  const std::string message = " a text ends on its line; is a quote or a bracket missing?";
  CHECK(refusal("a: b\n  c") == "1:4" + message);
  CHECK(refusal("a: \"b\n  c\"") == "1:4" + message);
  CHECK(refusal("a: 'b\n  c'") == "1:4" + message);
  CHECK(refusal("a: \"b\\\n  c\"") == "1:4" + message);
  CHECK(refusal("a: b\n\n  c") == "1:4" + message);
}

TEST_CASE("keys given twice, at both places") {
  const Parsed parsed = parse("a: 1\n\"\\x61\": 2\n");
  CHECK(!parsed.node);
  REQUIRE(parsed.diagnostics.list().size() == 1);
  const Diagnostic& twice = parsed.diagnostics.list()[0];
  CHECK(twice.message == "`a` is given twice");
  CHECK(parsed.sources.position(twice.span).line == 2);
  REQUIRE(twice.related.size() == 1);
  CHECK(parsed.sources.position(twice.related[0].span).line == 1);
  CHECK(refusal("x: { a: 1, b: { a: 1 }, a: 2 }") == "1:25 `a` is given twice");
}

TEST_CASE("bytes that no rule file holds") {
  CHECK(refusal("") == "1:1 the file is empty");
  CHECK(refusal("# nothing\n") == "1:1 the file is empty");
  CHECK(refusal("a: 1\n\tb: 2") == "2:1 a tab; use blanks");
  CHECK(refusal("a: 1\rb: 2") == "1:5 a carriage return without a line feed");
  CHECK(refusal(std::string("a: \0", 4)) == "1:4 a control character; a rule file is plain text");
  CHECK(refusal("a: \x07") == "1:4 a control character; a rule file is plain text");
  CHECK(refusal("a: \"\\a\"") == "1:5 a control character; a text stands on one line");
  CHECK(refusal("a: \"x\\ny\"") == "1:6 a control character; a text stands on one line");
  CHECK(refusal("\xEF\xBB\xBF"
                "a: 1") == "1:1 a byte order mark; save the file without");
  CHECK(refusal("a: 1\nb: \xFF") == "2:4 this line is not UTF-8 text");
  CHECK(refusal("a: x\xC2\x85y") == "1:5 a character that ends or reorders a line, or shows nothing");
  CHECK(refusal("a: 1 # \xE2\x80\xA8") == "1:8 a character that ends or reorders a line, or shows nothing");
  CHECK(refusal("a: \xC3\xA4\xC2\xA0") == "read");
}

TEST_CASE("limits are counted before anything grows") {
  YamlLimits limits;
  limits.nodes = 5;
  limits.depth = 3;
  limits.scalar = 4;
  limits.bytes = 40;
  CHECK(refusal("[a, b, c, d]", limits) == "read");
  CHECK(refusal("[a, b, c, d, e]", limits) == "1:14 a rule file has at most 5 nodes");
  CHECK(refusal("[[[]]]", limits) == "read");
  CHECK(refusal("[[[[]]]]", limits) == "1:4 a rule file nests at most 3 deep");
  CHECK(refusal("abcd", limits) == "read");
  CHECK(refusal("abcde", limits) == "1:1 a text has at most 4 bytes");
  CHECK(refusal("a # " + std::string(40, 'x'), limits) == "1:1 a rule file has at most 1 MiB");
  CHECK(refusal(std::string(20000, '[') + std::string(20000, ']')) == "1:33 a rule file nests at most 32 deep");
}

namespace {

struct Merged {
  Parsed parent, child;
  Diagnostics diagnostics;
  std::string yaml;
};

Merged merge(const std::string& parent, const std::string& child) {
  Merged out;
  const SourceId a = out.parent.sources.add("parent", parent), b = out.parent.sources.add("child", child);
  const auto left = parse_yaml(out.parent.sources, a, out.diagnostics),
             right = parse_yaml(out.parent.sources, b, out.diagnostics);
  const Node merged = merge_nodes(*left, *right, out.diagnostics);
  out.yaml = to_yaml(merged);
  return out;
}

}  // namespace

TEST_CASE("merge: maps at all depths, texts and lists replace, ~ deletes") {
  CHECK(merge("a: 1\nb: { c: 1, d: 2 }\ne: [1]", "f: 3\nb: { d: 4, x: 5 }\ne: [2, 3]").yaml ==
        "a: 1\nb:\n  c: 1\n  d: 4\n  x: 5\ne:\n  - 2\n  - 3\nf: 3\n");
  CHECK(merge("a: 1\nb: { c: 1, d: 2 }", "b: { c: ~ }").yaml == "a: 1\nb:\n  d: 2\n");
  CHECK(merge("a: { b: 1 }", "a: text").yaml == "a: text\n");
  CHECK(merge("a: text", "a: { b: 1 }").yaml == "a:\n  b: 1\n");
}

TEST_CASE("merge: nothing to delete, and no value by accident") {
  const Merged nothing = merge("a: { b: 1 }", "a: { c: ~ }");
  REQUIRE(nothing.diagnostics.list().size() == 1);
  CHECK(nothing.diagnostics.list()[0].id == "R06");
  CHECK(nothing.diagnostics.list()[0].span == Span{1, 5, 6});
  const Merged accident = merge("a: 1\nb: 2", "a:\n");
  REQUIRE(accident.diagnostics.list().size() == 1);
  CHECK(accident.diagnostics.list()[0].id == "R01");
}

TEST_CASE("merge: a node keeps the file it came from") {
  Sources sources;
  Diagnostics diagnostics;
  const SourceId a = sources.add("parent", "x: { a: 1, b: 2 }"), b = sources.add("child", "x: { b: 3 }");
  const Node merged =
      merge_nodes(*parse_yaml(sources, a, diagnostics), *parse_yaml(sources, b, diagnostics), diagnostics);
  CHECK(merged.key("x")->span.source == a);
  CHECK(merged.find("x")->find("a")->span.source == a);
  CHECK(merged.find("x")->find("b")->span.source == b);
  CHECK(merged.find("x")->key("b")->span.source == b);
}

TEST_CASE("printing reads back as the same tree") {
  const std::string text = "a: [1, { b: c d, 'e f': \"g \\\"h\\\" \\\\\" }, []]\n\"k: l\": {}\nm: ~\nn: \"true\"\n";
  const Parsed first = parse(text);
  REQUIRE(first.node);
  const std::string printed = to_yaml(*first.node);
  CHECK(printed ==
        "a:\n  - 1\n  -\n    b: c d\n    \"e f\": \"g \\\"h\\\" \\\\\"\n  - []\n\"k: l\": {}\nm: ~\nn: \"true\"\n");
  const Parsed second = parse(printed);
  REQUIRE(second.node);
  CHECK(to_yaml(*second.node) == printed);
  CHECK(yaml_value(*second.node) == yaml_value(*first.node));
}

TEST_CASE("values of YAML 1.2, and text in doubt") {
  const auto value = [](const std::string& text) { return show(yaml_value(*parse("a: " + text).node->find("a"))); };
  CHECK(value("true") == "true");
  CHECK(value("~") == "none");
  CHECK(value("-12") == "-12");
  CHECK(value("0") == "0");
  CHECK(value("1.5") == "1.5");
  CHECK(value("1.0e-5") == "1e-05");
  CHECK(value("yes") == "\"yes\"");
  CHECK(value("010") == "\"010\"");
  CHECK(value("1e3") == "\"1e3\"");
  CHECK(value("\"1\"") == "\"1\"");
  CHECK(value("0x10") == "\"0x10\"");
  CHECK(value(".5") == "\".5\"");
  CHECK(value("99999999999999999999") == "99999999999999999999");  // kept as it is spelt
  CHECK(value("[1, { b: 2 }]") == "[1, { b: 2 }]");
}
