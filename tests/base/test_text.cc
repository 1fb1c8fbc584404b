#include <doctest/doctest.h>

#include "base/text.h"

using namespace tessera;

TEST_CASE("escape shows foreign text safely") {
  struct Row {
    std::string raw, shown;
  };
  const Row rows[] = {
      {"model.layers.0", "model.layers.0"},
      {"C:\\temp", "C:\\temp"},   // nothing to escape: backslash as it is
      {"a\\b\n", "a\\\\b\\x0a"},  // something to escape: doubled
      {"\x1b[2J", "\\x1b[2J"},
      {"tab\tdel\x7f", "tab\\x09del\\x7f"},
      {std::string("nul\0x", 5), "nul\\x00x"},
      {"\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"bad\xFFutf", "bad\\xffutf"},
      {"\xC0\xAF", "\\xc0\\xaf"},                    // overlong slash
      {"\xED\xA0\x80", "\\xed\\xa0\\x80"},           // lone surrogate
      {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
      {"cut\xE2\x82", "cut\\xe2\\x82"},
      {"rtl\xE2\x80\xAEx", "rtl\\u{202e}x"},
      {"\xE2\x81\xA6iso", "\\u{2066}iso"},
      {"\xEF\xBB\xBF"
       "bom",
       "\\u{feff}bom"},
      {"\xC2\x9Bx", "\\u{9b}x"},  // C1 control, an ESC [ to some terminals
  };
  for (const Row& row : rows) {
    CAPTURE(row.shown);
    CHECK(escape(row.raw) == row.shown);
  }
}

TEST_CASE("escape cuts between characters and stays within its bytes") {
  CHECK(escape(std::string(200, 'a')) == std::string(200, 'a'));
  CHECK(escape(std::string(201, 'a')) == std::string(197, 'a') + "...");
  CHECK(escape("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 7) == "\xE2\x82\xAC...");
  CHECK(escape(std::string(5000, '\x01')).size() <= 200);
  CHECK(cut("abcdef", 6) == "abcdef");
  CHECK(cut("abcdefg", 6) == "abc...");
}

TEST_CASE("UTF-8") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("z\xC3\xB6\xF4\x8F\xBF\xBF"));
  for (const char* bad :
       {"\x80", "\xC1\x81", "\xE0\x80\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF5\x80\x80\x80", "a\xC3"}) {
    CAPTURE(escape(bad));
    CHECK_FALSE(is_utf8(bad));
  }
  CHECK(characters("z\xC3\xB6\xF0\x9F\x98\x80") == 3);
  CHECK(decode_rune("\xF0\x9F\x98\x80", 0)->code == 0x1F600);
}

TEST_CASE("a text is harmless if it is UTF-8 and shows as it stands") {
  CHECK(is_harmless(""));
  CHECK(is_harmless("layers.0.weight"));
  CHECK(is_harmless("\xC3\xA4"));
  for (const char* text : {"a\tb", "\x1B[2J", "\x7F", "a\xE2\x80\xAEz", "\xFF", "\xC0\x80"})
    CHECK_FALSE(is_harmless(text));
}

TEST_CASE("join and split") {
  CHECK(join({"a", "b", ""}, ", ") == "a, b, ");
  CHECK(join({}, ", ") == "");
  CHECK(join_first({"a", "b"}, 2) == "a, b");
  CHECK(join_first({"a", "b", "c", "d"}, 2) == "a, b and 2 more");
  CHECK(split("a..b", '.') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", '.') == std::vector<std::string>{""});
}

TEST_CASE("floats are shown as Python's repr does") {
  struct Row {
    double number;
    const char* shown;
  };
  const Row rows[] = {{1.0, "1.0"},
                      {0.1, "0.1"},
                      {1e-5, "1e-05"},
                      {0.0001, "0.0001"},
                      {1e16, "1e+16"},
                      {1e15, "1000000000000000.0"},
                      {-0.0, "-0.0"},
                      {500000.0, "500000.0"},
                      {1e100, "1e+100"},
                      {1.5e-7, "1.5e-07"},
                      {9007199254740993.0, "9007199254740992.0"},
                      {5e-324, "5e-324"},
                      {1.7976931348623157e308, "1.7976931348623157e+308"}};
  for (const Row& row : rows) CHECK(show_float(row.number) == row.shown);
}

TEST_CASE("sizes for people") {
  CHECK(show_bytes(0) == "0 B");
  CHECK(show_bytes(999) == "999 B");
  CHECK(show_bytes(1500) == "1.5 KB");
  CHECK(show_bytes(999'999) == "1.0 MB");
  CHECK(show_bytes(16'060'556'376) == "16.1 GB");
  CHECK(show_bytes(UINT64_MAX) == "18.4 EB");
  CHECK(show_shape({4096, 1024}) == "[4096, 1024]");
  CHECK(show_shape({}) == "[]");
  CHECK(show_shape({1, 2, 3, 4, 5, 6, 7, 8}) == "[1, 2, 3, 4, 5, 6, 7, 8]");
  CHECK(show_shape({1, 2, 3, 4, 5, 6, 7, 8, 9}) == "[1, 2, 3, 4, 5, 6, 7, 8, ... 9 in all]");
}

TEST_CASE("sizes from people") {
  struct Row {
    const char* text;
    uint64_t bytes;  // 0: refused
  };
  const Row rows[] = {{"5GB", 5'000'000'000},
                      {"500MB", 500'000'000},
                      {"2GiB", 2147483648},
                      {"123", 123},
                      {"0.5GB", 500'000'000},
                      {"0.1GB", 100'000'000},
                      {"5gb", 5'000'000'000},
                      {"5Gb", 5'000'000'000},
                      {"1.5KiB", 1536},
                      {"1tib", 1099511627776},
                      {"3kb", 3000},
                      {"0.0000000001TB", 100},
                      {"9223372036854775808", uint64_t{1} << 63},
                      {"8388608TiB", uint64_t{1} << 63},
                      {"", 0},
                      {"0", 0},
                      {"0GB", 0},
                      {"0.0001KB", 0},
                      {"-1GB", 0},
                      {"+1GB", 0},
                      {"GB", 0},
                      {".5GB", 0},
                      {"5.GB", 0},
                      {"1.5", 0},
                      {"5G", 0},
                      {"5 GB", 0},
                      {" 5GB", 0},
                      {"5GB ", 0},
                      {"5GBs", 0},
                      {"1e9", 0},
                      {"0x10", 0},
                      {"5Gbit", 0},
                      {"nan", 0},
                      {"1,000", 0},
                      {"9223372036854775809", 0},
                      {"9000000000TB", 0},
                      {"99999999999999999999999GB", 0}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_size(row.text).value_or(0) == row.bytes);
  }
}

TEST_CASE("numbers are folded") {
  CHECK(fold_numbers({}) == "");
  CHECK(fold_numbers({7}) == "7");
  CHECK(fold_numbers({0, 1, 2, 5}) == "0..2, 5");
  CHECK(fold_numbers({0, 1, 3, 4, 5}) == "0, 1, 3..5");
  CHECK(fold_numbers({-2, -1, 0}) == "-2..0");
  CHECK(fold_numbers({INT64_MAX - 1, INT64_MAX}) == "9223372036854775806, 9223372036854775807");
}
