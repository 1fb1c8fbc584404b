// One safetensors file as a Reader, and as a Writer.
#include "store/safetensors.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/limits.h"
#include "store/safetensors_header.h"
#include "store/sniff.h"
#include "store/torch_write.h"

namespace tessera {
namespace {

std::vector<HeaderEntry> read_header(const InputFile& file) {
  std::string head(static_cast<size_t>(std::min<uint64_t>(file.size(), sniff_bytes)), '\0');
  file.read(0, std::as_writable_bytes(std::span(head)));
  const uint64_t n = header_length(head, file.size(), show_path(file.path()));
  std::string text(static_cast<size_t>(n), '\0');
  file.read(length_bytes, std::as_writable_bytes(std::span(text)));
  return parse_header(text, show_path(file.path()), length_bytes, file.size() - length_bytes - n);
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path) : file_(path) {
  contents_.format = "safetensors";
  contents_.side = "hf";
  contents_.root = path;
  contents_.places = {PlaceInfo{}};
  contents_.files = {{path, file_.size()}};
  std::vector<HeaderEntry> entries = read_header(file_);
  const uint64_t data = file_.size() - (entries.empty() ? 0 : entries.back().end);
  contents_.tensors.reserve(entries.size());
  contents_.storages.reserve(entries.size());
  for (HeaderEntry& entry : entries) {
    entry.info.chunks.resize(1);
    entry.info.chunks[0].storage = static_cast<StorageId>(contents_.storages.size());
    contents_.storages.push_back({0, data + entry.begin, entry.end - entry.begin});
    contents_.tensors.push_back(std::move(entry.info));
  }
}

void SafetensorsReader::read(StorageId storage, uint64_t at, std::span<std::byte> out) const {
  file_.read(contents_.storages[storage].offset + at, out);
}

void SafetensorsReader::verify(StorageId storage) const {
  const uint64_t bytes = contents_.storages[storage].bytes;
  std::vector<std::byte> block(static_cast<size_t>(std::min<uint64_t>(bytes, uint64_t{1} << 20)));
  for (uint64_t at = 0; at < bytes; at += block.size())
    read(storage, at, std::span(block).first(static_cast<size_t>(std::min<uint64_t>(block.size(), bytes - at))));
}

namespace {

std::vector<uint32_t> reference_order(std::span<const OutTensor> tensors) {
  for (const OutTensor& t : tensors)
    if (!safetensors_order(t.dtype))
      fail_usage(format("tensor `{}`: safetensors has no dtype {}", escape(t.name), info(t.dtype).name));
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const auto rank_a = safetensors_order(tensors[a].dtype), rank_b = safetensors_order(tensors[b].dtype);
    return rank_a != rank_b ? rank_a < rank_b : tensors[a].name < tensors[b].name;
  });
  return order;
}

// The header, and offsets from the first byte of data into `places`.
std::string lay_out(std::span<const OutTensor> tensors, std::vector<OutPlace>& places) {
  std::string text = R"({"__metadata__":{"format":"pt"})";
  uint64_t at = 0;
  for (const uint32_t i : reference_order(tensors)) {
    const OutTensor& t = tensors[i];
    places[i] = {0, at, tensor_bytes(t)};
    at += places[i].bytes;
    text += format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", to_json(*t.name, {.ascii = false}),
                   info(t.dtype).name, fmt::join(t.shape, ","), places[i].offset, at);
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

std::string with_length(const std::string& header) {
  if (header.size() > limits::safetensors_header)
    fail_world(format("a safetensors header of {} bytes is above the limit of {}: smaller shards are needed",
                      header.size(), limits::safetensors_header));
  std::string head;
  for (size_t i = 0; i < length_bytes; ++i) head.push_back(static_cast<char>(header.size() >> (8 * i)));
  return head + header;
}

uint64_t data_bytes(const std::vector<OutPlace>& places) {
  uint64_t sum = 0;
  for (const OutPlace& place : places) sum += place.bytes;
  return sum;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::span<const OutTensor> tensors)
    : path_(path), places_(tensors.size()), head_(with_length(lay_out(tensors, places_))) {
  files_ = {{path.filename(), head_.size() + data_bytes(places_)}};
  for (OutPlace& place : places_) place.offset += head_.size();
}

void SafetensorsWriter::write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) {
  file_->write(places_[tensor].offset + offset, bytes);
}

void SafetensorsWriter::finish(bool sync) {
  file_->put(0, head_);
  file_->close(sync);
}

}  // namespace tessera
