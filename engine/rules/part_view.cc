// One side of a rule: which parts it holds, and which axes lie on the way to each. Layouts nest at most 32 deep.
#include <algorithm>

#include "base/text.h"
#include "rules/parts.h"

namespace tessera {
namespace {

bool stands_in(const Term& term, const std::string& part) {
  if (term.kind != Term::Kind::group) return term.part.text == part;
  for (const Factor& factor : term.factors)
    for (const Term& inner : factor.terms)
      if (stands_in(inner, part)) return true;
  return false;
}

// The factors of a layout as one product: dimensions do not matter for what stands where.
std::vector<Factor> product_of(const Layout& layout) {
  std::vector<Factor> factors;
  for (const Dimension& dimension : layout.dimensions)
    factors.insert(factors.end(), dimension.factors.begin(), dimension.factors.end());
  return factors;
}

// Collects what lies on the way to one part.
class Trail {
 public:
  Trail(const Address& address, PartView& view) : address_(address), view_(view) {}

  void product(const std::vector<Factor>& factors) {
    for (const Factor& factor : factors) {
      if (factor.kind == Factor::Kind::axis) lay(factor.axis, factor.starred);
      for (const Term& term : factor.terms)
        if (stands_in(term, view_.part)) enter(term);
    }
  }

 private:
  void lay(const Word& axis, bool starred) {
    view_.laid.push_back({axis.text, address_.text.at(axis.begin, axis.end), starred});
  }
  void enter(const Term& term) {
    if (term.kind == Term::Kind::group) return product(term.factors);
    for (const Word& axis : term.axes) lay(axis, false);
    if (term.kind == Term::Kind::bare) view_.bare = address_.text.at(term.part.begin, term.part.end);
  }

  const Address& address_;
  PartView& view_;
};

std::vector<Word> parts_in(const Factor& sum) {
  Layout layout;
  layout.dimensions.push_back({{sum}, sum.begin, sum.end});
  return parts_of(layout);
}

// A part stands once in each sum of the product that it stands in, and bare in one of them at most.
class SumCheck {
 public:
  SumCheck(const Address& address, Diagnostics& diagnostics) : address_(address), diagnostics_(diagnostics) {}

  void product(const std::vector<Factor>& factors) {
    std::vector<const Factor*> sums;
    for (const Factor& factor : factors)
      if (factor.kind == Factor::Kind::sum) sums.push_back(&factor);
    for (const Factor* sum : sums) once(*sum);
    everywhere(sums);
    for (const Factor* sum : sums)
      for (const Term& term : sum->terms) product(term.factors);
  }

  void bare_once(const std::vector<Word>& parts) {
    std::vector<std::string> seen;
    for (const Word& part : parts) {
      if (std::find(seen.begin(), seen.end(), part.text) != seen.end()) continue;
      seen.push_back(part.text);
      const Term* first = nullptr;
      for (const Occurrence& found : occurrences(address_.layout, part.text)) {
        if (!found.bare) continue;
        if (first) error(found.term->part, "stands bare twice: which of them lays its other axes?");
        first = found.term;
      }
    }
  }

 private:
  void once(const Factor& sum) {
    std::vector<std::string> seen;
    for (const Term& term : sum.terms) {
      Factor one;
      one.kind = Factor::Kind::sum;
      one.terms = {term};
      std::vector<std::string> here;
      for (const Word& part : parts_in(one)) {
        if (std::find(seen.begin(), seen.end(), part.text) != seen.end()) error(part, "stands twice in one sum");
        here.push_back(part.text);
      }
      seen.insert(seen.end(), here.begin(), here.end());
    }
  }

  void everywhere(const std::vector<const Factor*>& sums) {
    for (const Factor* sum : sums)
      for (const Word& part : parts_in(*sum))
        for (const Factor* other : sums) {
          const auto& terms = other->terms;
          const auto has = [&](const Term& term) { return stands_in(term, part.text); };
          if (std::any_of(terms.begin(), terms.end(), has)) continue;
          diagnostics_.error("R03", address_.text.at(other->begin, other->end),
                             format("part `{}` is missing in this sum", part.text),
                             "a part of a layout stands in each of its sums, or it has no place in that dimension");
          return;
        }
  }

  void error(const Word& part, const char* what) {
    diagnostics_.error("R03", address_.text.at(part.begin, part.end), format("part `{}` {}", part.text, what),
                       "a part has one place on each side");
  }

  const Address& address_;
  Diagnostics& diagnostics_;
};

void check_axes(const PartView& view, Diagnostics& diagnostics) {
  for (size_t i = 0; i < view.laid.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Laid &later = view.laid[i], &earlier = view.laid[j];
      if (later.axis != earlier.axis) continue;
      Diagnostic& twice =
          diagnostics.error("R03", later.span, format("axis `{}` is placed twice", later.axis),
                            "each axis of a part stands once on each side: in the name or in the layout");
      twice.related.push_back({earlier.span, "first here"});
    }
}

std::vector<Laid> captured(const Address& address, const RuleFile& file) {
  std::vector<Laid> laid;
  for (const Expr& hole : address.holes)
    for (const NameUse& use : names_of(hole)) {
      const auto same = [&](const Laid& other) { return other.axis == use.root; };
      if (file.axis(use.root) && std::none_of(laid.begin(), laid.end(), same)) laid.push_back({use.root, use.span});
    }
  return laid;
}

Span place_span(const Address& address) {
  return address.kind == Address::Kind::tensor ? address.name_span : address.text.span;
}

std::vector<PartView> address_views(const Address& address, const RuleFile& file, Diagnostics& diagnostics) {
  std::vector<PartView> views;
  const std::vector<Factor> factors = product_of(address.layout);
  const auto add = [&](const std::string& part, Span span) {
    PartView& view = views.emplace_back(PartView{part, &address, span, captured(address, file), std::nullopt});
    Trail(address, view).product(factors);
    check_axes(view, diagnostics);
  };
  if (!has_parts(address.layout)) {
    add(whole_part(address), place_span(address));
    return views;
  }
  const std::vector<Word> parts = parts_of(address.layout);
  SumCheck sums(address, diagnostics);
  sums.product(factors);
  sums.bare_once(parts);
  for (const Word& part : parts) {
    const auto same = [&](const PartView& view) { return view.part == part.text; };
    if (std::none_of(views.begin(), views.end(), same)) add(part.text, address.text.at(part.begin, part.end));
  }
  return views;
}

}  // namespace

std::vector<Laid> axes_in(const Dimension& dimension, const Address& address, const std::vector<PartOrder>& orders,
                          const std::vector<PartView>& views) {
  const Layout layout{{dimension}};
  std::vector<Laid> axes;
  for (const Word& axis : axes_of(layout)) axes.push_back({axis.text, address.text.at(axis.begin, axis.end)});
  for (const PartView& view : views) {
    const auto same = [&](const PartOrder& order) { return order.name == view.part; };
    const auto order = std::find_if(orders.begin(), orders.end(), same);
    const Span place = address.text.at(dimension.begin, dimension.end);
    const bool here =
        view.address == &address && view.bare && view.bare->begin >= place.begin && view.bare->end <= place.end;
    if (!here || order == orders.end()) continue;
    for (const std::string& axis : order->axes)
      if (!view.find(axis)) axes.push_back({axis, *view.bare});
  }
  return axes;
}

const Laid* PartView::find(const std::string& axis) const {
  for (const Laid& there : laid)
    if (there.axis == axis) return &there;
  return nullptr;
}

std::vector<PartView> part_views(const Alternative& alternative, const RuleFile& file, Diagnostics& diagnostics) {
  std::vector<PartView> views;
  for (const Address& address : alternative.addresses)
    for (PartView& view : address_views(address, file, diagnostics)) {
      const auto same = [&](const PartView& other) { return other.part == view.part; };
      const auto there = std::find_if(views.begin(), views.end(), same);
      if (there == views.end()) {
        views.push_back(std::move(view));
        continue;
      }
      const std::string name = view.part.empty() ? "the rule's only part" : format("part `{}`", view.part);
      Diagnostic& twice = diagnostics.error("R03", view.span, name + " has two addresses on this side",
                                            "a part has one address on each side");
      twice.related.push_back({there->span, "first here"});
    }
  return views;
}

std::string whole_part(const Address& address) { return address.label.s; }

std::vector<std::string> captured_axes(const Address& address, const RuleFile& file) {
  std::vector<std::string> axes;
  for (const Laid& laid : captured(address, file)) axes.push_back(laid.axis);
  return axes;
}

std::string part_text(const std::string& part) { return part.empty() ? "" : format(" of part `{}`", part); }

Span layout_span(const Address& address) {
  const auto& dimensions = address.layout.dimensions;
  if (dimensions.empty()) return place_span(address);
  return address.text.at(dimensions.front().begin, dimensions.back().end);
}

}  // namespace tessera
