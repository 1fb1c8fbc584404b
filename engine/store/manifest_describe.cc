// What a manifest says of a source and of an output.
#include <algorithm>
#include <map>
#include <numeric>

#include "base/path.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/hash_file.h"
#include "store/manifest.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

void add(Hasher& hasher, const std::string& text) { hasher.add(std::as_bytes(std::span(text))); }

std::string listed(const std::vector<int64_t>& numbers) { return format("[{}]", fmt::join(numbers, ", ")); }

// A tensor as its headers say it, for each file in which a part of it stands.
void add_tensor(std::vector<Hasher>& files, const Contents& source, const TensorInfo& tensor) {
  for (const Chunk& chunk : tensor.chunks) {
    const Storage& storage = source.storages[chunk.storage];
    add(files[storage.file], format("{}\n{} {} {} {} {} {} {} {} {} {}\n", tensor.name, info(tensor.dtype).name,
                                    listed(tensor.shape), tensor.place, listed(chunk.offsets), listed(chunk.shape),
                                    chunk.at, listed(chunk.strides), storage.offset, storage.bytes, storage.packed));
  }
}

// Numbers of tensors: of one file together, in order of their bytes.
std::vector<uint32_t> in_order(const std::vector<OutPlace>& places) {
  std::vector<uint32_t> order(places.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::tuple(places[a].file, places[a].offset, places[a].bytes) <
           std::tuple(places[b].file, places[b].offset, places[b].bytes);
  });
  return order;
}

}  // namespace

std::vector<ManifestSource> manifest_sources(const Contents& source, bool hashed) {
  std::vector<Hasher> headers(source.files.size());
  if (hashed)
    for (const TensorInfo& tensor : source.tensors) add_tensor(headers, source, tensor);
  const fs::path root = full_path(source.root);
  std::vector<ManifestSource> out;
  for (size_t i = 0; i < source.files.size(); ++i) {
    const fs::path path = full_path(source.files[i].path);
    const std::string name = name_within(root, path).value_or(path.filename().string());
    out.push_back({name, source.files[i].bytes, hashed ? headers[i].hex() : ""});
  }
  return out;
}

void describe_output(Manifest& manifest, const OutputSpec& spec, const Writer& writer,
                     const std::vector<std::string>& hashes) {
  for (const uint32_t i : in_order(writer.places())) {
    const OutPlace& place = writer.places()[i];
    manifest.tensors.push_back(
        {spec.tensors[i].name, place.file, place.offset, place.bytes, manifest.hashed ? hashes[i] : ""});
  }
  std::map<fs::path, std::string> outside = writer.outside();
  for (const SmallFile& mark : writer.marks()) outside[mark.path] = hash_text(mark.bytes);
  for (const FileInfo& file : writer.files())
    manifest.files.push_back({file.path.string(), file.bytes, manifest.hashed ? outside.at(file.path) : ""});
}

}  // namespace tessera
