#include <doctest/doctest.h>

#include "base/source.h"
#include "base/text.h"

using namespace tessera;

TEST_CASE("a position counts lines and characters from 1") {
  Sources sources;
  const SourceId id = sources.add("a.yaml", "one\r\nzw\xC3\xB6lf: \xF0\x9F\x98\x80 x\n\nend");
  struct Row {
    uint32_t byte, line, column;
  };
  const Row rows[] = {{0, 1, 1},   {3, 1, 4},  {5, 2, 1},  {7, 2, 3}, {9, 2, 4},
                      {18, 2, 10}, {20, 3, 1}, {21, 4, 1}, {24, 4, 4}};
  for (const Row& row : rows) {
    CAPTURE(row.byte);
    const Position place = sources.position({id, row.byte, row.byte});
    CHECK(place.line == row.line);
    CHECK(place.column == row.column);
  }
  CHECK(sources.position({}).line == 0);
}

TEST_CASE("a column of a long line counts characters, and what is shown of it stands around the place") {
  Sources sources;
  std::string line;
  for (int i = 0; i < 5000; ++i) line += "ä";
  const SourceId id = sources.add("x", "first\n" + line + "b" + line + "\nlast");
  const Span b{id, 10006, 10007};
  CHECK(sources.position(b).line == 2);
  CHECK(sources.position(b).column == 5001);
  const std::string shown = sources.line_around(b);
  CHECK(shown.size() < 420);
  CHECK(is_utf8(shown));
  CHECK(shown.starts_with("...ä"));
  CHECK(shown.ends_with("ä..."));
  CHECK(shown.find('b') != std::string::npos);
  CHECK(sources.line_around({id, 1, 2}) == "first");
}

TEST_CASE("lines come without their break") {
  Sources sources;
  const SourceId id = sources.add("a", "one\r\ntwo\n\nfour");
  CHECK(sources.line(id, 1) == "one");
  CHECK(sources.line(id, 2) == "two");
  CHECK(sources.line(id, 3) == "");
  CHECK(sources.line(id, 4) == "four");
  CHECK(sources.line(id, 5) == "");
  CHECK(sources.line(id, 0) == "");
}

TEST_CASE("names and texts stay where they are when sources are added") {
  Sources sources;
  const SourceId first = sources.add("first", "short");
  const std::string* name = &sources.name(first);
  const std::string* text = &sources.text(first);
  for (int i = 0; i < 1000; ++i) sources.add("more", "x");
  CHECK(&sources.name(first) == name);
  CHECK(*text == "short");
}

TEST_CASE("a piece of a text knows its bytes") {
  const Text plain{"hidden_size", {0, 10, 21}, {}};
  CHECK(plain.at(7, 11) == Span{0, 17, 21});
  CHECK(plain.sub(0, 6).s == "hidden");
  CHECK(plain.sub(7, 11).at(1, 2) == Span{0, 18, 19});

  // The value a"b written as "a\"b", its quote at byte 5.
  const Text quoted{"a\"b", {0, 5, 11}, {6, 7, 9, 10}};
  CHECK(quoted.at(0, 1) == Span{0, 6, 7});
  CHECK(quoted.at(1, 2) == Span{0, 7, 9});
  CHECK(quoted.sub(1, 3).at(1, 2) == Span{0, 9, 10});
  CHECK(quoted.at(3, 3) == Span{0, 10, 10});

  const Text nowhere{"abc", {}, {}};
  CHECK_FALSE(nowhere.at(1, 2).known());
}
