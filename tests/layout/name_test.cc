// Names: rendered, matched, and brought together.
#include "layout/name.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"

using namespace tessera;

namespace {

// "a.<x>.b": holes numbered in order.
NameTemplate name(const std::string& text) {
  NameTemplate pieces;
  int holes = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = text[at] == '<' ? text.find('>', at) + 1 : std::min(text.find('<', at), text.size());
    if (text[at] == '<')
      pieces.push_back({"", holes++});
    else
      pieces.push_back({text.substr(at, end - at), -1});
    at = end;
  }
  return pieces;
}

Pattern pattern(const std::string& text) {
  PatternFault fault;
  auto parsed = parse_pattern(text, true, fault);
  INFO(text);
  INFO(fault.message);
  REQUIRE(parsed);
  return *parsed;
}

std::string matched(const std::string& of, const std::string& text) {
  Matcher matcher(pattern(of));
  std::vector<std::string> holes = {"stale"};
  bool yes = matcher.match(text, holes);
  CHECK(matcher.match(text) == yes);
  if (!yes) return "no";
  std::string said;
  for (const std::string& hole : holes) said += format("{}{}", said.empty() ? "" : "|", hole);
  return said;
}

std::string show(const Meeting& meeting) {
  if (!meeting.possible) return "apart";
  std::string said = meeting.exact ? "exact" : "meet";
  for (auto [a, b] : meeting.aligned) said += format(" {}={}", a, b);
  for (auto [a, n] : meeting.fixed_a) said += format(" a{}:{}", a, n);
  for (auto [b, n] : meeting.fixed_b) said += format(" b{}:{}", b, n);
  return said;
}

size_t hole_count(const NameTemplate& t) {
  return static_cast<size_t>(std::count_if(t.begin(), t.end(), [](const NamePiece& p) { return p.hole >= 0; }));
}

}  // namespace

TEST_CASE("names are rendered") {
  NameTemplate weight = name("layers.<l>.experts.weight<e>");
  CHECK(render(weight, {3, 17}) == "layers.3.experts.weight17");
  CHECK(to_text(weight, {"l", "e - n // 2"}) == "layers.<l>.experts.weight<e - n // 2>");
  CHECK(render(name("wte.weight"), {}) == "wte.weight");
  CHECK(render({{"", 0}, {"/", -1}, {"", 0}}, {7}) == "7/7");
  CHECK(render(pattern("a.<l>.<r:rest>"), {"3", "x.y"}) == "a.3.x.y");
}

TEST_CASE("patterns match whole names") {
  struct Row {
    const char *pattern, *name, *holes;
  };
  const Row table[] = {
      {"h.<l>.attn.bias", "h.12.attn.bias", "12"},
      {"h.<l>.attn.bias", "h.0.attn.bias", "0"},
      {"h.<l>.attn.bias", "h.01.attn.bias", "no"},
      {"h.<l>.attn.bias", "h..attn.bias", "no"},
      {"h.<l>.attn.bias", "h.-1.attn.bias", "no"},
      {"h.<l>.attn.bias", "xh.1.attn.bias", "no"},
      {"h.<l>.attn.bias", "h.1.attn.biases", "no"},
      {"h.<l>.attn.bias", "h.1.attn_bias", "no"},
      {"x.layer_norm_<p:word>", "x.layer_norm_weight", "weight"},
      {"x.layer_norm_<p:word>", "x.layer_norm_", "no"},
      {"x.layer_norm_<p:word>", "x.layer_norm_a.b", "no"},
      {"transformer.<r:rest>", "transformer.h.0.w", "h.0.w"},
      {"transformer.<r:rest>", "transformer.", "no"},
      {"<m:word>.weight<e>", "fc1.weight10", "fc1|10"},
      {"*.inv_freq", "rotary.inv_freq", "rotary"},
      {"*.inv_freq", "a.rotary.inv_freq", "no"},
      {"**.inv_freq", "a.rotary.inv_freq", "a.rotary"},
      {"a.**", "a.\xC3\xA9\n", "\xC3\xA9\n"},
      {"*", "a\n", "a\n"},
      {"a.b", "a.b", ""},
      {"a.b", "axb", "no"},
      {"a-b/c$d_e", "a-b/c$d_e", ""},
      {"**.x.**", "a.x.b.x.c", "a.x.b|c"},
  };
  for (const Row& row : table) {
    CAPTURE(row.pattern);
    CAPTURE(row.name);
    CHECK(matched(row.pattern, row.name) == row.holes);
  }
}

TEST_CASE("faults of patterns point at what is wrong") {
  struct Row {
    const char* text;
    bool stars;
    const char* wrong;
  };
  const Row table[] = {
      {"", true, ""},
      {"a b", true, " ^"},
      {"a.*", false, "  ^"},
      {"a.<x", true, "  ^"},
      {"a.<>", true, "  ^"},
      {"a.<x y>", true, "  ^"},
      {"a.<2>", true, "  ^"},
      {"a.<x:words>", true, "     ^"},
      {"a.<x><y>", true, "     ^"},
      {"a.***", true, "    ^"},
      {"<l>.<l>", true, "    ^"},
      {"transformer\\.(h", true, "           ^"},
      {"(a+)+$", true, "^"},
      {"^a$", true, "^"},
      {"a\xC3\xA9", true, " ^"},
  };
  for (const Row& row : table) {
    CAPTURE(row.text);
    PatternFault fault;
    CHECK_FALSE(parse_pattern(row.text, row.stars, fault));
    std::string wrong = row.wrong;
    CHECK(fault.begin == (wrong.empty() ? 0 : wrong.size() - 1));
    CHECK_FALSE(fault.message.empty());
  }
  PatternFault fault;
  CHECK_FALSE(parse_pattern(std::string(5000, 'a'), true, fault));
  CHECK(parse_pattern("a.<x:rest>", false, fault));
}

TEST_CASE("patterns that are slow for a backtracking matcher") {
  std::string stars = "**", holes = "<x0>", word = "a";
  for (int i = 0; i < 1000; ++i) stars += "a**";
  for (int i = 1; i < 60; ++i) holes += ".<x" + std::to_string(i) + ">";
  for (int i = 0; i < 500; ++i) word += ".a";
  Matcher many(pattern(stars));
  CHECK_FALSE(many.match(std::string(4000, 'b')));
  CHECK(many.match(std::string(4000, 'a')));
  CHECK_FALSE(Matcher(pattern(holes)).match(word));
  CHECK(can_meet(pattern(stars), pattern(std::string(3001, 'a'))));
  CHECK_FALSE(can_meet(pattern(stars), pattern(std::string(2000, 'a'))));
}

TEST_CASE("can two patterns match one name") {
  struct Row {
    const char *a, *b;
    bool meet;
  };
  const Row table[] = {
      {"a.<l>.b", "a.<k>.b", true},
      {"a.<l>.b", "a.7.b", true},
      {"a.<l>.b", "a.07.b", false},
      {"a.<l>.b", "a.<l>.c", false},
      {"weight<e>", "weight1<e>", true},
      {"weight<e>", "weight0<e>", false},
      {"a.*", "a.b.c", false},
      {"a.**", "a.b.c", true},
      {"a.*.c", "a.**", true},
      {"a.**", "b.**", false},
      {"**.a", "b.**", true},
      {"**.a", "**.b", false},
      {"*a", "b*", true},
      {"a*", "a", false},
      {"a.<r:rest>", "a.<l>.x", true},
      {"<p:word>.x", "<l>", false},
      {"<p:word>", "<l>", true},
      {"a", "a", true},
      {"a", "ab", false},
      {"norm_<p:word>", "norm_<l>.w", false},
  };
  for (const Row& row : table) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(can_meet(pattern(row.a), pattern(row.b)) == row.meet);
    CHECK(can_meet(pattern(row.b), pattern(row.a)) == row.meet);
  }
}

TEST_CASE("unify: what two templates have in common") {
  struct Row {
    const char *a, *b, *said;
  };
  const Row table[] = {
      {"a.w", "a.w", "exact"},
      {"a.w", "a.v", "apart"},
      {"a.<l>.w", "a.<k>.w", "exact 0=0"},
      {"a.<l>.<e>.w", "a.<e>.<l>.w", "exact 0=0 1=1"},
      {"a.<l>.w", "a.<l>.v", "apart"},
      {"a.<l>.w", "a.<l>", "apart"},
      {"a.<l>.w", "a.0.w", "meet a0:0"},
      {"a.3.<e>", "a.<l>.<e>", "meet 0=1 b0:3"},
      {"a.<l>.w", "a.00.w", "apart"},
      {"a.<l>.w", "a.99999999999999999999.w", "apart"},
      {"weight<e>", "weight1<e>", "meet"},
      {"weight1<e>", "weight1<e>", "exact 0=0"},
      {"weight1<e>", "weight2<e>", "apart"},
      {"weight<e>", "weight0<e>", "apart"},
      {"weight1<e>", "weight12", "meet a0:2"},
      {"weight1<e>", "weight1", "apart"},
      {"weight<e>1", "weight21", "meet a0:2"},
      {"w<e>0.x", "w<e>0.x", "exact 0=0"},
      {"w<a>1<b>", "w<c>1<d>", "meet"},
      {"w<a>1<b>", "w2121", "meet"},
      {"w<a>1<b>", "w222", "apart"},
      {"w<a>_<b>", "w<c>", "apart"},
      {"<a>", "<b>", "exact 0=0"},
  };
  for (const Row& row : table) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(show(unify(name(row.a), name(row.b))) == row.said);
  }
}

TEST_CASE("unify: held against all small numbers") {
  const std::vector<std::string> templates = {"w<a>",   "w1<a>",    "w<a>1",     "w0<a>",    "w12",       "w1",
                                              "w<a>.1", "w<a>.<b>", "w1<a>.<b>", "w<a>1<b>", "w1<a>2<b>", "w21.<b>"};
  for (const std::string& s : templates)
    for (const std::string& t : templates) {
      NameTemplate a = name(s), b = name(t);
      Meeting said = unify(a, b);
      auto fits = [](const auto& fixed, const std::vector<int64_t>& holes) {
        return std::all_of(fixed.begin(), fixed.end(),
                           [&](auto f) { return holes[static_cast<size_t>(f.first)] == f.second; });
      };
      std::vector<std::pair<std::string, std::vector<int64_t>>> of_a, of_b;
      for (auto [from, into] : {std::pair{&a, &of_a}, {&b, &of_b}}) {
        size_t n = hole_count(*from);
        for (int64_t x = 0; x < (n > 1 ? 131 : n > 0 ? 1300 : 1); ++x)
          for (int64_t y = 0; y < (n > 1 ? 30 : 1); ++y) into->push_back({render(*from, {x, y}), {x, y}});
      }
      std::sort(of_b.begin(), of_b.end());
      bool met = false, right = true;
      for (const auto& [text, holes] : of_a) {
        auto at = std::lower_bound(of_b.begin(), of_b.end(), std::pair{text, std::vector<int64_t>{}});
        for (; at != of_b.end() && at->first == text; ++at) {
          met = true;
          right &= fits(said.fixed_a, holes) && fits(said.fixed_b, at->second);
          for (auto [i, j] : said.aligned) right &= holes[static_cast<size_t>(i)] == at->second[static_cast<size_t>(j)];
        }
      }
      CAPTURE(s);
      CAPTURE(t);
      CHECK(said.possible == met);
      CHECK(right);
    }
}
