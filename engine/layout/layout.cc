// Reading a parsed layout: back to text, and which words stand where. Walks recurse; the parser bounds the depth.
#include "layout/layout.h"

#include <utility>

#include "base/text.h"

namespace tessera {
namespace {

std::string product_text(const std::vector<Factor>& factors);

std::string term_text(const Term& term) {
  if (term.kind == Term::Kind::group) return format("({})", product_text(term.factors));
  if (term.kind == Term::Kind::bare) return term.part.text;
  std::vector<std::string> axes;
  for (const Word& axis : term.axes) axes.push_back(axis.text);
  std::string spelled = axes.empty() ? "1" : join(axes, " ");
  return term.part.text + ":" + (axes.size() > 1 ? format("({})", spelled) : spelled);
}

std::string factor_text(const Factor& factor) {
  if (factor.kind == Factor::Kind::one) return "1";
  if (factor.kind == Factor::Kind::axis) return factor.axis.text + (factor.starred ? "*" : "");
  std::vector<std::string> terms;
  for (const Term& term : factor.terms) terms.push_back(term_text(term));
  return join(terms, "+");
}

std::string product_text(const std::vector<Factor>& factors) {
  std::vector<std::string> texts;
  texts.reserve(factors.size());
  for (const Factor& factor : factors) texts.push_back(factor_text(factor));
  return join(texts, " ");
}

void collect_parts(const std::vector<Factor>& factors, std::vector<Word>& parts) {
  for (const Factor& factor : factors)
    for (const Term& term : factor.terms) {
      if (term.kind == Term::Kind::group)
        collect_parts(term.factors, parts);
      else
        parts.push_back(term.part);
    }
}

void collect_axes(const std::vector<Factor>& factors, std::vector<Word>& axes) {
  for (const Factor& factor : factors) {
    if (factor.kind == Factor::Kind::axis) axes.push_back(factor.axis);
    for (const Term& term : factor.terms) {
      axes.insert(axes.end(), term.axes.begin(), term.axes.end());
      collect_axes(term.factors, axes);
    }
  }
}

void add_axis_factors(const std::vector<Factor>& factors, std::vector<Word>& axes) {
  for (const Factor& factor : factors)
    if (factor.kind == Factor::Kind::axis) axes.push_back(factor.axis);
}

// `way` holds the axis factors of this product and of those around it.
void find_part(const std::vector<Factor>& factors, std::string_view part, const std::vector<Word>& way,
               std::vector<Occurrence>& found) {
  for (const Factor& factor : factors)
    for (const Term& term : factor.terms) {
      if (term.kind == Term::Kind::group) {
        std::vector<Word> further = way;
        add_axis_factors(term.factors, further);
        find_part(term.factors, part, further, found);
      } else if (term.part.text == part) {
        found.push_back({&term, way, term.kind == Term::Kind::bare, term.axes});
      }
    }
}

}  // namespace

std::string to_text(const Layout& layout) {
  std::vector<std::string> dimensions;
  for (const Dimension& dimension : layout.dimensions) {
    std::string text = product_text(dimension.factors);
    dimensions.push_back(dimension.factors.size() == 1 ? text : format("({})", text));
  }
  return join(dimensions, " ");
}

bool has_parts(const Layout& layout) {
  for (const Dimension& dimension : layout.dimensions)
    for (const Factor& factor : dimension.factors)
      if (factor.kind == Factor::Kind::sum) return true;
  return false;
}

std::vector<Word> parts_of(const Layout& layout) {
  std::vector<Word> parts;
  for (const Dimension& dimension : layout.dimensions) collect_parts(dimension.factors, parts);
  return parts;
}

std::vector<Word> axes_of(const Layout& layout) {
  std::vector<Word> axes;
  for (const Dimension& dimension : layout.dimensions) collect_axes(dimension.factors, axes);
  return axes;
}

std::vector<Occurrence> occurrences(const Layout& layout, std::string_view part) {
  std::vector<Word> way;
  for (const Dimension& dimension : layout.dimensions) add_axis_factors(dimension.factors, way);
  if (!has_parts(layout)) return {{nullptr, std::move(way), false, {}}};
  std::vector<Occurrence> found;
  for (const Dimension& dimension : layout.dimensions) find_part(dimension.factors, part, way, found);
  return found;
}

}  // namespace tessera
