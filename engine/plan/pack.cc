// Outputs put under keys. Everything that the way back wants is checked here, so that what is written can be read.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "plan/packing.h"
#include "plan/packing_lines.h"

namespace tessera {
namespace {

// The packing whose condition holds; nullptr if none does. `good` is false after an error.
const Packer* chosen_packing(const Packings& packings, const Map& arguments, Diagnostics& diagnostics, bool& good) {
  static const Value none;
  const Scope scope = [&](std::string_view name) {
    const Value* value = arguments.find(name);
    return value ? value : &none;
  };
  const std::pair<const Dialect*, Packer>* chosen = nullptr;
  for (const auto& one : packings) {
    const auto& when = one.first->when;
    EvalFault fault;
    const auto holds = when ? evaluate_condition(*when, scope, &fault) : std::optional(true);
    if (!holds) {
      diagnostics.error("B03", fault.span, fault.message);
      good = false;
    } else if (*holds && chosen) {
      diagnostics.error(
          "R04", when ? when->span() : Span{},
          format("the packings `{}` and `{}` both hold for these arguments", chosen->first->name, one.first->name),
          "conditions of a side's packings exclude each other");
      good = false;
    } else if (*holds) {
      chosen = &one;
    }
  }
  return chosen ? &chosen->second : nullptr;
}

class Group {
 public:
  Group(const PackingLine& line, const OutTensor& first, size_t axes) : line_(&line), first_(&first), most_(axes) {}

  // Empty, or why the tensor cannot stand under this key.
  std::string add(const PackingLine& line, const OutTensor& tensor, const std::vector<int64_t>& at) {
    if (&line != line_) return format("another line packs `{}` into it", escape(first_->name));
    if (tensor.shape != first_->shape || tensor.dtype != first_->dtype)
      return format("it is {} {}, `{}` is {} {}: one key holds tensors of one shape and dtype",
                    info(tensor.dtype).short_name, show_shape(tensor.shape), escape(first_->name),
                    info(first_->dtype).short_name, show_shape(first_->shape));
    for (size_t k = 0; k < at.size(); ++k) most_[k] = std::max(most_[k], at[k] + 1);
    ++count_;
    return {};
  }
  // Names differ, so indices do: as many as there can be are all of them.
  bool full() const {
    double all = 1;
    for (int64_t n : most_) all *= static_cast<double>(n);
    return all == static_cast<double>(count_);
  }
  const PackingLine& line() const { return *line_; }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> out = most_;
    out.insert(out.end(), first_->shape.begin(), first_->shape.end());
    return out;
  }
  std::string extent() const { return show_shape(most_); }
  size_t count() const { return count_; }

 private:
  const PackingLine* line_;
  const OutTensor* first_;
  std::vector<int64_t> most_;  // extents of the leading axes
  size_t count_ = 0;
};

class PackPass {
 public:
  PackPass(std::vector<OutTensor>& tensors, const Packings& packings, const Packer& chosen, Diagnostics& diagnostics)
      : tensors_(tensors), packings_(packings), packer_(chosen), diagnostics_(diagnostics) {}

  bool run() {
    for (OutTensor& tensor : tensors_) place(tensor);
    for (const auto& [key, group] : groups_) check(key, group);
    for (OutTensor& tensor : tensors_) {
      if (!tensor.slab)
        check_plain(tensor);
      else if (good_)
        tensor.slab = with_shape(*tensor.slab);
    }
    return good_;
  }

 private:
  void fail(const char* id, const PackingLine* line, const std::string& message, std::string help = {}) {
    diagnostics_.error(id, line ? line->span() : Span{}, message, std::move(help));
    good_ = false;
  }

  void place(OutTensor& tensor) {
    PackingLine::Packed packed;
    const PackingLine* line = packer_.pack(tensor.name, packed);
    if (!line) return;
    auto& group = groups_.try_emplace(packed.key, *line, tensor, packed.at.size()).first->second;
    if (const std::string fault = group.add(*line, tensor, packed.at); !fault.empty())
      fail("V02", line, format("`{}` cannot be packed into `{}`: {}", escape(tensor.name), escape(packed.key), fault));
    HoleTexts texts;
    const PackingLine* back = packings_.line_of(packed.key, texts);
    if (!back || back->axes() != packed.at.size() || back->name(texts, packed.at) != *tensor.name)
      fail("B02", line,
           format("`{}`, packed from `{}`, would be read back as something else", escape(packed.key),
                  escape(tensor.name)));
    tensor.slab = std::make_shared<const OutSlab>(OutSlab{std::move(packed.key), {}, std::move(packed.at)});
  }

  // The shape is known when all tensors are placed.
  std::shared_ptr<const OutSlab> with_shape(OutSlab slab) const {
    slab.shape = groups_.at(slab.key).shape();
    return std::make_shared<const OutSlab>(std::move(slab));
  }

  void check(const std::string& key, const Group& group) {
    if (!group.full())
      fail("V02", &group.line(),
           format("`{}` would be {} with {} tensors: every index must have one", escape(key), group.extent(),
                  group.count()),
           "layers that differ want a packing that keeps them apart");
  }

  void check_plain(const OutTensor& tensor) {
    HoleTexts texts;
    if (groups_.contains(tensor.name) || packings_.line_of(tensor.name, texts))
      fail("B02", nullptr, format("`{}` is no packed key but looks like one", escape(tensor.name)));
  }

  std::vector<OutTensor>& tensors_;
  const Packings& packings_;
  const Packer& packer_;  // of these
  Diagnostics& diagnostics_;
  std::map<std::string, Group> groups_;  // by key
  bool good_ = true;
};

}  // namespace

bool pack(std::vector<OutTensor>& tensors, const RuleSet& rules, SideId side, const Map& arguments,
          Diagnostics& diagnostics) {
  bool good = true;
  const Packings packings(rules, side);
  const Packer* chosen = chosen_packing(packings, arguments, diagnostics, good);
  return good && (!chosen || PackPass(tensors, packings, *chosen, diagnostics).run());
}

}  // namespace tessera
