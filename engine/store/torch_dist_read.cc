// Every slab's archive is opened: what `.metadata` says of it must be what it holds. Data files are opened once each.
#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "store/dcp_metadata.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/hf_dir.h"
#include "store/limits.h"
#include "store/megatron_rank.h"
#include "store/torch_dist.h"
#include "store/torch_file.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

// Storages are numbered through all files; each knows its archive and its number there.
class DcpReader : public Reader {
 public:
  struct Place {
    uint32_t archive = 0, storage = 0;
  };
  DcpReader(Contents contents, std::vector<TorchArchive> archives, std::vector<Place> places)
      : contents_(std::move(contents)), archives_(std::move(archives)), places_(std::move(places)) {}
  const Contents& contents() const override { return contents_; }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override {
    archive(storage).read(places_[storage].storage, at, out);
  }
  void verify(StorageId storage) const override { archive(storage).verify(places_[storage].storage); }
  std::optional<uint32_t> checksum(StorageId storage) const override {
    return archive(storage).checksum(places_[storage].storage);
  }
  bool cached(StorageId storage, uint64_t at) const override {
    return archive(storage).cached(places_[storage].storage, at);
  }
  void check_unchanged() const override {
    for (const TorchArchive& archive : archives_) archive.file().check_unchanged();
  }

 private:
  const TorchArchive& archive(StorageId storage) const { return archives_[places_[storage].archive]; }

  Contents contents_;
  std::vector<TorchArchive> archives_;  // by file
  std::vector<Place> places_;           // by StorageId
};

bool is_extra_state(std::string_view name) { return name.find("._extra_state") != std::string_view::npos; }

bool is_optimizer(std::string_view name) {
  if (name.starts_with("chained_")) {
    const size_t dot = name.find('.');
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return name.starts_with("optimizer.");
}

bool is_state_of_run(std::string_view name) {
  constexpr std::array<std::string_view, 3> begins = {"rng_state", "rerun_state_machine", "common_state"};
  return is_extra_state(name) ||
         std::any_of(begins.begin(), begins.end(), [&](auto begin) { return name.starts_with(begin); });
}

class DistFolder {
 public:
  explicit DistFolder(const MegatronPath& where)
      : where_(where), metadata_path_(show_path(path_in(where.folder, ".metadata"))) {}

  std::unique_ptr<Reader> open() {
    const bool megatron = read_backend();
    metadata_ = read_dcp_metadata(path_in(where_.folder, ".metadata"));
    for (const std::string& name : metadata_.files) files_.emplace_back(path_in(where_.folder, name));
    for (const DcpObject& object : metadata_.objects) require_in_file(object.blob, object.name);
    check_slabs();
    Contents contents;
    contents.format = megatron ? "torch_dist" : "torch_dcp";
    contents.root = where_.root;
    contents.places = {PlaceInfo{}};
    if (megatron) describe(contents);
    storages_.resize(files_.size());
    leave_out_state(contents, megatron);
    warn_of_ranks(contents);
    add_tensors(contents);
    for (const InputFile& file : files_) contents.files.push_back({file.path(), file.size()});
    contents.warnings.insert(contents.warnings.end(), warnings_.begin(), warnings_.end());
    std::vector<TorchArchive> archives;
    for (size_t i = 0; i < files_.size(); ++i) archives.emplace_back(std::move(files_[i]), std::move(storages_[i]));
    return std::make_unique<DcpReader>(std::move(contents), std::move(archives), std::move(places_));
  }

 private:
  struct SlabId {
    uint32_t tensor, slab;
  };

  [[noreturn]] void fail(std::string_view name, const std::string& what) const {
    fail_world(format("{}: `{}`: {}", metadata_path_, escape(name), what));
  }

  // False: there is no metadata.json, so Megatron did not write this.
  bool read_backend() const {
    const fs::path path = path_in(where_.folder, "metadata.json");
    std::error_code ignored;
    if (fs::symlink_status(path, ignored).type() == fs::file_type::not_found) return false;
    const Value value = parse_json(InputFile(path).read_all(limits::config_bytes), path.string(),
                                   {.depth = limits::json_depth, .bytes = limits::config_bytes});
    const Value* backend = value.as_map() ? value.as_map()->find("sharded_backend") : nullptr;
    if (!backend) fail_world(format("{}: no `sharded_backend` in it", show_path(path)));
    if (*backend != Value("torch_dist"))
      fail_world(format("{}: sharded_backend is {}; only \"torch_dist\" is read", show_path(path), show(*backend)));
    return true;
  }

  void describe(Contents& contents) {
    MegatronHeader header;
    header.version = 3.0;
    read_common(header);
    contents.whole = true;
    contents.mesh = mesh_of_arguments(header, single_place);
    describe_header(header, where_, contents);
    if (!header.args)
      contents.warnings.push_back(
          format("{}: no arguments in it: --set and a config.json must say what they would", show_path(where_.folder)));
  }

  // common.pt, or in newer checkpoints a list of one dict among the data.
  void read_common(MegatronHeader& header) {
    const fs::path path = path_in(where_.folder, "common.pt");
    std::error_code ignored;
    if (fs::symlink_status(path, ignored).type() != fs::file_type::not_found) {
      header.file = show_path(path);
      const TorchFile file = read_torch_file(path);
      return read_header_of(file.tree, file.tree.root, header);
    }
    for (const DcpObject& object : metadata_.objects) {
      if (!object.name.starts_with("common_state/")) continue;
      const InputFile& file = files_[object.blob.file];
      header.file = format("{}: {}", show_path(file.path()), escape(object.name));
      const PickleTree tree = read_torch_slice(file, object.blob.slice).tree;
      const bool listed = tree.is(tree.root, PickleKind::list) && tree.items(tree.root).size() == 1;
      return read_header_of(tree, listed ? tree.items(tree.root)[0] : tree.root, header);
    }
  }

  static void read_header_of(const PickleTree& tree, PickleId dict, MegatronHeader& header) {
    if (!tree.is(dict, PickleKind::dict))
      fail_world(format("{}: its value is of kind {}, not a dict", header.file, name_of(tree.at(dict).kind)));
    read_header(tree, dict, header);
  }

  void require_in_file(const DcpBlob& blob, std::string_view name) const {
    const uint64_t size = files_[blob.file].size();
    if (blob.slice.offset > size || blob.slice.bytes > size - blob.slice.offset)
      fail(name, format("bytes {} to {} of {} are wanted, which has {}", blob.slice.offset,
                        blob.slice.offset + blob.slice.bytes, escape(metadata_.files[blob.file]), size));
  }

  void warn_of_ranks(Contents& contents) const {
    std::error_code error;
    for (const fs::path& entry : list_folder(where_.folder, error))
      if (entry.filename().string().starts_with("mp_rank_"))
        return contents.warnings.push_back(format(
            "{}: a distributed checkpoint and mp_rank_* folders: these are not read, nor does Megatron read them",
            show_path(where_.folder)));
  }

  void leave_out_state(Contents& contents, bool megatron) {
    if (!megatron) return;
    const size_t optimizer = std::erase_if(metadata_.tensors, [](const DcpTensor& t) { return is_optimizer(t.name); });
    std::erase_if(metadata_.tensors, [](const DcpTensor& t) { return is_state_of_run(t.name); });
    contents.optimizer |= optimizer > 0;
  }

  const DcpTensor& tensor_of(SlabId id) const { return metadata_.tensors[id.tensor]; }
  const DcpBlob& blob_of(SlabId id) const { return tensor_of(id).slabs[id.slab].blob; }

  // By their bytes: files are read front to back.
  std::vector<SlabId> slabs_in_order() const {
    std::vector<SlabId> order;
    for (uint32_t t = 0; t < metadata_.tensors.size(); ++t)
      for (uint32_t s = 0; s < metadata_.tensors[t].slabs.size(); ++s) order.push_back({t, s});
    std::sort(order.begin(), order.end(), [&](SlabId a, SlabId b) {
      return std::pair(blob_of(a).file, blob_of(a).slice.offset) < std::pair(blob_of(b).file, blob_of(b).slice.offset);
    });
    return order;
  }

  // Of what is left out later too: torch refuses to save slabs that do not tile their tensor, be it an optimizer's.
  void check_slabs() const {
    for (const DcpTensor& tensor : metadata_.tensors)
      for (const DcpSlab& slab : tensor.slabs) require_in_file(slab.blob, tensor.name);
    for (const DcpTensor& tensor : metadata_.tensors) require_tiled(tensor, metadata_path_);
    const std::vector<SlabId> order = slabs_in_order();
    for (size_t i = 1; i < order.size(); ++i) {
      const DcpBlob &before = blob_of(order[i - 1]), &here = blob_of(order[i]);
      if (before.file == here.file && here.slice.offset < before.slice.offset + before.slice.bytes)
        fail(tensor_of(order[i]).name,
             format("its bytes at {} of {} are also those of `{}`", here.slice.offset,
                    escape(metadata_.files[here.file]), escape(tensor_of(order[i - 1]).name)));
    }
  }

  void add_tensors(Contents& contents) {
    for (const DcpTensor& tensor : metadata_.tensors)
      contents.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, 0, std::vector<Chunk>(tensor.slabs.size())});
    for (const SlabId id : slabs_in_order())
      contents.tensors[id.tensor].chunks[id.slab] = chunk(contents, tensor_of(id), tensor_of(id).slabs[id.slab]);
  }

  Chunk chunk(Contents& contents, const DcpTensor& tensor, const DcpSlab& slab) {
    const InputFile& file = files_[slab.blob.file];
    TorchSlice archive = read_torch_slice(file, slab.blob.slice);
    const auto wrong = [&](const std::string& what) {
      fail_world(
          format("{}: `{}` at byte {}: {}", show_path(file.path()), escape(tensor.name), slab.blob.slice.offset, what));
    };
    const PickleTree& tree = archive.tree;
    if (!tree.is(tree.root, PickleKind::tensor))
      wrong(format("its value is of kind {}, not a tensor", name_of(tree.at(tree.root).kind)));
    const PickleTensor& found = tree.tensors[tree.at(tree.root).index];
    if (found.dtype != tensor.dtype || found.shape != slab.shape)
      wrong(format("it is {} {}, .metadata says {} {}", info(found.dtype).name, show_shape(found.shape),
                   info(tensor.dtype).name, show_shape(slab.shape)));
    warnings_.insert(archive.warnings.begin(), archive.warnings.end());
    std::vector<TorchStorage>& storages = storages_[slab.blob.file];
    TorchStorage& storage = archive.storages[found.storage];
    storage.name = format("`{}` at byte {}", escape(tensor.name), slab.blob.slice.offset);
    const auto id = static_cast<StorageId>(contents.storages.size());
    contents.storages.push_back(
        {slab.blob.file, storage.offset, storage.bytes, storage.packed.has_value(), storage.crc.has_value()});
    places_.push_back({slab.blob.file, static_cast<uint32_t>(storages.size())});
    storages.push_back(std::move(storage));
    const bool whole = slab.shape == tensor.shape;
    return {whole ? std::vector<int64_t>() : slab.offsets, whole ? std::vector<int64_t>() : slab.shape, id,
            found.offset, found.strides};
  }

  const MegatronPath& where_;
  std::string metadata_path_;
  DcpMetadata metadata_;
  std::vector<InputFile> files_;                     // as metadata_.files
  std::vector<std::vector<TorchStorage>> storages_;  // by file
  std::vector<DcpReader::Place> places_;             // by StorageId
  std::set<std::string> warnings_;
};

}  // namespace

bool is_torch_dist(const fs::path& folder) {
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return fs::symlink_status(path_in(folder, name), ignored).type() != fs::file_type::not_found;
  };
  return has(".metadata") || has("metadata.json");
}

std::unique_ptr<Reader> open_torch_dist(const MegatronPath& where) { return DistFolder(where).open(); }

}  // namespace tessera
