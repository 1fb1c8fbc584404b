// One layout: it prints as what reads the same, and in a place each part lies inside the shape.
#include "layout/layout.h"

#include <map>
#include <set>
#include <stdexcept>

#include "fuzz/target.h"

namespace tessera::fuzz {
namespace {

// By the first letter of an axis: small, one, large or empty.
int64_t width(const std::string& axis) {
  switch (axis[0]) {
    case 'o':
      return 1;
    case 'v':
      return int64_t{1} << 20;
    case 'z':
      return 0;
    default:
      return 2 + axis[0] % 3;
  }
}

// Each part has the axes around it and behind it, and one more that it lays bare.
std::map<std::string, PartAxes> parts_with_axes(const Layout& layout) {
  std::map<std::string, PartAxes> parts;
  for (const Word& part : parts_of(layout)) {
    if (parts.contains(part.text)) continue;
    std::set<std::string> axes{"bare"};
    for (const Occurrence& occurrence : occurrences(layout, part.text)) {
      for (const Word& axis : occurrence.on_the_way) axes.insert(axis.text);
      for (const Word& axis : occurrence.axes) axes.insert(axis.text);
    }
    parts[part.text].axes.assign(axes.begin(), axes.end());
  }
  if (parts.empty()) {
    std::set<std::string> axes;
    for (const Word& axis : axes_of(layout)) axes.insert(axis.text);
    parts["whole"].axes.assign(axes.begin(), axes.end());
  }
  return parts;
}

void check_place(const Placed& placed, const PartPlace& part) {
  require(part.offset.size() == placed.shape.size(), "an offset for each dimension");
  std::vector<Wide> last(part.offset.begin(), part.offset.end());
  for (const auto* steps : {&part.steps, &part.others})
    for (const Step& step : *steps) {
      require(step.step >= 0 && step.dimension < last.size(), "a step in a dimension");
      last[step.dimension] += static_cast<Wide>(width(step.axis) - 1) * step.step;
    }
  for (size_t k = 0; k < last.size(); ++k) require(last[k] < placed.shape[k], "a part lies inside the shape");
}

// Rules that lay a part twice are refused by their proofs (R03); what that means place() need not know.
bool lays_once(const Layout& layout) {
  for (const Word& axis : axes_of(layout))
    if (width(axis.text) == 0) return false;  // beside an empty part another one has no room
  std::set<std::string> seen;
  for (const Word& part : parts_of(layout))
    if (!seen.insert(part.text).second) return false;
  return true;
}

void run(std::string_view input) {
  const auto read = parse_layout(input, 0, input.size());
  if (const auto* fault = std::get_if<LayoutFault>(&read))
    return require(fault->begin <= fault->end && fault->end <= input.size() && !fault->message.empty(),
                   "a fault has a place");
  const Layout& layout = std::get<Layout>(read);
  const std::string text = to_text(layout);
  const auto again = parse_layout(text, 0, text.size());
  require(std::holds_alternative<Layout>(again) && to_text(std::get<Layout>(again)) == text, "it prints as what it is");
  try {
    const Placed placed = place(layout, parts_with_axes(layout), "whole", width);
    for (const auto& [name, part] : placed.parts)
      if (lays_once(layout)) check_place(placed, part);
  } catch (const std::overflow_error&) {
  }
}

const Registered registered({"layout", run});

}  // namespace
}  // namespace tessera::fuzz
