// Keys taken apart: names for the indices of their leading axes, and of each slab the part that each name gets.

#include "base/text.h"
#include "base/text_hash.h"
#include "layout/box.h"
#include "layout/layout.h"
#include "plan/packing.h"
#include "plan/packing_lines.h"
#include "store/limits.h"

namespace tessera {
namespace {

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
      HoleTexts texts;
      const PackingLine* line = packings_.line_of(tensor.name, texts);
      if (!(line ? unpack(tensor, *line, texts) : add(tensor, {}))) return std::nullopt;
    }
    Contents out = packed_;
    out.tensors = std::move(tensors_);
    return out;
  }

 private:
  bool unpack(const TensorInfo& key, const PackingLine& line, const HoleTexts& texts) {
    const size_t axes = line.axes();
    const Span why = line.span();
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
  TextSet names_;       // with the place before it
  uint64_t count_ = 0;  // names and parts of chunks that were made
};

class UnpackedReader : public Reader {
 public:
  UnpackedReader(std::unique_ptr<Reader> packed, Contents contents)
      : packed_(std::move(packed)), contents_(std::move(contents)) {}
  const Contents& contents() const override { return contents_; }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override {
    packed_->read(storage, at, out);
  }
  bool cached(StorageId storage, uint64_t at) const override { return packed_->cached(storage, at); }
  void verify(StorageId storage) const override { packed_->verify(storage); }
  std::optional<uint32_t> checksum(StorageId storage) const override { return packed_->checksum(storage); }
  void check_unchanged() const override { packed_->check_unchanged(); }

 private:
  std::unique_ptr<Reader> packed_;
  Contents contents_;
};

}  // namespace

std::optional<Contents> unpack(const Contents& packed, const RuleSet& rules, SideId side, Diagnostics& diagnostics) {
  return Unpacker(packed, rules, side, diagnostics).run();
}

const Contents* unpacked(const Contents& packed, const RuleSet& rules, SideId side, std::optional<Contents>& made,
                         Diagnostics& diagnostics) {
  if (!packed.whole) return &packed;
  made = unpack(packed, rules, side, diagnostics);
  return made ? &*made : nullptr;
}

std::unique_ptr<Reader> unpack(std::unique_ptr<Reader> reader, const RuleSet& rules, SideId side,
                               Diagnostics& diagnostics) {
  if (!reader->contents().whole) return reader;
  auto contents = unpack(reader->contents(), rules, side, diagnostics);
  if (!contents) return nullptr;
  return std::make_unique<UnpackedReader>(std::move(reader), *std::move(contents));
}

}  // namespace tessera
