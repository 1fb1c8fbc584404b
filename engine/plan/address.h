// One address on one end, under one choice of alternatives: its names, and its numbers in each place.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layout/box.h"
#include "layout/layout.h"
#include "plan/slots.h"

namespace tessera {

// The tensor of an address in one place.
struct LocalTensor {
  Shared<Extents> shape;                   // what the place holds
  std::vector<int64_t> strides;            // of that shape
  std::map<std::string, PartPlace> parts;  // coordinates before the cut
  struct Cut {
    uint32_t dimension = 0;
    int64_t lo = 0, hi = 0;  // the place keeps [lo, hi) of that dimension
  };
  std::optional<Cut> cut;
};

class EndAddress {
 public:
  // `orders`: the parts' axes. Errors (B01, B03) make ok() false.
  EndAddress(const Address& address, const std::map<std::string, std::vector<std::string>>& orders,
             const RuleFile& file, EndAxes& axes, Diagnostics& diagnostics);

  bool ok() const { return ok_; }
  const Address& address() const { return *address_; }
  Span span() const { return address_->text.at(0, address_->text.s.size()); }
  bool is_tensor() const { return address_->kind == Address::Kind::tensor; }
  const std::vector<std::string>& part_names() const { return part_names_; }
  const std::vector<std::string>& captured() const { return captured_; }
  std::string sizes() const;  // of the captured axes: "n_layer = 12"
  bool has_part(const std::string& part) const { return parts_.contains(part); }

  // nullptr after an error. Depends on the ranks that split a laid axis alone.
  const LocalTensor* local(const Ranks& ranks);
  const std::array<bool, 4>& splits() const { return splits_; }  // ranks that split a laid axis, or cut a dimension
  // Those that split an axis which the layout lays for this part, or cut its tensor.
  const std::array<bool, 4>& splits_of(const std::string& part) const { return part_splits_.at(part); }
  bool lays(std::string_view axis) const;
  // Ranks of the places that hold the tensor with these captured indices (any_rank where they do not matter).
  Ranks ranks_for(const std::vector<int64_t>& captured);
  // Tuples of captured indices as numbers, and back.
  int64_t tuple_number(const std::vector<int64_t>& captured) const;
  std::vector<int64_t> tuple(int64_t number) const;
  // nullopt after an error (B03).
  std::optional<std::string> name(const std::vector<int64_t>& captured, EndScope& scope);

 private:
  struct Hole {
    const Expr* expr = nullptr;
    int captured = -1;  // index into captured_ if the hole is that axis alone
  };
  void find_laid_axes(const RuleFile& file);
  void read_holes(const RuleFile& file);
  bool check_cut(AxisPlan& axis);
  bool place_parts(const Ranks& ranks, LocalTensor& tensor);

  const Address* address_;
  EndAxes& axes_;
  Diagnostics& diagnostics_;
  bool ok_ = true;
  std::string whole_;
  std::map<std::string, PartAxes> parts_;
  std::vector<std::string> part_names_, captured_;
  std::vector<AxisPlan*> captured_axes_;
  std::vector<Hole> holes_;
  std::vector<std::string> laid_;  // every axis that the layout places
  std::array<bool, 4> splits_{};
  std::map<std::string, std::array<bool, 4>> part_splits_;
  std::optional<uint32_t> cut_dimension_;
  const AxisPlan* cut_axis_ = nullptr;
  std::map<Ranks, std::optional<LocalTensor>> locals_;
};

}  // namespace tessera
