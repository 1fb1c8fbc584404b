// A layout says where the axes of logical tensors (parts) lie in one tensor: "(g q+k+v d) h". Grammar and meaning:
// docs/language.md, "Addresses" and "What a layout means".
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tessera {

// A word and where it stands in the text that was parsed (bytes).
struct Word {
  std::string text;
  uint32_t begin = 0, end = 0;
  bool operator==(const Word& other) const { return text == other.text; }
};

struct Term;

// One thing in a dimension: an axis (perhaps starred: it holds copies for parts without it), a 1, or a sum of terms.
struct Factor {
  enum class Kind { axis, one, sum } kind = Kind::axis;
  Word axis;  // kind axis
  bool starred = false;
  std::vector<Term> terms;  // kind sum
  uint32_t begin = 0, end = 0;
};

// One summand: a part standing bare (lays its residual axes), spelled (`p:a`, `p:(a b)`, `p:1` = spelled, no axes), or
// a group that holds a sum.
struct Term {
  enum class Kind { bare, spelled, group } kind = Kind::bare;
  Word part;                    // bare, spelled
  std::vector<Word> axes;       // spelled, in order, first slowest
  std::vector<Factor> factors;  // group
  uint32_t begin = 0, end = 0;
};

struct Dimension {
  std::vector<Factor> factors;  // first slowest
  uint32_t begin = 0, end = 0;
};

struct Layout {
  std::vector<Dimension> dimensions;  // none: a scalar
};

struct LayoutFault {
  uint32_t begin = 0, end = 0;  // in the parsed text
  std::string message;
};

// Parses the layout that stands in text[begin, end). All positions in the result are positions in `text`. Nesting is
// limited to 32, so that walks over a Layout may recurse; dimensions to 64, the text to 4 KiB.
std::variant<Layout, LayoutFault> parse_layout(std::string_view text, size_t begin, size_t end);
std::string to_text(const Layout& layout);  // one spelling, blanks as the language wants them

bool has_parts(const Layout& layout);              // is there any sum?
std::vector<Word> parts_of(const Layout& layout);  // every occurrence, in order of the text
std::vector<Word> axes_of(const Layout& layout);   // every axis factor and spelled axis, in order of the text

// What one part has laid on the way to one of its occurrences in a layout.
struct Occurrence {
  const Term* term = nullptr;    // nullptr: the layout has no sums, the part is the whole layout
  std::vector<Word> on_the_way;  // axis factors passed: those beside the sums in all dimensions, then those of each
                                 // group around the term, outermost first
  bool bare = false;
  std::vector<Word> axes;  // spelled axes
};
std::vector<Occurrence> occurrences(const Layout& layout, std::string_view part);

// --- Numbers: a layout in one place -------------------------------------------------------------------------------

// One axis of one part: coordinate[dimension] += index * step.
struct Step {
  std::string axis;
  uint32_t dimension = 0;
  int64_t step = 0;  // in coordinates of that dimension
};

// Where a part lies: coordinate k of an element is offset[k] + sum over its steps in dimension k of slot * step.
// Axes of the layout that the part does not have (x* copies, loop axes) are among `others`.
struct PartPlace {
  std::vector<int64_t> offset;  // one for each dimension
  std::vector<Step> steps;      // the part's own axes that the layout holds, in order of the part
  std::vector<Step> others;     // axes passed that are not the part's own: starred copies, axes fixed by a loop
};

struct Placed {
  std::vector<int64_t> shape;              // [] for a scalar
  std::map<std::string, PartPlace> parts;  // by part name; "" for a layout without sums whose part has no name
};

// What place() must know of a part: its axes in order (captured ones too), and which of them a name hole has taken.
struct PartAxes {
  std::vector<std::string> axes;
  std::vector<std::string> captured;
};

using Width = std::function<int64_t(const std::string& axis)>;  // slots of the axis in this place

// Shape, offsets and steps (docs/language.md "What a layout means"). `whole` names the part of a layout without sums.
// Multiplications are checked: throws std::overflow_error beyond 2^62 elements.
Placed place(const Layout& layout, const std::map<std::string, PartAxes>& parts, const std::string& whole,
             const Width& width);

// Strides in elements of a contiguous row-major tensor.
std::vector<int64_t> row_major(const std::vector<int64_t>& shape);
// Of an element counted in that order.
std::vector<int64_t> coordinates_of(int64_t element, const std::vector<int64_t>& shape);

}  // namespace tessera
