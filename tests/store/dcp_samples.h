// A distributed checkpoint put together by hand, so that each of its numbers can be wrong.
#pragma once
#include <functional>

#include "base/text.h"
#include "store/torch_samples.h"

namespace tessera::testing {

struct DcpEntry {
  std::string key;
  std::vector<int64_t> offsets, sizes;
  std::string file;
  uint64_t offset = 0, length = 0;
};

struct DcpSample {
  std::string metadata_json = R"({"sharded_backend": "torch_dist", "sharded_backend_version": 1})";
  std::vector<std::pair<std::string, std::vector<int64_t>>> tensors;  // float32
  std::vector<DcpEntry> slabs, objects;
  std::map<std::string, std::string> files;
  std::string dtype = "float32";
  asm_::Bytes common = asm_::pickle(
      asm_::dict({{asm_::text("args"), asm_::dict({{asm_::text("num_layers"), asm_::integer(2)},
                                                   {asm_::text("tensor_model_parallel_size"), asm_::integer(2)}})},
                  {asm_::text("checkpoint_version"), asm_::real(3)},
                  {asm_::text("iteration"), asm_::integer(3)}}));

  // A slab of its own bytes at the end of a file.
  void add(const TempFolder& folder, const std::string& key, std::vector<int64_t> offsets, std::vector<int64_t> sizes,
           const std::vector<float>& values, const std::string& file = "__0_0.distcp") {
    using namespace asm_;
    std::vector<int64_t> strides(sizes.size(), 1);
    for (size_t k = sizes.size(); k-- > 1;) strides[k - 1] = strides[k] * sizes[k];
    const std::string blob =
        archive(folder, pickle(tensor(storage("0", int64_t(values.size())), 0, sizes, strides)), {floats(values)});
    slabs.push_back({key, std::move(offsets), std::move(sizes), file, files[file].size(), blob.size()});
    files[file] += blob;
  }
  void add_object(const TempFolder& folder, const std::string& key) {
    const std::string blob = archive(folder, asm_::pickle(asm_::list({asm_::none})), {});
    objects.push_back({key, {}, {}, "__0_0.distcp", files["__0_0.distcp"].size(), blob.size()});
    files["__0_0.distcp"] += blob;
  }

  static asm_::Bytes object(const std::string& type, const asm_::Bytes& state,
                            const std::string& module = "torch.distributed.checkpoint.metadata") {
    return asm_::global(module, type) + ")\x81" + state + "b";
  }
  static asm_::Bytes size(const std::vector<int64_t>& extents) {
    return asm_::call(asm_::global("torch", "Size"), {asm_::integers(extents)});
  }

  asm_::Bytes metadata() const {
    using namespace asm_;
    std::vector<std::pair<Bytes, Bytes>> entries, places;
    for (const auto& [key, shape] : tensors) {
      std::vector<Bytes> chunks;
      for (const DcpEntry& slab : slabs)
        if (slab.key == key)
          chunks.push_back(object("ChunkStorageMetadata",
                                  dict({{text("offsets"), size(slab.offsets)}, {text("sizes"), size(slab.sizes)}})));
      const Bytes layout = call(global("torch.serialization", "_get_layout"), {text("torch.strided")});
      const Bytes memory = call(global("torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"), {integer(0)});
      const Bytes properties = object("TensorProperties", tuple({global("torch", dtype), layout, no, memory, no}));
      entries.emplace_back(text(key), object("TensorStorageMetadata", dict({{text("properties"), properties},
                                                                            {text("size"), size(shape)},
                                                                            {text("chunks"), list(chunks)}})));
    }
    for (const DcpEntry& one : objects)
      entries.emplace_back(text(one.key),
                           global("torch.distributed.checkpoint.metadata", "BytesStorageMetadata") + ")\x81");
    const auto place = [&](const DcpEntry& one, bool slab) {
      std::vector<std::pair<Bytes, Bytes>> index = {{text("fqn"), text(one.key)}, {text("index"), none}};
      if (slab) index.emplace_back(text("offset"), size(one.offsets));
      places.emplace_back(object("MetadataIndex", dict(index)),
                          object("_StorageInfo",
                                 dict({{text("relative_path"), text(one.file)},
                                       {text("offset"), integer(int64_t(one.offset))},
                                       {text("length"), integer(int64_t(one.length))}}),
                                 "torch.distributed.checkpoint.filesystem"));
    };
    for (const DcpEntry& slab : slabs) place(slab, true);
    for (const DcpEntry& one : objects) place(one, false);
    return pickle(object("Metadata", dict({{text("state_dict_metadata"), dict(entries)},
                                           {text("planner_data"), none},
                                           {text("storage_data"), dict(places)}})),
                  4);
  }

  std::filesystem::path put(const TempFolder& folder) const {
    folder.put("ckpt/latest_checkpointed_iteration.txt", "3");
    for (const auto& [name, bytes] : files) folder.put("ckpt/iter_0000003/" + name, bytes);
    folder.put("ckpt/iter_0000003/common.pt", archive(folder, common, {}));
    if (!metadata_json.empty()) folder.put("ckpt/iter_0000003/metadata.json", metadata_json);
    folder.put("ckpt/iter_0000003/.metadata", metadata());
    return folder / "ckpt";
  }
};

// Two tensors: `m` [2, 4] in two slabs of columns in two files, `v` [3] whole; an object beside them.
inline DcpSample dcp_sample(const TempFolder& folder) {
  DcpSample sample;
  sample.tensors = {{"m", {2, 4}}, {"v", {3}}};
  sample.add(folder, "m", {0, 2}, {2, 2}, {2, 3, 6, 7}, "__1_0.distcp");
  sample.add(folder, "m", {0, 0}, {2, 2}, {0, 1, 4, 5});
  sample.add(folder, "v", {0}, {3}, {8, 9, 10});
  sample.add_object(folder, "m._extra_state/shard_0_1");
  return sample;
}

// The elements of a tensor of slabs, row-major; float32.
inline std::vector<float> slab_floats(const Reader& reader, const TensorInfo& tensor) {
  size_t volume = 1;
  for (int64_t extent : tensor.shape) volume *= size_t(extent);
  std::vector<float> out(volume, -1);
  for (const Chunk& chunk : tensor.chunks) {
    const std::vector<int64_t>& shape = chunk.offsets.empty() ? tensor.shape : chunk.shape;
    TensorInfo part = tensor;
    part.shape = shape;
    part.chunks = {chunk};
    const std::string bytes = elements(reader, part);
    size_t next = 0;
    const auto walk = [&](const auto& self, size_t axis, int64_t at) -> void {
      if (axis == shape.size()) {
        std::memcpy(&out[size_t(at)], bytes.data() + 4 * next++, 4);
        return;
      }
      for (int64_t i = 0; i < shape[axis]; ++i)
        self(self, axis + 1, at * tensor.shape[axis] + i + (chunk.offsets.empty() ? 0 : chunk.offsets[axis]));
    };
    walk(walk, 0, 0);
  }
  return out;
}

}  // namespace tessera::testing
