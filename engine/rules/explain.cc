// `tessera check --explain ID`: what a diagnostic means, why it is one, a small wrong example and the mend.
#include <array>
#include <string_view>
#include <utility>

#include "rules/ruleset.h"

namespace tessera {
namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 14> texts{{
    {"R01", R"(R01: the form is wrong

The file is no YAML of the plain kind (maps, lists, one-line text), or a word does not stand where the grammar wants it:
an unknown or repeated key, a layout that does not parse, an expression that breaks off, a dtype that is none.

    wrong:  mcore: qkv.weight  (g q + k + v d) h
    right:  mcore: qkv.weight  (g q+k+v d) h        what belongs together is written together

Nothing else is looked at where the form is wrong: mend this first.)"},
    {"R02", R"(R02: a name that is not known here

Every name is declared once: axes under `axes`, options under `options`, configuration keys by their line in `config`,
`defaults`, `fixed` or `derived`, blocks under `blocks`. And it may be spoken of only where it has a value: sizes know no
mesh, `from` speaks the other side's keys, a `let` knows those above it, an axis has an index only where a `for` runs.

    wrong:  axes: { f: intermediate_sise }          no section declares this key
    right:  axes: { f: intermediate_size }

A warning of this id names an axis or a block that nothing uses.)"},
    {"R03", R"(R03: the sides do not say the same of a part

A rule is the addresses of the same parts on each side. Each part has one address on each side, and each of its axes stands
there exactly once: in the name or in the layout. Only then is the rule a bijection that can be undone.

    wrong:  hf: o_proj.weight  h (g r d),  mcore: linear_proj.weight  h (g d)      where did `r` go?
    right:  hf: o_proj.weight  h (g r d),  mcore: linear_proj.weight  h (g r d)

Copies along an axis are said with a star (`x*`); a part that is no tensor on a side is `constant(v)` or `unused(v)` there.
A part that stands bare in a sum takes its order from where it is spelled; if two sides spell it in different orders, the
bare one must be spelled too.)"},
    {"R04", R"(R04: alternatives that overlap, or leave something out

Of the `{ when, is }` of a side exactly one must hold, whatever the configuration. All combinations of what the conditions
ask are tried; options that list their values have no others.

    options: { order: [v2, v1, v0] }
    wrong:  - { when: order == "v2", is: ... }      what if it is "v0"?
            - { when: order == "v1", is: ... }
    right:  - { when: order == "v2", is: ... }
            - { when: order != "v2", is: ... })"},
    {"R05", R"(R05: two addresses that can be one tensor

Each tensor of a side is named by one rule, or several rules would write it. Names that can be equal need a proof that they
are not at once: ranges of an axis that are apart, stages `first` and `last` under `pp * vpp > 1`, or conditions that
exclude each other. What cannot be decided is an error: a hope is no proof.

    wrong:  { use: dense, hf: layers.<l>, for: l in 0..k },  { use: moe, hf: layers.<l>, for: l in m..n }
    right:  the same, with  require: { k <= m: dense layers come first }

Lines of a dialect must not overlap either, so that their order means nothing.)"},
    {"R06", R"(R06: something that can never be

A condition that never holds, a range that is always empty, a key deleted that the parent does not have, a name ignored that
is always mapped, a stage for what is split over the stages, a line of a packing behind one that takes all its names. It is a
mistake, or a leftover.

    wrong:  { when: order == "v3", hf: ..., mcore: ... }     with  options: { order: [v2, v1] }
    right:  take the rule away, or add the value to the option)"},
    {"R07", R"(R07: a configuration line that cannot be read back

Configuration goes both ways, so each line of `config` is a name, `not` a name, a one-to-one list of values, or both
directions spelt; and each key is written by one line, `fixed` and `derived` included.

    wrong:  n_inner: 4 * hidden_size
    right:  n_inner: { to: "ffn_hidden_size = n_inner or 4 * n_embd", from: ffn_hidden_size })"},
    {"B01", R"(B01: a split that does not come out even

With this configuration and mesh an axis cannot be cut: its (padded) size does not divide by the ranks and no placement table
says otherwise, a table holds an index twice or not at all, a split axis does not stand alone in its hole, or a cut goes
through a block of an encoding.

    wrong:  g: { size: 6, split: tp }      at tp 4
    right:  another tp, a `pad`, or a placement table on the mesh's side)"},
    {"B02", R"(B02: two things become one tensor

With this configuration two rules give one tensor different shapes, or two indices print one name.

    wrong:  mcore: decoder.<l // 2>.weight  h        layers 0 and 1 become one
    right:  mcore: decoder.<l>.weight  h)"},
    {"B03", R"(B03: the configuration does not fit the rules

A key has no value, a value has the wrong type, a `require` does not hold, a `fixed` value is contradicted, or what was
written does not read back as the same. The message names the key.

    mend:   give the value with `--set key=value`, add it to `defaults`, or use the rule file of another family)"},
    {"V01", R"(V01: names that fit no rule, or tensors that are missing

Every tensor of the source must be mapped, be a copy (`same`) or be ignored with a reason; and every tensor that the rules
read must be there. Nothing is dropped in silence, nothing is made up.

    mend:   a rule for it, a line in `ignore` with the reason, or a dialect if the names are spelled otherwise)"},
    {"V02", R"(V02: shapes or dtypes are not as the rules say

The header of a tensor has another shape than its address, tensors that become one have different dtypes and nothing decides
(a pin, or --dtype), a tensor made of constants has no dtype at all, or a packing puts tensors under one key that differ.

    wrong:  norm: { hf: constant(1)  h, mcore: norm.weight  h }
    right:  norm: { hf: constant(1)  h, mcore: norm.weight  h, dtype: f32 })"},
    {"V03", R"(V03: an output is not filled exactly once

The boxes written into a tensor leave a hole, or two of them meet. Pads apart, every element has one source.

    wrong:  hf: { z: z  h, y: y  h },  mcore: w  z+y z:h+y:h          two of four blocks are empty
    right:  mcore: w  z+y z:h+y:h | rest(0)                           they hold 0, and are checked)"},
    {"X01", R"(X01: what should be the same is not

While running, replicas on other ranks, copies (`same`, `x*`), constants or the rest of a tensor were compared bit by bit with
what was read, and differ. The checkpoint says two things; which of them is meant, only its owner knows.

    mend:   look at both tensors with `tessera diff`; the message names the first element)"},
}};

}  // namespace

const char* explain_id(std::string_view id) {
  for (const auto& [known, text] : texts)
    if (known == id) return text;
  return nullptr;
}

}  // namespace tessera
