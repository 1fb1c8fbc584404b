// Layouts from text and back: a table of faults with their places, and every short text against the grammar itself.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "base/text.h"
#include "layout/layout.h"
#include "samples.h"

using namespace tessera;

namespace {

struct Faulty {
  const char* text;
  const char* wrong;  // under the text: ^ where the fault begins
};

// The grammar of docs/language.md, word for word: from a position to all positions where a phrase can end.
class Grammar {
 public:
  explicit Grammar(std::string text) : text_(std::move(text)) {}
  bool is_layout() const {
    std::set<size_t> at = blanks(0, true);
    for (std::set<size_t> seen; !at.empty();) {
      if (at.count(text_.size())) return true;
      std::set<size_t> next;
      for (size_t i : at)
        for (size_t e : dimension(i)) {
          if (e == text_.size()) return true;
          for (size_t b : blanks(e, false)) next.insert(b);
        }
      at = next;
    }
    return false;
  }

 private:
  using Ends = std::set<size_t>;
  struct Marked {
    size_t end;
    bool sum;
    auto operator<=>(const Marked&) const = default;
  };
  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  Ends blanks(size_t i, bool none) const {
    size_t e = i;
    while (at(e) == ' ') ++e;
    return e > i || none ? Ends{e} : Ends{};
  }
  Ends word(size_t i) const {
    auto part = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (!part(at(i)) || (at(i) >= '0' && at(i) <= '9')) return {};
    while (part(at(i))) ++i;
    return {i};
  }
  Ends one(size_t i) const { return at(i) == '1' && word(i + 1).empty() && at(i + 1) != '1' ? Ends{i + 1} : Ends{}; }
  std::set<Marked> group(size_t i) const {
    std::set<Marked> ends, open;
    if (at(i) != '(') return {};
    for (size_t b : blanks(i + 1, true))
      for (Marked f : factor(b)) open.insert(f);
    while (!open.empty()) {
      Marked m = *open.begin();
      open.erase(open.begin());
      for (size_t b : blanks(m.end, true))
        if (at(b) == ')') ends.insert({b + 1, m.sum});
      for (size_t b : blanks(m.end, false))
        for (Marked f : factor(b)) open.insert({f.end, f.sum || m.sum});
    }
    return ends;
  }
  Ends axis_group(size_t i) const {
    Ends open, ends;
    if (at(i) != '(') return {};
    for (size_t b : blanks(i + 1, true)) open.merge(word(b));
    while (!open.empty()) {
      size_t e = *open.begin();
      open.erase(open.begin());
      for (size_t b : blanks(e, true))
        if (at(b) == ')') ends.insert(b + 1);
      for (size_t b : blanks(e, false)) open.merge(word(b));
    }
    return ends;
  }
  // `sum`: the term has a colon
  std::set<Marked> term(size_t i) const {
    std::set<Marked> ends;
    for (size_t e : word(i)) {
      ends.insert({e, false});
      if (at(e) != ':') continue;
      for (const Ends& axes : {word(e + 1), one(e + 1), axis_group(e + 1)})
        for (size_t a : axes) ends.insert({a, true});
    }
    for (Marked g : group(i))
      if (g.sum) ends.insert({g.end, false});
    return ends;
  }
  Ends sum(size_t i) const {
    Ends ends, open;
    for (Marked t : term(i)) {
      if (t.sum) ends.insert(t.end);
      open.insert(t.end);
    }
    while (!open.empty()) {
      size_t e = *open.begin();
      open.erase(open.begin());
      if (at(e) != '+') continue;
      for (Marked t : term(e + 1)) {
        ends.insert(t.end);
        open.insert(t.end);
      }
    }
    return ends;
  }
  std::set<Marked> factor(size_t i) const {
    std::set<Marked> ends;
    for (size_t e : word(i)) {
      ends.insert({e, false});
      if (at(e) == '*') ends.insert({e + 1, false});
    }
    for (size_t e : one(i)) ends.insert({e, false});
    for (size_t e : sum(i)) ends.insert({e, true});
    return ends;
  }
  Ends dimension(size_t i) const {
    Ends ends;
    for (Marked f : factor(i)) ends.insert(f.end);
    for (Marked g : group(i)) ends.insert(g.end);
    return ends;
  }
  std::string text_;
};

// Accepted exactly if the grammar says so; what is printed parses to the same print.
bool agrees(const std::string& text) {
  auto parsed = parse_layout(text, 0, text.size());
  const auto* layout = std::get_if<Layout>(&parsed);
  if ((layout != nullptr) != Grammar(text).is_layout()) return false;
  if (!layout) {
    const auto& fault = std::get<LayoutFault>(parsed);
    return fault.begin < fault.end && fault.end <= text.size() && !fault.message.empty();
  }
  std::string printed = to_text(*layout);
  auto again = parse_layout(printed, 0, printed.size());
  return std::holds_alternative<Layout>(again) && to_text(std::get<Layout>(again)) == printed;
}

}  // namespace

TEST_CASE("faults point at the first wrong word") {
  const Faulty table[] = {
      {"() h f", "^"},
      {"(g (r d)) h", "   ^"},
      {"((g d) r)", " ^"},
      {"z+(g d)+y h", "  ^"},
      {"(g d)+y:h", "^"},
      {"12 h", "^"},
      {"h 2d", "  ^"},
      {"(g q + k + v d) h", "     ^"},
      {"(h f", "^"},
      {"a (h (q+k", "     ^"},
      {"h)", " ^"},
      {"q: d", " ^"},
      {"q :d", "  ^"},
      {"q+ k", " ^"},
      {"q+", " ^"},
      {"+q", "^"},
      {"q:()", "  ^"},
      {"q:(a (b))", "     ^"},
      {"q:(a b* c)", "      ^"},
      {"q:(a 1)", "     ^"},
      {"q:a*", "   ^"},
      {"q:2", "  ^"},
      {"q:(a", "  ^"},
      {"1+q", "^"},
      {"q+1", "  ^"},
      {"1*", " ^"},
      {"a**", "  ^"},
      {"a*+q", "  ^"},
      {"*", "^"},
      {"(q+k)(a)", "     ^"},
      {"(g (q+k d) r)", "   ^"},
      {"a(b)", " ^"},
      {"a [b]", "  ^"},
      {"a b\xC3\xA9", "   ^"},
  };
  for (const Faulty& row : table) {
    std::string text = row.text;
    CAPTURE(text);
    auto parsed = parse_layout(text, 0, text.size());
    REQUIRE(std::holds_alternative<LayoutFault>(parsed));
    CHECK(std::get<LayoutFault>(parsed).begin == std::string(row.wrong).size() - 1);
  }
}

TEST_CASE("positions are those of the text that was given") {
  std::string text = "proj.weight  (g q+k:d x*) | plus(1)";
  auto parsed = parse_layout(text, 13, 26);
  REQUIRE(std::holds_alternative<Layout>(parsed));
  const Layout& layout = std::get<Layout>(parsed);
  CHECK(to_text(layout) == "(g q+k:d x*)");
  auto at = [&](uint32_t begin, uint32_t end) { return text.substr(begin, end - begin); };
  for (const Word& word : axes_of(layout)) CHECK(at(word.begin, word.end) == word.text);
  for (const Word& word : parts_of(layout)) CHECK(at(word.begin, word.end) == word.text);
  const Dimension& dimension = layout.dimensions.at(0);
  CHECK(at(dimension.begin, dimension.end) == "(g q+k:d x*)");
  const Factor& sum = dimension.factors.at(1);
  CHECK(at(sum.begin, sum.end) == "q+k:d");
  CHECK(at(sum.terms.at(1).begin, sum.terms.at(1).end) == "k:d");
  CHECK(at(dimension.factors.at(2).begin, dimension.factors.at(2).end) == "x*");
  CHECK(dimension.factors.at(2).starred);
}

TEST_CASE("what a layout spells comes back") {
  for (const char* text : {"", "1", "1 1 h", "(g q+k+v d) h", "(g q+k+v d)+s:(g r) h", "(g (r q:d+gate:d)+k:d+v:d) h",
                           "z+x+b+c+dt h", "(n nope:i+rope:(p two)) a", "e (f gate:1+up:1) h", "(g x* q+k+v d) h",
                           "q:(n d)+k:(n d)+v:(j w) 1 k", "a:h+b:h"}) {
    std::string s = text;
    CAPTURE(s);
    auto parsed = parse_layout(s, 0, s.size());
    REQUIRE(std::holds_alternative<Layout>(parsed));
    CHECK(to_text(std::get<Layout>(parsed)) == s);
  }
  for (const samples::Sample& sample : samples::all_samples())
    if (to_text(sample.layout) != sample.text) FAIL_CHECK(sample.text);
}

TEST_CASE("every text of up to six letters is a layout exactly if the grammar says so") {
  const std::string letters = "a1()+:* ";
  size_t accepted = 0;
  for (size_t length = 0; length <= 6; ++length) {
    std::string text(length, letters[0]);
    std::vector<size_t> digits(length, 0);
    for (bool more = true; more;) {
      if (!agrees(text)) FAIL_CHECK(text);
      accepted += Grammar(text).is_layout();
      more = false;
      for (size_t i = 0; i < length && !more; ++i) {
        more = ++digits[i] < letters.size();
        if (!more) digits[i] = 0;
        text[i] = letters[digits[i]];
      }
    }
  }
  CHECK(accepted > 1000);
}

TEST_CASE("layouts with some letters changed agree with the grammar") {
  const std::vector<std::string> seeds = {"(g q+k+v d)+s:(g r) h", "(g (r q:d+w:d)+k:d+v:1) h*",
                                          "1 z:(n p)+x+(b+c s) a"};
  const std::string letters = "ab1()+:* ";
  std::mt19937 random(1);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int i = 0; i < 30000; ++i) {
    std::string text = seeds[below(seeds.size())];
    for (size_t change = below(3); change-- > 0 || text.empty();) {
      size_t at = below(text.size());
      if (below(2))
        text[at] = letters[below(letters.size())];
      else if (below(2))
        text.erase(at, 1);
      else
        text.insert(at, 1, letters[below(letters.size())]);
    }
    if (!agrees(text)) FAIL_CHECK(text);
  }
}

TEST_CASE("limits") {
  auto accepted = [](const std::string& text) {
    return std::holds_alternative<Layout>(parse_layout(text, 0, text.size()));
  };
  auto nested = [](int depth) {
    std::string text = "q+k";
    for (int i = 0; i < depth; ++i) text = format("({})+p{}", text, i);
    return text;
  };
  CHECK(accepted(nested(32)));
  CHECK_FALSE(accepted(nested(33)));
  CHECK_FALSE(accepted(std::string(5000, '(') + "a" + std::string(5000, ')')));
  std::string many;
  for (int i = 0; i < 64; ++i) many += "1 ";
  CHECK(accepted(many));
  CHECK_FALSE(accepted(many + "1"));
  CHECK_FALSE(accepted(std::string(4097, 'a')));
}

TEST_CASE("occurrences say what stands on the way") {
  auto way = [](const std::string& text, const std::string& part) {
    samples::Sample sample = samples::sample(text);
    std::string said;
    for (const Occurrence& o : occurrences(sample.layout, part)) {
      said += said.empty() ? "" : " | ";
      for (const Word& axis : o.on_the_way) said += axis.text + " ";
      said += o.bare ? "bare" : ":";
      for (const Word& axis : o.axes) said += axis.text;
    }
    return said;
  };
  CHECK(way("(a b) c", "") == "a b c :");
  CHECK(way("(a q+k:b d) c", "q") == "a d c bare");
  CHECK(way("(a q+k:b d) c", "k") == "a d c :b");
  CHECK(way("(a (b q+v c)+k) d", "q") == "a d b c bare");
  CHECK(way("(a (b q+v c)+k) d", "k") == "a d bare");
  CHECK(way("q+k (a q:b+k:(c d))", "k") == "a bare | a :cd");
  CHECK(way("q+k a", "v") == "");
}
