// Windows of source tensors: read in one piece where the tensor is contiguous in its storage, gathered in dense pieces
// where it is a view or a set of chunks.
#include "run/windows.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "layout/layout.h"
#include "run/codec.h"
#include "run/kernel.h"
#include "store/file.h"

namespace tessera {
namespace {

bool is_row_major(const std::vector<int64_t>& strides, const std::vector<int64_t>& shape) {
  if (strides.empty()) return true;
  const std::vector<int64_t> wanted = row_major(shape);
  for (size_t k = 0; k < shape.size(); ++k)
    if (shape[k] != 1 && strides[k] != wanted[k]) return false;
  return true;
}

// Does the chunk hold all of the tensor, one element behind the other?
bool is_run(const Chunk& chunk, const TensorInfo& tensor) {
  return chunk.offsets.empty() && is_row_major(chunk.strides, tensor.shape);
}

// Element copies within memory, any dtype of whole bytes: the opaque integer of the same size.
DType raw_dtype(uint64_t size) {
  switch (size) {
    case 1:
      return DType::u8;
    case 2:
      return DType::u16;
    case 4:
      return DType::u32;
    case 8:
      return DType::u64;
    default:
      return DType::c128;
  }
}

}  // namespace

bool lies_alike(const Box& box) {
  for (size_t a = 0; a < box.shape.size(); ++a)
    if (box.shape[a] > 1 && box.from.strides[a] != box.to.strides[a]) return false;
  return true;
}

size_t farthest_axis(const Extents& shape, const Strided& at) {
  size_t axis = 0;
  for (size_t a = 1; a < shape.size(); ++a)
    if (shape[a] > 1 && (shape[axis] == 1 || at.strides[a] > at.strides[axis])) axis = a;
  return axis;
}

std::array<Box, 2> halves(const Box& box) {
  const size_t axis = farthest_axis(box.shape, box.from);
  Window first{std::vector<int64_t>(box.shape.size(), 0), box.shape}, second = first;
  first.shape[axis] = second.first[axis] = box.shape[axis] / 2;
  second.shape[axis] -= first.shape[axis];
  return {restrict(box, first), restrict(box, second)};
}

SourceWindows::SourceWindows(const Graph& graph, const Reader& reader, CheckedStorages& storages, uint64_t budget)
    : graph_(graph), reader_(reader), storages_(storages), budget_(std::max<uint64_t>(budget, 1 << 16)) {}

bool SourceWindows::kept_whole(TensorId tensor) const {
  const Tensor& t = graph_.tensors[tensor];
  return uint64_t(volume(t.shape)) * byte_size(t.dtype) <= budget_ / 2;
}

SourceWindows::View SourceWindows::get(TensorId tensor, int64_t first, int64_t count) {
  for (auto e = entries_.begin(); e != entries_.end(); ++e) {
    if (e->tensor != tensor || first < e->first || first + count > e->first + e->count) continue;
    entries_.splice(entries_.begin(), entries_, e);
    return {e->bytes, e->first};
  }
  const bool whole = kept_whole(tensor);
  Entry& entry = insert(tensor, whole ? 0 : first, whole ? volume(graph_.tensors[tensor].shape) : count);
  load(tensor, entry.first, entry.bytes);
  return {entry.bytes, entry.first};
}

bool SourceWindows::straight(TensorId id, int64_t first, int64_t count) const {
  constexpr uint64_t least = 256 << 10;
  const Tensor& tensor = graph_.tensors[id];
  const uint64_t size = byte_size(tensor.dtype);
  if (tensor.stored != none_id || uint64_t(count) * size < least) return false;
  const TensorInfo& info = reader_.contents().tensors[tensor.index];
  if (info.chunks.size() != 1) return false;
  const Chunk& chunk = info.chunks[0];
  return is_run(chunk, info) && reader_.cached(chunk.storage, uint64_t(chunk.at + first + count / 2) * size);
}

void SourceWindows::require(TensorId tensor) {
  each_storage(graph_, reader_.contents(), tensor, [&](StorageId s) { storages_.require(s); });
}

void SourceWindows::forget() {
  for (Entry& entry : entries_) spare_.push_back(std::move(entry.buffer));
  entries_.clear();
}

SourceWindows::Entry& SourceWindows::insert(TensorId tensor, int64_t first, int64_t count) {
  const uint64_t bytes = uint64_t(count) * byte_size(graph_.tensors[tensor].dtype);
  const uint64_t within = file_offset(tensor, first) % InputFile::direct_alignment;
  Buffer buffer = take_buffer(bytes + within);
  const std::span<std::byte> used(buffer.data.get() + within, bytes);
  entries_.push_front({tensor, first, count, std::move(buffer), used});
  return entries_.front();
}

// Where the elements stand in the file, if they do one behind the other: memory laid out alike can be read to directly.
uint64_t SourceWindows::file_offset(TensorId id, int64_t first) const {
  const Tensor& tensor = graph_.tensors[id];
  if (tensor.stored != none_id) return 0;
  const TensorInfo& info = reader_.contents().tensors[tensor.index];
  if (info.chunks.empty()) return 0;
  const Chunk& chunk = info.chunks[0];
  return reader_.contents().storages[chunk.storage].offset + uint64_t(chunk.at + first) * byte_size(info.dtype);
}

// The smallest spare buffer that is large enough. While there is none and the budget does not hold `bytes` more, spare
// ones are given back, then entries dropped, the longest unused first and never the last one used.
Buffer SourceWindows::take_buffer(uint64_t bytes) {
  for (;;) {
    std::ranges::sort(spare_, {}, &Buffer::capacity);
    const auto found = std::ranges::lower_bound(spare_, bytes, {}, &Buffer::capacity);
    if (found != spare_.end()) {
      Buffer taken = std::move(*found);
      spare_.erase(found);
      return taken;
    }
    const bool room = held_ + bytes <= budget_;
    if (!room && !spare_.empty()) {
      held_ -= spare_.back().capacity;
      spare_.pop_back();
    } else if ((!room || entries_.size() >= most_entries) && entries_.size() > 1) {
      spare_.push_back(std::move(entries_.back().buffer));
      entries_.pop_back();
    } else {
      break;
    }
  }
  Buffer made = make_buffer(bytes);
  held_ += made.capacity;
  return made;
}

void SourceWindows::load(TensorId id, int64_t first, std::span<std::byte> out) {
  const Tensor& tensor = graph_.tensors[id];
  if (tensor.stored != none_id) return decode(tensor, first, out);
  load(reader_.contents().tensors[tensor.index], first, out);
}

void SourceWindows::decode(const Tensor& tensor, int64_t first, std::span<std::byte> out) {
  const Stored& stored = graph_.stored[tensor.stored];
  Fields fields{tensor.shape, {}, {}};
  for (const uint32_t field : stored.fields) fields.info.push_back(&reader_.contents().tensors[field]);
  fields.load = [&](size_t field, int64_t at, std::span<std::byte> bytes) { load(*fields.info[field], at, bytes); };
  const std::unique_ptr<Codec> made = codec(stored);
  assert(made);
  constexpr size_t step = 1 << 18;  // elements: what the fields take beside the window stays small
  std::vector<float> values;
  for (size_t at = 0; at < out.size() / sizeof(float); at += values.size()) {
    values.resize(std::min(step, out.size() / sizeof(float) - at));
    made->decode(fields, first + int64_t(at), values);
    std::memcpy(out.data() + at * sizeof(float), values.data(), values.size() * sizeof(float));
  }
}

void SourceWindows::load(const TensorInfo& tensor, int64_t first, std::span<std::byte> out) {
  for (const Chunk& chunk : tensor.chunks) load_chunk(tensor, chunk, first, out);
}

void SourceWindows::load_chunk(const TensorInfo& tensor, const Chunk& chunk, int64_t first, std::span<std::byte> out) {
  const auto size = int64_t(byte_size(tensor.dtype));
  const int64_t count = int64_t(out.size()) / size;
  if (is_run(chunk, tensor)) return read(chunk.storage, uint64_t((chunk.at + first) * size), out);
  const bool whole = chunk.offsets.empty();
  const Extents& shape = whole ? tensor.shape : chunk.shape;
  Box box{shape, {chunk.at, chunk.strides.empty() ? row_major(shape) : chunk.strides}, {0, row_major(tensor.shape)}};
  for (size_t k = 0; !whole && k < shape.size(); ++k) box.to.offset += chunk.offsets[k] * box.to.strides[k];
  for (const Window& window : clip(shape, box.to, first, first + count)) {
    Box piece = restrict(box, window);
    piece.to.offset -= first;
    gather(chunk.storage, uint64_t(size), piece, out);
  }
}

void SourceWindows::read(StorageId storage, uint64_t at, std::span<std::byte> out) {
  bytes_read_ += out.size();
  storages_.read(storage, at, out);
}

// Splits along the axis that strides farthest in the storage until what is read lies close together. What lies alike
// and without gaps on both ends is read to its place.
void SourceWindows::gather(StorageId storage, uint64_t element, const Box& whole, std::span<std::byte> out) {
  if (const Reach to = reach(whole.shape, whole.to); lies_alike(whole) && to.end - to.begin == volume(whole.shape)) {
    const auto place = out.subspan(uint64_t(to.begin) * element, uint64_t(to.end - to.begin) * element);
    return read(storage, uint64_t(reach(whole.shape, whole.from).begin) * element, place);
  }
  std::vector<Box> pieces{whole};
  while (!pieces.empty()) {
    const Box box = std::move(pieces.back());
    pieces.pop_back();
    const Reach span = reach(box.shape, box.from);
    if (span.begin == span.end) continue;
    const auto bytes = uint64_t(span.end - span.begin) * element;
    const int64_t elements = volume(box.shape);
    if (elements > 1 && bytes > std::max<uint64_t>(piece(), 4096)) {
      for (Box& half : halves(box)) pieces.push_back(std::move(half));
      continue;
    }
    scratch_.resize(bytes);
    read(storage, uint64_t(span.begin) * element, scratch_);
    Box near = box;
    near.from.offset -= span.begin;
    const DType raw = raw_dtype(element);
    native_kernel()->copy({scratch_, out, raw, raw, &near, nullptr}, nullptr);
  }
}

}  // namespace tessera
