// The static proofs, as an author sees them: what is refused, where, with which words; and what must not be refused.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"
#include "linked.h"

using namespace tessera;

namespace {

const std::string head = "rules: 1\nfamily: n\n";
const std::string axes = "axes: { l: { size: 4, split: pp }, e: 4, g: 4, r: 3, d: 2, h: 5, f: 12 }\n";

std::string block(const std::string& rules) {
  return head + axes + "blocks:\n  b:\n" + rules + "model:\n  - { use: b }\n";
}

// Errors alone: small examples leave axes unused.
std::string errors_of(const std::string& rules, const std::vector<std::string>& dialects = {}) {
  Linked linked(rules, dialects);
  if (linked.set) check(*linked.set, linked.diagnostics);
  std::string text;
  for (const Diagnostic& found : linked.diagnostics.list())
    if (found.severity == Severity::error) text += render(found, linked.sources);
  return text;
}

// Takes the `@` out of a text, and tells where it stood.
std::string take_mark(std::string& rules) {
  const size_t at = rules.find('@');
  if (at == std::string::npos) return "";
  rules.erase(at, 1);
  const std::string before = rules.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  return format("rules.yaml:{}:{}", line, at - before.rfind('\n'));
}

// Rules in which an `@` marks the place that the first error must point at, and that error: "R03: what is wrong".
struct Row {
  std::string marked, error;
};

void check_rows(const std::vector<Row>& rows, const std::vector<std::string>& dialects = {}) {
  for (const Row& row : rows) {
    CAPTURE(row.marked);
    std::string rules = row.marked;
    const std::string place = take_mark(rules), found = errors_of(rules, dialects);
    const std::string wanted =
        row.error.empty() ? "" : format("{}: error[{}]{}", place, row.error.substr(0, 3), row.error.substr(3));
    CHECK(found.substr(0, found.find('\n')) == wanted);
  }
}

}  // namespace

TEST_CASE("R01: dtypes of other rules") {
  check_rows({
      {block("    o: { hf: o  h, mcore: p  h, dtype: @float33 }\n"),
       "R01: there is no dtype `float33` (did you mean `float32`?)"},
      {block("    o: { hf: o  h, mcore: p  h, dtype: q }\n    @p: { hf: q  h, mcore: q  h, dtype: q }\n    q: { hf: r  "
             "h, mcore: r  h, dtype: p }\n"),
       "R01: the dtypes of these rules go round in a ring: p -> q -> p"},
      {block("    o: { hf: o  h, mcore: p  h, dtype: q }\n    q: { hf: r  h, mcore: r  h }\n"), ""},
  });
}

TEST_CASE("R02: names") {
  check_rows({
      {head + "config: { hidden_size: hidden }\naxes: { h: @hiden_size }\nblocks: { b: { w: { hf: w  h, mcore: w  h } "
              "} }\nmodel: [{ use: b }]\n",
       "R02: nothing is called `hiden_size` (did you mean `hidden_size`?)"},
      {head + "axes: { h: 4 * @tp }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } }\nmodel: [{ use: b }]\n",
       "R02: a size cannot speak of `tp`"},
      {head + "config: { n: { to: m = n, from: @n } }\naxes: { h: n }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } "
              "}\nmodel: [{ use: b }]\n",
       "R02: `from` cannot speak of `n`"},
      {head + "let: { a: @b, b: 2 }\naxes: { h: a }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } }\nmodel: [{ use: b "
              "}]\n",
       "R02: this `let` cannot speak of `b`"},
      {head + "let: { a: '@lenn([1])' }\naxes: { h: a }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } }\nmodel: [{ "
              "use: b }]\n",
       "R02: there is no function `lenn` (did you mean `len`?)"},
      {block("    w: { hf: w  h @ff, mcore: w  h f }\n"), "R02: there is no axis `ff`"},
      {block("    w: { hf: w.<@q>  h, mcore: w  h }\n"), "R02: nothing is called `q`"},
      {block("    w: { when: @e > 2, hf: w.<e>  h, mcore: w.<e>  h }\n"), "R02: this condition cannot speak of `e`"},
      {block("    w: { hf: constant(@e)  h, mcore: w  h }\n"), "R02: this value cannot speak of `e`"},
      {block("    w: { hf: w  h, mcore: w  h, in: @hh }\n"), "R02: there is no axis `hh`"},
      {head + "axes: { h: 2, g: { size: 2, split: { mcore: @dp } } }\nblocks: { b: { w: { hf: w  h g, mcore: w  h g } "
              "} }\nmodel: [{ use: b }]\n",
       "R02: there is no mesh dimension `dp`"},
      {head +
           "options: { h: 3 }\naxes: { @h: 2 }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } }\nmodel: [{ use: b }]\n",
       "R02: an axis cannot be called `h`: the name is taken"},
      {block("    w: { hf: w  h, mcore: w  h }\n") + "same:\n  - { of: @b.v, hf: copy }\n",
       "R02: there is no rule `b.v` (did you mean `b.w`?)"},
      {block("    w: { hf: w  h, mcore: w  h }\n") +
           "companions: { @lora_A: { hf: a.<stem>, mcore: a.<stem> }, lora_B: { hf: b.<stem>, mcore: b.<stem> } }\n",
       "R02: there is no axis `rank`"},
  });
}

TEST_CASE("R02: the mesh and the dialects speak where their end does") {
  const std::string dialect = "dialect: old\nside: mcore\nwhat: old names\nrename: { w: v }\n";
  const auto with_when = [&](const std::string& side, const std::string& word) {
    return block("    w: { " + side + ": [{ when: " + word + ", is: w  h f }, { when: not " + word +
                 ", is: w  f h }], " + (side == "hf" ? "mcore" : "hf") + ": w  h f }\n");
  };
  CHECK(errors_of(with_when("mcore", "old"), {dialect}).empty());
  CHECK(errors_of(with_when("mcore", "(tp > 1)")).empty());
  check_rows({{block("    w: { hf: [{ when: @old, is: w  h f }, { when: not old, is: w  f h }], mcore: w  h f }\n"),
               "R02: an alternative cannot speak of `old`"}},
             {dialect});
}

TEST_CASE("R02: what is not used is a warning") {
  Linked linked(head +
                "axes: { h: 2, q: 3 }\nblocks:\n  b: { w: { hf: w  h, mcore: w  h } }\n  c: { w: { hf: v  h, mcore: v  "
                "h } }\nmodel: [{ use: b }]\n");
  CHECK(linked.checked() == R"(rules.yaml:3:15: warning[R02]: the axis `q` is not used
    3 | axes: { h: 2, q: 3 }
      |               ^
rules.yaml:6:3: warning[R02]: the block `c` is not used
    6 |   c: { w: { hf: v  h, mcore: v  h } }
      |   ^
  put it under `model` with `use`
)");
  CHECK_FALSE(linked.diagnostics.failed());
}

TEST_CASE("R03: each axis of each part once on each side") {
  check_rows({
      {block("    @w: { hf: w  h f }\n"), "R03: the rule says nothing of the mcore side"},
      {block("    w: { hf: w  h @f, mcore: w  h }\n"), "R03: axis `f` is on the hf side only"},
      {block("    w: { hf: w.<@e>  h, mcore: w  h }\n"), "R03: axis `e` is on the hf side only"},
      {block("    w: { hf: w.<e>  h, mcore: w<e>  @e h }\n"), "R03: axis `e` is placed twice"},
      {block("    w: { hf: { q: q  h, q2: @q  h }, mcore: w  q+q2:1 h }\n"), "R05: `q` is named twice on the hf side"},
      {block("    w: { hf: w  (g f) @g, mcore: w  g f }\n"), "R03: axis `g` is placed twice"},
      {block("    w: { hf: { q: q  g h, k: k  h }, mcore: w  (@g q+k) h }\n"),
       "R03: axis `g` of part `k` is on the mcore side only"},
      {block("    w: { hf: { q: q  h, k: k  h }, mcore: w  @q h }\n"), "R02: there is no axis `q`"},
      {block("    w: { hf: { q: q  h, k: @k  h }, mcore: w  q:1 h }\n"),
       "R03: part `k` has no address on the mcore side"},
      {block("    w: { hf: @w  h, mcore: { q: w  h } }\n"), "R03: this has no counterpart on the mcore side"},
      {block("    w: { hf: w  @q+k h, mcore: w  k+q h }\n"),
       "R03: part `q` stands bare on every side: its axes are not known"},
      {block("    w: { hf: { q: q  h, k: k  h }, mcore: { x: x  q+k h, q: @y  h } }\n"),
       "R03: part `q` has two addresses on this side"},
      {block("    w: { hf: { q: q  g h, k: k  f h }, mcore: w  q+k+@q h }\n"), "R03: part `q` stands twice in one sum"},
      {block("    w: { hf: { q: q  g h, k: k  f h }, mcore: w  q+k @q+k }\n"),
       "R03: part `q` stands bare twice: which of them lays its other axes?"},
      {block("    w: { hf: { z: z  g h, y: y  g h, x: x  h }, mcore: w  z+y @z:h+x:h }\n"),
       "R03: part `y` is missing in this sum"},
      {block("    w: { for: l in 0..2, hf: w.<l>  h, mcore: @w  h }\n"),
       "R03: the loop axis `l` is not in this address: all of them would be one tensor"},
      {block("    w: { hf: w.weight  h (g @d), mcore: w.weight  h (g d), in: g, bias: true }\n"),
       "R03: `in` names a part of this dimension, but not `d`"},
      {block("    w: { hf: @w.weight  h f, mcore: w.weight  h f, bias: true }\n"),
       "R03: a bias of a matrix: which axes does the layer sum over?"},
      {block("    w: { hf: @w  h f, mcore: w.weight  h f, in: f, bias: true }\n"),
       "R03: the bias has no name: there is no `weight` in this one"},
      {block("    w: { hf: w.weight  h, mcore: w.weight  h | @plus(1), bias: true }\n"),
       "R03: a bias does not follow from a weight that is stored as another value"},
      {block("    w: { hf: w  h, mcore: w  h, in: @f }\n"),
       "R03: `in` names the axis `f`, which the rule does not have"},
      {block("    w: { hf: { q: q  h, k: k  h }, mcore: qk  q:1+k:1 h }\n") + "same:\n  - { of: b.w, hf: @copy }\n",
       "R03: the layout of this copy must be written: its rule has several addresses on this side"},
      {block("    w: { hf: [{ when: a, is: w  h }, { when: not a, is: v  h }], mcore: w  h }\n") +
           "same:\n  - of: b.w\n    hf: [{ when: a, is: @copy }, { when: not a, is: other }]\noptions: { a: false }\n",
       "R03: the layout of this copy must be written: both the copy and its rule have alternatives on this side"},
      {block("    w: { hf: \"@\", mcore: w  h }\n"), "R01: an address is missing"},
      {block("    w: { hf: w  h @f, mcore: w  h f }\n") + "same:\n  - { of: b.w, hf: copy  h }\n",
       "R03: axis `f` is missing on the copy's side"},
  });
}

TEST_CASE("R03 shows both places") {
  CHECK(errors_of(block("    proj: { hf: o.weight  h (g r d), mcore: linear_proj.weight  h (g d) }\n")) ==
        R"(rules.yaml:6:32: error[R03]: axis `r` is on the hf side only
    6 |     proj: { hf: o.weight  h (g r d), mcore: linear_proj.weight  h (g d) }
      |                                ^                                ~~~~~~~ not here
  a rule must name every axis once on each side, or it cannot be undone
)");
}

TEST_CASE("R03: two orders, and the third side bare") {
  check_rows(
      {{head + "sides: [hf, meta, mcore]\naxes: { g: 2, r: 3, h: 5 }\nblocks:\n  b:\n"
               "    q: { hf: { q: q  (g r) h, k: k  g h }, meta: { q: q  (r g) h, k: k  g h }, mcore: qk  @q+k h }\n"
               "model: [{ use: b }]\n",
        "R03: part `q` is spelled in two orders elsewhere: its axes must be spelled here too"}});
}

TEST_CASE("R04: alternatives") {
  const auto options = [](const std::string& alternatives) {
    return head +
           "options: { order: [v2, v1, v0] }\naxes: { h: 5, f: 3 }\nblocks:\n  b:\n    o:\n      hf: o  h f\n      "
           "mcore:\n" +
           alternatives + "model: [{ use: b }]\n";
  };
  CHECK(errors_of(options(
            "        - { when: order == \"v2\", is: p  h f }\n        - { when: order == \"v1\", is: p  f h }\n")) ==
        R"(rules.yaml:10:19: error[R04]: it can be that none of the alternatives holds
   10 |         - { when: order == "v2", is: p  h f }
      |                   ^^^^^^^^^^^^^
  none holds if order == "v0"; exactly one must hold
)");
  CHECK(errors_of(
            options("        - { when: order == \"v2\", is: p  h f }\n        - { when: order != \"v1\", is: p  f h }\n"
                    "        - { when: order == \"v1\", is: p  (h f) }\n")) ==
        R"(rules.yaml:11:19: error[R04]: this alternative can hold together with another
   11 |         - { when: order != "v1", is: p  f h }
      |                   ^^^^^^^^^^^^^
  rules.yaml:10:19: note: this one
   10 |         - { when: order == "v2", is: p  h f }
      |                   ~~~~~~~~~~~~~
  both hold if order == "v2"; exactly one must hold
)");
  CHECK(errors_of(options("        - { when: 'order in [\"v2\", \"v0\"]', is: p  h f }\n        - { when: order == "
                          "\"v1\", is: p  f h }\n"))
            .empty());
}

TEST_CASE("R05: addresses that can meet") {
  const auto sites = [](const std::string& first, const std::string& second, const std::string& require = "") {
    return head + "config: { n: n, k: k, m: m, moe: moe }\n" + require + "axes: { l: { size: n, split: pp }, h: 5 }\n" +
           "blocks:\n  a: { w: { hf: w  h, mcore: w  h } }\n  b: { w: { hf: w  h, mcore: w  h } }\nmodel:\n" +
           "  - { use: a, hf: layers.<l>, mcore: decoder.<l>, for: \"l in " + first + "\" }\n" +
           "  - { use: b, hf: layers.<l>, mcore: decoder.<l>, for: \"l in " + second + "\" }\n";
  };
  const auto clash = [&](const std::string& first, const std::string& second) {
    std::string rules = sites(first, second);
    rules.insert(rules.find("w  h", rules.find("  b: {")), "@");
    return Row{rules, "R05: `layers.<l>.w` is named twice on the hf side"};
  };
  check_rows({
      {sites("0..k", "k..n"), ""},
      {sites("0..k", "k + 1..n"), ""},
      clash("0..k + 1", "k..n"),
      clash("0..k", "m..n"),
      {sites("0..n where moe[l]", "0..n where not moe[l]"), ""},
      clash("0..n where moe[l]", "0..n where not (not moe[l] and k > 1)"),
      clash("0..n where l % 4 == 3", "0..n where l % 2 == 1"),
      {sites("0..n where l >= k", "0..k"), ""},
  });
  const std::string required = "require: { k <= m: dense layers come first }\n";
  CHECK(errors_of(sites("0..k", "m..n", required)).empty());
  CHECK(errors_of(sites("0..k", "m..n")).find("if `0..k` and `m..n` are apart, `require` can say so") !=
        std::string::npos);
}

TEST_CASE("R05: holes, digits, slabs, stages") {
  const std::string two_axes =
      head +
      "config: { n: n, t: t, tied: tied }\naxes: { l: { size: n, split: pp }, u: t, e: 8, h: 5, f: 3 }\nblocks:\n";
  const auto two = [&](const std::string& first, const std::string& second, const std::string& same = "") {
    return two_axes + "  a: { w: { " + first + " } }\n  b: { w: { " + second +
           " } }\nmodel: [{ use: a, stage: first }, { use: b, stage: last }]\n" + same;
  };
  check_rows({
      {two("hf: a.<u>  h, mcore: x.<u>  h", "hf: a.<t + e>  h, mcore: y.<e>  h"), ""},  // after the last u
      {two("hf: a.<u>  h, mcore: x.<u>  h", "hf: @a.<e>  h, mcore: y.<e>  h"),
       "R05: `a.<e>` and `a.<u>` can be one tensor of the hf side"},
      {two("hf: a1<e>  h, mcore: x.<e>  h", "hf: @a<e>  h, mcore: y.<e>  h"),
       "R05: `a<e>` and `a1<e>` can be one tensor of the hf side"},
      {two("for: e in 1..8, hf: a.<e>  h, mcore: x.<e>  h", "hf: a.0  h, mcore: y  h"), ""},
      {two("for: e in 0..8, hf: a.<e>  h, mcore: x.<e>  h", "hf: @a.0  h, mcore: y  h"),
       "R05: `a.0` and `a.<e>` can be one tensor of the hf side"},
      {two("for: e in 0..n, hf: a.<e>  h, mcore: x  e h", "for: e in n..n + 1, hf: b  h, mcore: x  e h"), ""},
      {two("for: e in 0..n, hf: a.<e>  h, mcore: x  e h", "for: e in 0..n + 1, hf: b.<e>  h, mcore: @x  e h"),
       "R05: `x` is named twice on the mcore side"},
      {two("hf: a  f h, mcore: a  f h", "hf: b  h, mcore: b  h",
           "same: [{ of: a.w, mcore: a, when: pp * vpp > 1, stage: last }]\n"),
       ""},
      {two("hf: a  f h, mcore: a  f h", "hf: b  h, mcore: b  h",
           "same: [{ of: a.w, mcore: @a, when: tied, stage: last }]\n"),
       "R05: `a` is named twice on the mcore side"},
      {two("hf: a  f h, mcore: a  f h", "when: tied, hf: b  h, mcore: c  h",
           "same: [{ of: a.w, mcore: c, when: not tied }]\n"),
       ""},
  });
}

TEST_CASE("R05: lines of a dialect") {
  const std::string rules = block("    w: { hf: w  h, mcore: w  h }\n");
  const std::string apart = "dialect: d\nside: mcore\nwhat: w\nrename:\n  a.<l>.x: b.<l>.x\n  a.<l>.y: b.<l>.y\n";
  const std::string meeting =
      "dialect: d\nside: mcore\nwhat: w\nrename:\n  a.<l>.x: b.<l>.x\n  a.<r:rest>: c.<r:rest>\n";
  CHECK(errors_of(rules, {apart}).empty());
  CHECK(errors_of(rules, {meeting})
            .starts_with("dialect.yaml:6:3: error[R05]: this line and another of the dialect can match one name\n"));
}

TEST_CASE("R05: slabs are apart where the axis lies alike") {
  const auto rules = [](const std::string& first, const std::string& second) {
    return head + "axes: { l: 4, h: 4, r: 2 }\nblocks:\n  b:\n    a: { hf: a.<l>  h r, mcore: t  " + first +
           ", for: l in 0..1 }\n    c: { hf: c.<l>  h r, mcore: @t  " + second +
           ", for: l in 1..4 }\nmodel:\n  - { use: b }\n";
  };
  const std::string error = "R05: `t` is named twice on the mcore side";
  check_rows({
      {rules("l h r", "l h r"), ""},
      {rules("l h r", "l r h"), ""},
      {rules("(l h) r", "(l h) r"), ""},
      {rules("l h r", "h l r"), error},
      {rules("(l h) r", "(h l) r"), error},
      {rules("(l h) r", "(l r) h"), error},
  });
}

TEST_CASE("R05: where two tensors are, none of their axes is empty") {
  const auto rules = [](const std::string& require) {
    return head + "options: { n: 3, m: 2 }\n" + require + "axes: { k: m, h: 5 }\nblocks:\n  b:\n" +
           "    a: { hf: a  h, mcore: t.<n + m>  h }\n    c: { hf: c.<k>  h, mcore: @t.<k>  h }\nmodel:\n  - { use: b "
           "}\n";
  };
  check_rows({
      {rules(""), "R05: `t.<k>` and `t.<n + m>` can be one tensor of the mcore side"},
      {rules("require: { n >= 1 - m: \"so\" }\n"), "R05: `t.<k>` and `t.<n + m>` can be one tensor of the mcore side"},
      {rules("require: { m + 1 < n: \"so\" }\n"), ""},
  });
}

TEST_CASE("R06: what can never be") {
  const auto one = [](const std::string& rule, const std::string& entry = "{ use: b }", const std::string& rest = "") {
    return head +
           "options: { k: [x, y] }\nconfig: { tied: tied, n: n }\nrequire: { not old: no longer }\ndefaults: { old: "
           "false }\n" +
           "axes: { l: { size: n, split: pp }, u: n, h: 5 }\nblocks:\n  b:\n    w: { " + rule + " }\nmodel: [" + entry +
           "]\n" + rest;
  };
  check_rows({
      {one("when: @tied and not tied, hf: w  h, mcore: w  h"), "R06: this condition never holds"},
      {one("when: @k == \"z\", hf: w  h, mcore: w  h"), "R06: this condition never holds"},
      {one("when: @old, hf: w  h, mcore: w  h"), "R06: this condition never holds"},
      {one("when: @not tied, hf: w  h, mcore: w  h", "{ use: b, when: tied }"),
       "R06: this condition and those around it never hold together"},
      {one("when: not tied, hf: w  h, mcore: w  h", "{ use: b, when: tied }, { use: b, hf: v, mcore: v, when: n > 1 }"),
       ""},
      {one("hf: w.<u>  h, mcore: w.<u>  h, for: u in @2..2"), "R06: this range is always empty"},
      {one("hf: w.<u>  h, mcore: w.<u>  h, for: u in @n..n - 1"), "R06: this range is always empty"},
      {one("hf: w.<u>  h, mcore: w.<u>  h, for: u in 0..0 * n + 1 where @u > 2 and u < 1"),
       "R06: this condition never holds"},
      {one("hf: w.<l>  h, mcore: w.<l>  h", "{ use: b, stage: @last }"),
       "R06: a stage for what is split over the stages by the axis `l`"},
      {one("hf: w  h, mcore: w  h", "{ use: b }", "ignore: { hf: { @w: no reason } }\n"),
       "R06: `w` is ignored and always mapped"},
      {one("when: tied, hf: w  h, mcore: w  h", "{ use: b }", "ignore: { hf: { w: where it is not tied } }\n"), ""},
      {one("hf: [{ when: tied, is: w  h }, { when: not tied, is: w  h }], mcore: w  h", "{ use: b }",
           "ignore: { hf: { '@*': no reason } }\n"),
       "R06: `w` is ignored and always mapped"},
      {one("hf: [{ when: tied, is: w  h }, { when: not tied, is: v  h }], mcore: w  h", "{ use: b }",
           "ignore: { hf: { '*': the other one } }\n"),
       ""},
  });
}

TEST_CASE("R06: requirements that contradict each other hide nothing else") {
  const std::string rules = head + "config: { a: a }\nrequire: { a: one, not a: two }\naxes: { h: 5 }\n" +
                            "blocks: { b: { w: { when: a, hf: w  h, mcore: w  h } } }\nmodel: [{ use: b }]\n";
  CHECK(errors_of(rules) == R"(rules.yaml:4:20: error[R06]: this and what is required above never hold together
    4 | require: { a: one, not a: two }
      |                    ^^^^^
)");
}

TEST_CASE("R07: one writer for each key") {
  const auto lines = [](const std::string& sections) {
    return head + sections + "axes: { h: 5 }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } }\nmodel: [{ use: b }]\n";
  };
  check_rows({
      {lines("config: { a: x, b: @x }\n"), "R07: `x` is written twice"},
      {lines("config: { a: x }\nfixed: { mcore: { @x: 1 } }\n"), "R07: `x` is written twice"},
      {lines("config: { a: x }\nderived: { hf: { @a: 1 } }\n"), "R07: `a` is written twice"},
      {lines("config: { a.b: x }\nfixed: { hf: { @a: 1 } }\n"), "R07: `a` is written twice"},
      {lines("config: { a: x.y, b: x.z, c: xx }\nfixed: { hf: { x: 1 } }\n"), ""},
  });
}

TEST_CASE("one mistake, one message: what failed once is not judged again") {
  Linked linked(
      head + axes +
      "blocks:\n  b:\n    w: { hf: w.weight  h (gg r), mcore: w.weight  h (g r), in: g r, bias: true }\n"
      "model:\n  - { use: b, hf: a, mcore: a }\n  - { use: b, hf: c, mcore: c }\nsame: [{ of: b.w, hf: copy }]\n");
  REQUIRE(linked.set);
  check(*linked.set, linked.diagnostics);
  CHECK(linked.diagnostics.error_count() == 1);
}

TEST_CASE("every id that is said can be explained") {
  for (const char* id :
       {"R01", "R02", "R03", "R04", "R05", "R06", "R07", "B01", "B02", "B03", "V01", "V02", "V03", "X01"}) {
    CAPTURE(id);
    REQUIRE(explain_id(id));
    CHECK(std::string(explain_id(id)).starts_with(id));
  }
  CHECK(explain_id("R99") == nullptr);
}
