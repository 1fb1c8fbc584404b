// A table with one row for each number of the field.
#include "plan/granule_moves.h"

#include <map>

#include "plan/granules.h"

namespace tessera {
namespace {

struct FieldSource {
  TensorId from = none_id;
  int64_t at = 0;
  bool operator==(const FieldSource&) const = default;
};

template <class Visit>
void each(const Box& box, Visit visit) {
  std::vector<int64_t> index(box.shape.size(), 0);
  for (int64_t left = volume(box.shape); left > 0; --left) {
    int64_t from = box.from.offset, to = box.to.offset;
    for (size_t a = 0; a < index.size(); ++a) {
      from += index[a] * box.from.strides[a];
      to += index[a] * box.to.strides[a];
    }
    visit(from, to);
    for (size_t a = index.size(); a-- > 0;) {
      if (++index[a] < box.shape[a]) break;
      index[a] = 0;
    }
  }
}

bool enter(const Move& move, std::vector<FieldSource>& table) {
  bool same = move.op == Op::copy;
  if (same)
    each(move.box, [&](int64_t from, int64_t to) {
      FieldSource& known = table[static_cast<size_t>(to)];
      if (known.from == none_id) known = {move.from, from};
      same = same && known == FieldSource{move.from, from};
    });
  return same;
}

}  // namespace

bool join_moves(std::vector<Move>& moves, size_t begin, int64_t total) {
  std::vector<FieldSource> table(static_cast<size_t>(total));
  for (size_t i = begin; i < moves.size(); ++i)
    if (!enter(moves[i], table)) return false;
  std::map<TensorId, std::vector<std::pair<int64_t, int64_t>>> pairs;
  for (size_t to = 0; to < table.size(); ++to)
    if (table[to].from != none_id) pairs[table[to].from].emplace_back(to, table[to].at);
  const Move pattern = moves[begin];
  moves.resize(begin);
  for (auto& [from, list] : pairs)
    for (Box& box : compress(std::move(list))) {
      moves.push_back(pattern);
      moves.back().from = from;
      moves.back().box = std::move(box);
    }
  return true;
}

std::vector<Image> untouched(const std::vector<Image>& images, int64_t total) {
  std::vector<bool> touched(static_cast<size_t>(total));
  for (const Image& image : images)
    each({image.shape, image.at, image.at}, [&](int64_t, int64_t at) { touched[static_cast<size_t>(at)] = true; });
  std::vector<std::pair<int64_t, int64_t>> left;
  for (size_t i = 0; i < touched.size(); ++i)
    if (!touched[i]) left.emplace_back(i, i);
  std::vector<Image> holes;
  for (const Box& box : compress(std::move(left))) holes.push_back({box.shape, box.to});
  return holes;
}

}  // namespace tessera
