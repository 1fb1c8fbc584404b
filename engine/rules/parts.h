// Where the parts of a rule lie, side by side: the walk behind part_orders and R03.
#pragma once
#include <string>
#include <vector>

#include "rules/ruleset.h"

namespace tessera {

// An axis that something on the way to a part has placed.
struct Laid {
  std::string axis;
  Span span;
  bool starred = false;
};

// One part in one address.
struct PartView {
  std::string part;
  const Address* address = nullptr;
  Span span;                 // where it is named
  std::vector<Laid> laid;    // in the name's holes first, then in order of the layout
  std::optional<Span> bare;  // the word, where it stands bare
  const Laid* find(const std::string& axis) const;
};

// What one side says of the parts; R03 for an axis or a part that stands twice, or is missing in a sum.
std::vector<PartView> part_views(const Alternative& alternative, const RuleFile& file, Diagnostics& diagnostics);

// The axes of one dimension and where each is to be pointed at: bare parts lay theirs at their own word.
std::vector<Laid> axes_in(const Dimension& dimension, const Address& address, const std::vector<PartOrder>& orders,
                          const std::vector<PartView>& views);

struct SideChoice {
  std::string side;
  const Alternative* alternative = nullptr;
};
// part_orders for sides that are not simply those of the file (copies stand beside their rule's side).
std::optional<std::vector<PartOrder>> part_orders(const RuleFile& file, const std::vector<SideChoice>& sides,
                                                  const std::vector<Range>& loops, Diagnostics& diagnostics);

std::string part_text(const std::string& part);     // " of part `q`", or "" for the nameless one
Span layout_span(const Address& address);           // of the layout; of the place where it is a scalar
bool has_one_element(const Range& range);           // is hi = lo + 1, whatever the configuration?
std::string rest_of_name(const std::string& name);  // "attention.qkv" -> "qkv"

}  // namespace tessera
