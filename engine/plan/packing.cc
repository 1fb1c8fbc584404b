// The way to a key is a function: the first line that matches. The way back tries every line, and is kept only where
// the way to the key agrees.
#include "plan/packing.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_set>

#include "base/text.h"
#include "layout/box.h"
#include "layout/layout.h"
#include "store/limits.h"

namespace tessera {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;  // of holes, by name

std::optional<Texts> match(const Matcher& matcher, const Pattern& pattern, std::string_view name) {
  std::vector<std::string> texts;
  if (!matcher.match(name, texts)) return std::nullopt;
  Texts out;
  size_t next = 0;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) out[piece.name] = texts[next++];
  return out;
}

std::string fill(const Pattern& pattern, const Texts& texts) {
  std::vector<std::string> holes;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) holes.push_back(texts.at(piece.name));
  return render(pattern, holes);
}

class Line {
 public:
  explicit Line(const RenameLine& line) : text(&line), left_(line.left), right_(line.right) {
    const auto on_right = [&](const PatternPiece& hole) {
      return std::any_of(line.right.begin(), line.right.end(),
                         [&](const PatternPiece& other) { return other.hole && other.name == hole.name; });
    };
    for (const PatternPiece& piece : line.left)
      if (piece.hole && !on_right(piece)) axes_.push_back(piece.name);
  }

  struct Packed {
    std::string key;
    std::vector<int64_t> at;  // the indices that became leading axes
  };
  std::optional<Packed> pack(std::string_view name) const {
    const auto texts = match(left_, text->left, name);
    if (!texts) return std::nullopt;
    Packed out{fill(text->right, *texts), {}};
    for (const std::string& axis : axes_) {
      const std::string& digits = texts->find(axis)->second;
      int64_t& index = out.at.emplace_back();
      const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (end.ec != std::errc() || index == INT64_MAX) return std::nullopt;
    }
    return out;
  }

  // The holes of a key that this line may have made.
  std::optional<Texts> unpack(std::string_view key) const {
    return left_.match(key) ? std::nullopt : match(right_, text->right, key);
  }
  std::string name(Texts texts, const std::vector<int64_t>& at) const {
    for (size_t i = 0; i < axes_.size(); ++i) texts[axes_[i]] = std::to_string(at[i]);
    return fill(text->left, texts);
  }
  size_t axes() const { return axes_.size(); }
  const RenameLine* text;

 private:
  Matcher left_, right_;
  std::vector<std::string> axes_;  // holes of the left side that the right one lacks, first slowest
};

class Packer {
 public:
  explicit Packer(const Dialect& packing) {
    for (const RenameLine& line : packing.rename) lines_.emplace_back(line);
  }

  // The line that acts on a name, and what it makes of it.
  const Line* pack(std::string_view name, Line::Packed& out) const {
    for (const Line& line : lines_)
      if (auto packed = line.pack(name)) return out = *std::move(packed), &line;
    return nullptr;
  }
  const Line* unpack(std::string_view key, Texts& out) const {
    for (const Line& line : lines_) {
      auto texts = line.unpack(key);
      if (!texts) continue;
      Line::Packed again;
      const bool ours = pack(line.name(*texts, std::vector<int64_t>(line.axes())), again) == &line && again.key == key;
      if (ours) return out = *std::move(texts), &line;
    }
    return nullptr;
  }

 private:
  std::vector<Line> lines_;
};

// All packings of a side: each may have made a key that is read.
class Packings {
 public:
  Packings(const RuleSet& rules, SideId side) {
    for (const Dialect& packing : rules.packings)
      if (packing.side == rules.file.sides[side].s) list_.emplace_back(&packing, Packer(packing));
  }
  const Line* line_of(std::string_view key, Texts& texts) const {
    for (const auto& [packing, packer] : list_)
      if (const Line* line = packer.unpack(key, texts)) return line;
    return nullptr;
  }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<std::pair<const Dialect*, Packer>> list_;
};

// Every index of a region, first axis slowest; a region without axes has one.
template <class F>
void each_index(const std::vector<int64_t>& first, const std::vector<int64_t>& shape, F&& f) {
  std::vector<int64_t> at = first;
  for (int64_t left = volume(shape); left > 0; --left) {
    f(at);
    for (size_t k = shape.size(); k-- > 0; at[k] = first[k])
      if (++at[k] < first[k] + shape[k]) break;
  }
}

class Unpacker {
 public:
  Unpacker(const Contents& packed, const RuleSet& rules, SideId side, Diagnostics& diagnostics)
      : packed_(packed), packings_(rules, side), diagnostics_(diagnostics) {}

  std::optional<Contents> run() {
    for (const TensorInfo& tensor : packed_.tensors) {
      Texts texts;
      const Line* line = packings_.line_of(tensor.name, texts);
      if (!(line ? unpack(tensor, *line, texts) : add(tensor, {}))) return std::nullopt;
    }
    Contents out = packed_;
    out.tensors = std::move(tensors_);
    return out;
  }

 private:
  bool unpack(const TensorInfo& key, const Line& line, const Texts& texts) {
    const size_t axes = line.axes();
    const Span why = line.text->left_text.span;
    if (key.shape.size() < axes) {
      diagnostics_.error(
          "V02", why,
          format("`{}` is {}; the packing gives it {} leading axes", escape(key.name), show_shape(key.shape), axes));
      return false;
    }
    const auto split_at = key.shape.begin() + static_cast<ptrdiff_t>(axes);
    const std::vector<int64_t> lead(key.shape.begin(), split_at), shape(split_at, key.shape.end());
    if (!charge(volume(lead), key)) return false;
    std::vector<TensorInfo> made;
    each_index(std::vector<int64_t>(axes), lead, [&](const std::vector<int64_t>& at) {
      made.push_back({line.name(texts, at), key.dtype, shape, key.place, {}});
    });
    for (const Chunk& chunk : key.chunks)
      if (!share(chunk, key, axes, lead, made)) return false;
    for (TensorInfo& tensor : made)
      if (!add(std::move(tensor), why)) return false;
    return true;
  }

  // A chunk's part of each tensor that it touches.
  bool share(const Chunk& chunk, const TensorInfo& key, size_t axes, const std::vector<int64_t>& lead,
             std::vector<TensorInfo>& made) {
    const bool whole = chunk.offsets.empty();
    const std::vector<int64_t> shape = whole ? key.shape : chunk.shape,
                               first = whole ? std::vector<int64_t>(shape.size()) : chunk.offsets,
                               strides = chunk.strides.empty() ? row_major(shape) : chunk.strides;
    const auto head = [&](const std::vector<int64_t>& v) {
      return std::vector(v.begin(), v.begin() + ptrdiff_t(axes));
    };
    const auto tail = [&](const std::vector<int64_t>& v) { return std::vector(v.begin() + ptrdiff_t(axes), v.end()); };
    if (!charge(volume(head(shape)), key)) return false;
    each_index(head(first), head(shape), [&](const std::vector<int64_t>& at) {
      Chunk part{tail(first), tail(shape), chunk.storage, chunk.at, tail(strides)};
      size_t number = 0;
      for (size_t k = 0; k < axes; ++k) {
        number = number * static_cast<size_t>(lead[k]) + static_cast<size_t>(at[k]);
        part.at += (at[k] - first[k]) * strides[k];
      }
      TensorInfo& tensor = made[number];
      if (part.shape == tensor.shape) part.offsets = part.shape = {};
      tensor.chunks.push_back(std::move(part));
    });
    return true;
  }

  bool charge(int64_t names, const TensorInfo& key) {
    count_ += static_cast<uint64_t>(names);
    if (static_cast<uint64_t>(names) <= limits::tensors_per_checkpoint && count_ <= 4 * limits::tensors_per_checkpoint)
      return true;
    diagnostics_.error("V02", {},
                       format("`{}` {} unpacks to more than {} tensors", escape(key.name), show_shape(key.shape),
                              limits::tensors_per_checkpoint));
    return false;
  }

  bool add(TensorInfo tensor, Span why) {
    if (names_.insert(format("{}/{}", tensor.place, tensor.name)).second) {
      tensors_.push_back(std::move(tensor));
      return true;
    }
    diagnostics_.error("B02", why, format("two keys of the source hold `{}`", escape(tensor.name)));
    return false;
  }

  const Contents& packed_;
  Packings packings_;
  Diagnostics& diagnostics_;
  std::vector<TensorInfo> tensors_;
  std::unordered_set<std::string> names_;  // with the place before it
  uint64_t count_ = 0;                     // names and parts of chunks that were made
};

class UnpackedReader : public Reader {
 public:
  UnpackedReader(std::unique_ptr<Reader> packed, Contents contents)
      : packed_(std::move(packed)), contents_(std::move(contents)) {}
  const Contents& contents() const override { return contents_; }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override {
    packed_->read(storage, at, out);
  }
  void verify(StorageId storage) const override { packed_->verify(storage); }
  void check_unchanged() const override { packed_->check_unchanged(); }

 private:
  std::unique_ptr<Reader> packed_;
  Contents contents_;
};

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
  Group(const Line& line, const OutTensor& first, size_t axes) : line_(&line), first_(&first), most_(axes) {}

  // Empty, or why the tensor cannot stand under this key.
  std::string add(const Line& line, const OutTensor& tensor, const std::vector<int64_t>& at) {
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
  const Line& line() const { return *line_; }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> out = most_;
    out.insert(out.end(), first_->shape.begin(), first_->shape.end());
    return out;
  }
  std::string extent() const { return show_shape(most_); }
  size_t count() const { return count_; }

 private:
  const Line* line_;
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
        tensor.slab->shape = groups_.at(tensor.slab->key).shape();
    }
    return good_;
  }

 private:
  void fail(const char* id, const Line* line, const std::string& message, std::string help = {}) {
    diagnostics_.error(id, line ? line->text->left_text.span : Span{}, message, std::move(help));
    good_ = false;
  }

  void place(OutTensor& tensor) {
    Line::Packed packed;
    const Line* line = packer_.pack(tensor.name, packed);
    if (!line) return;
    auto& group = groups_.try_emplace(packed.key, *line, tensor, packed.at.size()).first->second;
    if (const std::string fault = group.add(*line, tensor, packed.at); !fault.empty())
      fail("V02", line, format("`{}` cannot be packed into `{}`: {}", escape(tensor.name), escape(packed.key), fault));
    Texts texts;
    const Line* back = packings_.line_of(packed.key, texts);
    if (!back || back->axes() != packed.at.size() || back->name(texts, packed.at) != tensor.name)
      fail("B02", line,
           format("`{}`, packed from `{}`, would be read back as something else", escape(packed.key),
                  escape(tensor.name)));
    tensor.slab = OutSlab{std::move(packed.key), {}, std::move(packed.at)};
  }

  void check(const std::string& key, const Group& group) {
    if (!group.full())
      fail("V02", &group.line(),
           format("`{}` would be {} with {} tensors: every index must have one", escape(key), group.extent(),
                  group.count()),
           "layers that differ want a packing that keeps them apart");
  }

  void check_plain(const OutTensor& tensor) {
    Texts texts;
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

std::optional<Contents> unpack(const Contents& packed, const RuleSet& rules, SideId side, Diagnostics& diagnostics) {
  return Unpacker(packed, rules, side, diagnostics).run();
}

std::unique_ptr<Reader> unpack(std::unique_ptr<Reader> reader, const RuleSet& rules, SideId side,
                               Diagnostics& diagnostics) {
  if (!reader->contents().whole) return reader;
  auto contents = unpack(reader->contents(), rules, side, diagnostics);
  if (!contents) return nullptr;
  return std::make_unique<UnpackedReader>(std::move(reader), *std::move(contents));
}

bool pack(std::vector<OutTensor>& tensors, const RuleSet& rules, SideId side, const Map& arguments,
          Diagnostics& diagnostics) {
  bool good = true;
  const Packings packings(rules, side);
  const Packer* chosen = chosen_packing(packings, arguments, diagnostics, good);
  return good && (!chosen || PackPass(tensors, packings, *chosen, diagnostics).run());
}

}  // namespace tessera
