// Link: prefixes, conditions, loops, bias rules, copies; the residual rule; verdicts.
#include <doctest/doctest.h>

#include "base/text.h"
#include "linked.h"

using namespace tessera;

namespace {

// All addresses of a side, one to a line.
std::string addresses(const RuleSet& set, SideId side) {
  std::string text;
  for (const Rule& rule : set.rules)
    for (const Alternative& alternative : rule.sides[side])
      for (const Address& address : alternative.addresses) text += rule.name + ": " + address_text(address) + "\n";
  return text;
}

std::string with_rules(const std::string& rules, const std::string& rest = "") {
  return "rules: 1\nfamily: n\naxes: { l: 4, e: 4, g: 4, r: 3, d: 2, h: 5, f: 12, x: 2, n: 2, p: 2, s: 2, w: 4, o: 7 "
         "}\n"
         "blocks:\n  b:\n" +
         rules + "model:\n  - { use: b }\n" + rest;
}

}  // namespace

TEST_CASE("blocks at their sites") {
  const Linked linked(R"(rules: 1
family: n
config: { n: layers, dense: dense }
axes: { l: n, t: 2, h: 5, e: 3 }
blocks:
  a: { w: { hf: w  h, mcore: w<e>  h, for: e in 0..2, when: dense }, c: { hf: constant(0)  h, mcore: c  h } }
  b: { v: { hf: v, mcore: v } }
model:
  - { use: [a, b], hf: layers.<l>, mcore: decoder.<l>, for: l in 0..n where l != 1, when: n > 2 }
  - { use: b, hf: tail.<n + t>.x, for: t in 0..2, stage: last }
)");
  REQUIRE(linked.set);
  CHECK(addresses(*linked.set, 0) == "a.w: layers.<l>.w  h\na.c:   h\nb.v: layers.<l>.v\nb.v: tail.<n + t>.x.v\n");
  CHECK(addresses(*linked.set, 1) == "a.w: decoder.<l>.w<e>  h\na.c: decoder.<l>.c  h\nb.v: decoder.<l>.v\nb.v: v\n");
  const Rule& w = linked.set->rules[0];
  REQUIRE(w.when.size() == 2);
  CHECK(to_text(w.when[0]) == "n > 2");
  CHECK(to_text(w.when[1]) == "dense");
  REQUIRE(w.loops.size() == 2);
  CHECK(w.loops[0].axis.s == "l");
  CHECK(w.loops[1].axis.s == "e");
  CHECK(linked.set->rules[3].stage == Stage::last);
  CHECK(linked.set->rules[3].entry == 1);
}

TEST_CASE("a bias stands beside its weight, without the dimensions summed over") {
  struct Row {
    const char *rule, *hf, *mcore;
  };
  const std::vector<Row> rows = {
      {"hf: o.weight  h (g r d), mcore: p.weight  h (g r d), in: g r d", "o.bias  h", "p.bias  h"},
      {"hf: c.weight  h q:(n d)+k:(n d), mcore: qk.weight  (n q+k d) h, in: h", "c.bias  q:(n d)+k:(n d)",
       "qk.bias  (n q+k d)"},
      {"hf: { q: q.weight  (g r d) h, k: k.weight  (g d) h }, mcore: qk.weight  (g q+k d) h, in: h",
       "q.bias  (g r d)\nb.w.bias: k.bias  (g d)", "qk.bias  (g q+k d)"},
      {"hf: conv.weight  x:(n p)+b:s 1 w, mcore: c.weight  b+x 1 w, in: w", "conv.bias  x:(n p)+b:s", "c.bias  b+x"},
      {"hf: gate.weight  1 h, mcore: g.weight  h 1, in: h", "gate.bias  1", "g.bias  1"},
      {"hf: eh.weight  o a:h+b:h, mcore: e.weight  o b+a, in: h", "eh.bias  o", "e.bias  o"},
      {"hf: norm.weight  h, mcore: linear.layer_norm_weight  h", "norm.bias  h", "linear.layer_norm_bias  h"},
      {"hf: weight.<e>.weight.y  h, mcore: w.weight<e>  h", "weight.<e>.bias.y  h", "w.bias<e>  h"},
      {"hf: s.weight  h, mcore: s.weight  h, in: h", "s.bias", "s.bias"},
      {"hf: { z: constant(0)  (n d) h, k: k.weight  (n d) h }, mcore: w.weight  (n z+k d) h, in: h",
       "  (n d)\nb.w.bias: k.bias  (n d)", "w.bias  (n z+k d)"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    const Linked linked(with_rules(std::string("    w: { ") + row.rule + ", bias: true }\n"));
    REQUIRE(linked.set);
    RuleSet biases = *linked.set;
    biases.rules.erase(biases.rules.begin());
    REQUIRE(biases.rules.size() == 1);
    CHECK(biases.rules[0].is_bias);
    CHECK_FALSE(biases.rules[0].linear);
    CHECK(addresses(biases, 0) == std::string("b.w.bias: ") + row.hf + "\n");
    CHECK(addresses(biases, 1) == std::string("b.w.bias: ") + row.mcore + "\n");
  }
}

TEST_CASE("a bias under a condition, and one that a child takes back") {
  const Linked linked(
      with_rules("    w: { hf: w.weight  h f, mcore: w.weight  h f, in: f, bias: biased, when: large }\n"
                 "    v: { hf: v.weight  h f, mcore: v.weight  h f, in: f, bias: false }\n"));
  REQUIRE(linked.set);
  REQUIRE(linked.set->rules.size() == 3);
  const Rule& bias = linked.set->rules[1];
  CHECK(bias.name == "b.w.bias");
  REQUIRE(bias.when.size() == 2);
  CHECK(to_text(bias.when[1]) == "biased");
  CHECK(linked.set->rules[0].linear);
}

TEST_CASE("copies take the layout of their rule, not its value operations") {
  const Linked linked(
      with_rules("    w: { hf: w  h f, mcore: w  f h | plus(1) }\n"
                 "    q: { hf: { a: a  h, b: b  h }, mcore: ab  a+b }\n",
                 "same:\n"
                 "  - { of: b.w, hf: copy.w, stage: last, optional: true }\n"
                 "  - { of: b.w, mcore: copy.<l>.w, for: l in 0..2 }\n"
                 "  - { of: b.w, mcore: copy.v  h f | plus(1) }\n"
                 "  - { of: b.q, hf: { b: other.b, a: other.a } }\n"
                 "  - { of: b.q, mcore: other.ab }\n"));
  REQUIRE(linked.set);
  const auto& copies = linked.set->copies;
  REQUIRE(copies.size() == 5);
  CHECK(address_text(copies[0].form[0].addresses[0]) == "copy.w  h f");
  CHECK(copies[0].optional);
  CHECK(copies[0].stage == Stage::last);
  CHECK_FALSE(copies[0].own_ops);
  CHECK(address_text(copies[1].form[0].addresses[0]) == "copy.<l>.w  f h");
  CHECK(copies[1].own_ops);
  CHECK(copies[1].loops.size() == 1);
  CHECK_FALSE(copies[2].own_ops);
  CHECK(address_text(copies[3].form[0].addresses[0]) == "other.b  h");
  CHECK(address_text(copies[4].form[0].addresses[0]) == "other.ab  a+b");
  CHECK(copies[4].of == 1);
}

TEST_CASE("a copy without layout follows the alternatives of its rule") {
  const Linked linked(
      with_rules("    w: { hf: w  h f, mcore: [{ when: old, is: w  h f }, { when: not old, is: w  f h }] }\n",
                 "same:\n  - { of: b.w, mcore: copy }\n"));
  REQUIRE(linked.set);
  const SideForm& form = linked.set->copies[0].form;
  REQUIRE(form.size() == 2);
  CHECK(to_text(*form[1].when) == "not old");
  CHECK(address_text(form[1].addresses[0]) == "copy  f h");
}

TEST_CASE("the residual rule: captured axes first, then as spelled") {
  struct Row {
    const char *rule, *orders;
  };
  const std::vector<Row> rows = {
      {"hf: { q: q  (g r d) h, k: k  (g d) h }, mcore: w  (g q+k d) h", "q = g r d h; k = g d h"},
      {"hf: w.<e>  h f, mcore: w  f e h", " = e h f"},
      {"hf: w  e gate:f+up:f h, mcore: w<e>  gate+up h", "gate = e f h; up = e f h"},
      {"hf: q  (n nope:r+rope:(p s)) g, mcore: q  (n nope+rope:(s p)) g", "nope = n r g; rope = n p s g"},
      {"hf: { q: q  (g x r) h, k: k  g h }, mcore: w  (g x* q+k) h", "q = g x r h; k = g h"},
      {"hf: w  (g r q:d+u:d)+k:(g d) h, mcore: w  (g q+u+k d) h", "q = g r d h; u = g r d h; k = g d h"},
      {"hf: w  y:(g d)+s:(g r) h, mcore: { y: y  h (d g), s: s  g r h }", "y = g d h; s = g r h"},
      {"hf: w, mcore: w", " = "},
      {"hf: { z: z  n h, y: y  p h }, mcore: w  z:n+y:p z:h+y:h", "z = n h; y = p h"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    const Linked linked(with_rules(std::string("    w: { ") + row.rule + " }\n"));
    REQUIRE(linked.set);
    const Rule& rule = linked.set->rules[0];
    Diagnostics diagnostics;
    const auto orders = part_orders(linked.set->file, {&rule.sides[0][0], &rule.sides[1][0]}, rule.loops, diagnostics);
    REQUIRE(orders);
    std::vector<std::string> texts;
    for (const PartOrder& order : *orders) texts.push_back(order.name + " = " + join(order.axes, " "));
    CHECK(join(texts, "; ") == row.orders);
  }
}

TEST_CASE("a loop axis that one side lacks is not the part's") {
  const Linked linked(with_rules("    w: { for: e in 3..4, hf: shared  f h, mcore: all  e f h }\n"));
  REQUIRE(linked.set);
  const Rule& rule = linked.set->rules[0];
  Diagnostics diagnostics;
  const auto orders = part_orders(linked.set->file, {&rule.sides[0][0], &rule.sides[1][0]}, rule.loops, diagnostics);
  REQUIRE(orders);
  CHECK(orders->at(0).axes == std::vector<std::string>{"f", "h"});
}

TEST_CASE("verdicts by the rules alone") {
  struct Row {
    const char *rule, *there, *back;
  };
  const std::vector<Row> rows = {
      {"hf: w  h f, mcore: w  f h", "exact", "exact"},
      {"hf: w  h, mcore: w  h | plus(1)", "lossy (w | plus(1))", "lossy (w | plus(1))"},
      {"when: tied, hf: w  h, mcore: w  h | plus(1)", "lossy (if tied: w | plus(1))", "lossy (if tied: w | plus(1))"},
      {"hf: w  h, mcore: w  h | times(sqrt(4096))", "exact", "exact"},
      {"hf: w  h, mcore: w  h | times(0.25)", "exact", "exact"},
      {"hf: w  h, mcore: w  h | times(3)", "lossy (w | times(3))", "lossy (w | times(3))"},
      {"hf: w  h, mcore: w  h | neg_exp", "lossy (w | neg_exp)", "lossy (w | neg_exp)"},
      {"hf: w  g, mcore: w  (g x*)", "exact", "checked (w is held in copies)"},
      {"hf: constant(0)  h, mcore: w  h, dtype: f32", "exact", "checked (w is constant)"},
      {"hf: w  a:g+b:h, mcore: { a: unused(0)  g, b: w  h }", "lossy (w.a is unused)", "exact"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    const Linked linked(with_rules(std::string("    w: { ") + row.rule + " }\n"));
    REQUIRE(linked.set);
    const auto text = [&](SideId from, SideId to) {
      const Verdict verdict = static_verdict(*linked.set, from, to);
      return grade_name(verdict.grade) + (verdict.reason.empty() ? "" : " (" + verdict.reason + ")");
    };
    CHECK(text(0, 1) == row.there);
    CHECK(text(1, 0) == row.back);
  }
}

TEST_CASE("copies are checked where they are read, unless they are optional or folded") {
  const std::string rule = "    w: { hf: w  h, mcore: w  h }\n";
  const auto grade = [&](const std::string& copy, SideId from, SideId to) {
    const Linked linked(with_rules(rule, "same:\n  - { of: b.w, " + copy + " }\n"));
    REQUIRE(linked.set);
    return std::string(grade_name(static_verdict(*linked.set, from, to).grade));
  };
  CHECK(grade("mcore: copy", 1, 0) == "checked");
  CHECK(grade("mcore: copy", 0, 1) == "exact");
  CHECK(grade("hf: copy, optional: true", 0, 1) == "exact");
  CHECK(grade("hf: copy  h | times(3)", 0, 1) == "exact");
  CHECK(grade("hf: copy  h | times(3)", 1, 0) == "exact");
}
