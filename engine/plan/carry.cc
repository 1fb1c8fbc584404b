// Encoded weights. Where both sides encode, a weight of the target is replaced by its fields, and each copy between
// weights by copies between their fields. Else values are decoded as they are read, and this pass only says what that
// costs.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "plan/granule_moves.h"
#include "plan/granules.h"
#include "plan/resolve.h"
#include "plan/values.h"
#include "plan/verdict.h"

namespace tessera {
namespace {

constexpr int64_t most_granules = int64_t{1} << 28;  // of a field that is looked at one by one

class Carrying {
 public:
  Carrying(Draft& draft, const Model& model, const Contents& source, const BuildOptions& options,
           Diagnostics& diagnostics)
      : draft_(draft),
        rules_(*model.rules),
        from_side_(model.from.side),
        to_side_(model.to.side),
        source_(source),
        options_(options),
        diagnostics_(diagnostics) {}

  bool run() {
    if (rules_.file.encodings.empty()) return true;
    if (!refuse_encoding()) return false;
    const auto outputs = static_cast<TensorId>(draft_.to.tensors.tensors().size());
    sort_moves(outputs);
    for (TensorId output = 0; output < outputs && good_; ++output) judge(output);
    if (good_) compare_fields();
    for (const auto& [id, encoded] : draft_.encoded)
      if (good_ && !carried_.contains(id)) decode(id, encoded);
    if (good_) leave_out();
    if (good_) replace_moves();
    return good_;
  }

 private:
  // Values that would have to be encoded: no kind can.
  bool refuse_encoding() {
    for (const EncodingDecl& encoding : rules_.file.encodings) {
      if (options_.partial || encoding.on[to_side_].empty() || !encoding.on[from_side_].empty() || encoding.write_never)
        continue;
      diagnostics_.error(
          "V02", encoding.span,
          format("values cannot be encoded as `{}` on the {} side", encoding.name.s, rules_.file.sides[to_side_].s),
          "say `write: never` to have plain values there");
      return false;
    }
    return true;
  }

  void sort_moves(TensorId outputs) {
    into_.resize(outputs);
    const auto& moves = draft_.graph.moves;
    for (uint32_t i = 0; i < moves.size(); ++i)
      if (op_writes(moves[i].op)) into_[moves[i].to].push_back(i);
  }

  const Encoded* encoded(TensorId id) const {
    const auto at = draft_.encoded.find(id);
    return at == draft_.encoded.end() ? nullptr : &at->second;
  }
  const EndTensor& wanted(TensorId output) const { return draft_.to.tensors.tensors()[output]; }
  const EndTensor& read(TensorId id) const { return draft_.from.tensors.tensors()[id]; }

  bool fail(const char* id, Span span, std::string message, std::string help = {}) {
    diagnostics_.error(id, span, std::move(message), std::move(help));
    return good_ = false;
  }

  bool is_carried(const EncodingDecl& encoding) const {
    return !encoding.write_never && !encoding.on[to_side_].empty() && !(options_.decode && can_decode(encoding));
  }

  // What an output is made of: encoded weights that stay so, or values.
  void judge(TensorId output) {
    const Encoded* first = nullptr;
    bool plain = false;
    for (const uint32_t i : into_[output]) {
      const Move& move = draft_.graph.moves[i];
      if (move.op != Op::copy) continue;
      const Encoded* one = encoded(move.from);
      plain = plain || !one;
      if (one && first && one->encoding != first->encoding) plain = true;
      if (one && !first) first = one;
    }
    if (!first || !is_carried(*first->encoding)) return;
    if (plain)
      fail("V02", wanted(output).why,
           format("`{}` has sources of which some are encoded as `{}` and some are not",
                  escape(draft_.to.tensors.name(wanted(output))), first->encoding->name.s));
    else
      carry(output, *first);
  }

  // --- one output and its fields

  void carry(TensorId output, const Encoded& first) {
    const EndTensor weight = wanted(output);
    const std::string name = draft_.to.tensors.name(weight);
    const auto fields = fields_of(*first.encoding);
    const auto names = field_names(*first.encoding, to_side_, name);
    for (const uint32_t i : into_[output])
      if (!can_carry(draft_.graph.moves[i], weight, name)) return;
    for (size_t f = 0; f < fields.size() && good_; ++f) {
      const auto shape = field_shape(fields[f], *weight.shape);
      if (!shape)
        return void(fail("B01", weight.why,
                         format("`{}` {} cannot be encoded as `{}`", escape(name), show_shape(*weight.shape),
                                first.encoding->name.s)));
      const DType dtype = source_.tensors[first.fields[f]].dtype;
      const TensorId field = draft_.to.tensors.add_field(output, names[f], *shape, dtype);
      into_.emplace_back();
      fill_field(output, field, fields[f], f, dtype);
    }
    draft_.to.tensors.drop(output);
  }

  bool can_carry(const Move& move, const EndTensor& weight, const std::string& name) {
    if (move.op == Op::copy && move.program != none_id)
      return fail("B01", weight.why, format("`{}` is encoded: its values cannot be computed with", escape(name)));
    if (move.op != Op::fill || move.pad) return true;
    return fail("B01", weight.why, format("`{}` is encoded: a constant in it cannot be", escape(name)));
  }

  void fill_field(TensorId output, TensorId field, const FieldSpec& spec, size_t f, DType dtype) {
    const EndTensor weight = wanted(output);
    if (spec.numbers_groups) return number_groups(output, field, spec, f);
    const bool one_by_one = spec.out == 1 && spec.in == 1;
    const size_t added = added_.size();
    bool pads = false;
    std::vector<Image> filled;
    for (const uint32_t i : into_[output]) {
      Move move = draft_.graph.moves[i];
      if (move.op == Op::fill) {
        pads = true;
        move.to = field;
        if (one_by_one) filled.push_back({move.box->shape, move.box->to});
        if (one_by_one) add(std::move(move));
        continue;
      }
      const TensorId from = source_field(move.from, f);
      if (source_.tensors[draft_.tensor_of[from]].dtype != dtype)
        return void(fail("V02", weight.why,
                         format("`{}` has sources of two dtypes", escape(draft_.to.tensors.name(wanted(field))))));
      std::vector<Box> made = boxes(spec, move.box, *read(move.from).shape, *weight.shape, field);
      if (!good_) return;
      for (Box& box : made) {
        filled.push_back({box.shape, box.to});
        add({Op::copy, from, field, std::move(box), none_id, none_id, move.pad, move.why, move.span});
      }
    }
    prove_granules(field, std::move(filled), pads, added);
  }

  std::vector<Box> boxes(const FieldSpec& spec, const Box& box, const Extents& from, const Extents& to,
                         TensorId field) {
    std::string why;
    if (auto made = field_boxes(spec, box, from, to, why)) return *std::move(made);
    fail("B01", wanted(field).why,
         format("`{}` cannot be carried: {}", escape(draft_.to.tensors.name(wanted(field))), why),
         "another mesh may cut between the granules; or decode: `write: never`");
    return {};
  }

  // Each granule once. Those of pads alone hold nothing; where several copies reach one, they must bring the same.
  void prove_granules(TensorId field, std::vector<Image> filled, bool pads, size_t added) {
    const Extents& shape = *wanted(field).shape;
    auto fault = tile(filled, volume(shape));
    if (fault && fault->kind == Untiled::Kind::twice && volume(shape) <= most_granules &&
        join_moves(added_, added, volume(shape))) {
      filled.clear();
      for (size_t i = added; i < added_.size(); ++i) filled.push_back({added_[i].box->shape, added_[i].box->to});
      fault = tile(filled, volume(shape));
    }
    if (!fault) return;
    if (fault->kind == Untiled::Kind::hole && pads && volume(shape) <= most_granules) {
      for (const Image& hole : untouched(filled, volume(shape)))
        add({Op::fill, none_id, field, Box{hole.shape, {0, std::vector<int64_t>(hole.shape.size(), 0)}, hole.at},
             none_id, zero_fill(draft_.graph), true, wanted(field).standing.rule, wanted(field).why});
      return;
    }
    fail("B01", wanted(field).why,
         format("`{}` cannot be carried: one of its granules would need two of the source",
                escape(draft_.to.tensors.name(wanted(field)))),
         "another mesh may cut between the granules; or decode: `write: never`");
  }

  // Group numbers are made anew; in the source they must ascend, or inputs would be in another order than groups are.
  void number_groups(TensorId output, TensorId field, const FieldSpec& spec, size_t f) {
    const Extents& shape = *wanted(field).shape;
    const Strided still{0, std::vector<int64_t>(shape.size(), 0)}, all{0, row_major(shape)};
    add({Op::fill, none_id, field, Box{shape, still, all}, none_id, group_numbers(spec), false,
         wanted(field).standing.rule, wanted(field).why});
    for (const uint32_t i : into_[output])
      if (const Move move = draft_.graph.moves[i]; move.op == Op::copy) check_groups(move, spec, f);
  }

  void check_groups(const Move& move, const FieldSpec& spec, size_t f) {
    const TensorId from = source_field(move.from, f);
    if (!numbered_.insert(from).second) return;
    const Extents& shape = *read(from).shape;
    const Strided still{0, std::vector<int64_t>(shape.size(), 0)};
    add({Op::compare_fill, from, none_id, Box{shape, {0, row_major(shape)}, still}, none_id, group_numbers(spec), false,
         move.why, move.span});
  }

  uint32_t group_numbers(const FieldSpec& spec) {
    FillValue fill;
    fill.at = [group = spec.in](const std::vector<int64_t>& index) {
      return static_cast<double>(index.empty() ? 0 : index.back() / group);
    };
    fill.id = "B01";
    fill.fault = "groups are not in the order of the inputs (act-order), so they cannot be cut or moved";
    draft_.graph.fills.push_back(std::move(fill));
    return static_cast<uint32_t>(draft_.graph.fills.size() - 1);
  }

  // --- the source's fields

  TensorId source_field(TensorId weight, size_t f) {
    const auto known = carried_.find(weight);
    if (known != carried_.end()) return known->second[f];
    const Encoded& there = draft_.encoded.at(weight);
    const auto names = field_names(*there.encoding, from_side_, draft_.from.tensors.name(read(weight)));
    std::vector<TensorId> ids;
    for (size_t i = 0; i < there.fields.size(); ++i) {
      const TensorInfo& info = source_.tensors[there.fields[i]];
      ids.push_back(draft_.from.tensors.add_field(weight, names[i], info.shape, info.dtype));
      draft_.tensor_of.push_back(there.fields[i]);
    }
    draft_.from.tensors.drop(weight);
    return carried_.emplace(weight, std::move(ids)).first->second[f];
  }

  void decode(TensorId id, const Encoded& there) {
    if (!can_decode(*there.encoding)) {
      fail("V02", read(id).why,
           format("`{}` is encoded as `{}`, which is only carried, not decoded",
                  escape(draft_.from.tensors.name(read(id))), there.encoding->name.s),
           format("name its fields on the {} side too", rules_.file.sides[to_side_].s));
      return;
    }
    weaken(draft_.graph.verdict, Grade::lossy, there.encoding->name.s + " decoded");
  }

  // Replicas of what is carried are compared field by field.
  void compare_fields() {
    const size_t count = draft_.graph.moves.size();
    for (size_t i = 0; i < count && good_; ++i) {
      const Move move = draft_.graph.moves[i];
      if (op_writes(move.op) || move.from == none_id) continue;
      const Encoded* one = encoded(move.from);
      const bool other = move.op == Op::compare && carried_.contains(move.to);
      if (!one || !(carried_.contains(move.from) || other)) continue;
      if (!other) {
        fail("B01", move.span,
             format("`{}` is encoded: it cannot be compared with a constant",
                    escape(draft_.from.tensors.name(read(move.from)))));
        return;
      }
      const auto fields = fields_of(*one->encoding);
      for (size_t f = 0; f < fields.size(); ++f) {
        const TensorId from = source_field(move.from, f), to = source_field(move.to, f);
        if (fields[f].numbers_groups) {
          check_groups(move, fields[f], f);
          continue;
        }
        std::string why;
        auto made = field_boxes(fields[f], move.box, *read(move.from).shape, *read(move.to).shape, why);
        if (!made) return void(fail("B01", move.span, format("replicas cannot be compared: {}", why)));
        for (Box& box : *made)
          add({Op::compare, from, to, std::move(box), none_id, none_id, false, move.why, move.span});
      }
    }
  }

  // What is left out of a carried weight is left out of its fields, as far as nothing reads the same granule.
  void leave_out() {
    std::vector<Omission> fields;
    for (const Omission& omission : draft_.graph.omissions) {
      const auto carried = carried_.find(omission.tensor);
      if (carried == carried_.end()) continue;
      const auto specs = fields_of(*draft_.encoded.at(omission.tensor).encoding);
      for (size_t f = 0; f < specs.size(); ++f) {
        if (specs[f].numbers_groups) continue;
        for (Image& image : field_images(specs[f], omission.region, *read(omission.tensor).shape))
          fields.push_back({omission.kind, carried->second[f], std::move(image), omission.why});
      }
    }
    std::erase_if(draft_.graph.omissions, [&](const Omission& omission) { return carried_.contains(omission.tensor); });
    draft_.graph.omissions.insert(draft_.graph.omissions.end(), fields.begin(), fields.end());
  }

  void add(Move move) { added_.push_back(std::move(move)); }

  // Moves between weights that stand there as fields make way for those between the fields.
  void replace_moves() {
    auto& moves = draft_.graph.moves;
    std::erase_if(moves, [&](const Move& move) {
      const bool writes = op_writes(move.op);
      return (writes && wanted(move.to).dropped) || (!writes && carried_.contains(move.from)) ||
             (move.op == Op::compare && carried_.contains(move.to));
    });
    moves.insert(moves.end(), std::make_move_iterator(added_.begin()), std::make_move_iterator(added_.end()));
  }

  Draft& draft_;
  const RuleSet& rules_;
  const SideId from_side_, to_side_;
  const Contents& source_;
  const BuildOptions& options_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<uint32_t>> into_;            // moves, by output
  std::map<TensorId, std::vector<TensorId>> carried_;  // fields, by weight of the source
  std::set<TensorId> numbered_;                        // g_idx that are looked at
  std::vector<Move> added_;
  bool good_ = true;
};

}  // namespace

bool carry_encoded(Draft& draft, const Model& model, const Contents& source, const BuildOptions& options,
                   Diagnostics& diagnostics) {
  return Carrying(draft, model, source, options, diagnostics).run();
}

}  // namespace tessera
