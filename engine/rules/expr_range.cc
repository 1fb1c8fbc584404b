// `axis in low..high [where condition]`: the pieces are found by one parse and kept as expressions of their own.
#include "rules/expr_parser.h"

namespace tessera {
namespace {

struct RangePieces {
  uint32_t name_end = 0, lo = 0, lo_end = 0, hi = 0, hi_end = 0, where = 0;
  bool has_where = false;
};

std::optional<RangePieces> find_pieces(const Text& text, Diagnostics& diagnostics) {
  Diagnostics inner;
  ExprParser parser(text, inner);
  RangePieces pieces;
  const bool named = parser.at_name();
  parser.advance();
  pieces.name_end = parser.behind();
  bool whole = named && parser.take("in");
  pieces.lo = parser.begin();
  if (whole) parser.sum();
  pieces.lo_end = parser.behind();
  whole = whole && (parser.failed() || parser.take(".."));
  if (whole && !parser.failed()) {
    pieces.hi = parser.begin();
    parser.sum();
    pieces.hi_end = parser.behind();
    pieces.has_where = parser.take("where");
    pieces.where = parser.begin();
    if (pieces.has_where) parser.expression();
    parser.finish();
  }
  if (!whole)
    diagnostics.error("R01", text.span, "a range is `axis in low..high`, perhaps with `where` and a condition");
  else
    diagnostics.append(inner);
  return whole && !parser.failed() ? std::optional(pieces) : std::nullopt;
}

// A bound that is a number already must be a size.
bool check_bound(const Expr& bound, Diagnostics& diagnostics) {
  if (!names_of(bound).empty()) return true;
  const auto value = evaluate_int(
      bound, [](std::string_view) { return nullptr; }, nullptr);
  if (value && *value >= 0) return true;
  diagnostics.error("R01", bound.span(), "a range runs over whole numbers from 0 on");
  return false;
}

}  // namespace

std::optional<Range> parse_range(const Text& text, Diagnostics& diagnostics) {
  const auto pieces = find_pieces(text, diagnostics);
  if (!pieces) return std::nullopt;
  auto lo = parse_expression(text.sub(pieces->lo, pieces->lo_end), diagnostics);
  auto hi = parse_expression(text.sub(pieces->hi, pieces->hi_end), diagnostics);
  if (!lo || !hi || !check_bound(*lo, diagnostics) || !check_bound(*hi, diagnostics)) return std::nullopt;
  Range range{text.sub(0, pieces->name_end), *std::move(lo), *std::move(hi), std::nullopt};
  if (!pieces->has_where) return range;
  range.where = parse_expression(text.sub(pieces->where, text.s.size()), diagnostics);
  return range.where ? std::optional(range) : std::nullopt;
}

}  // namespace tessera
