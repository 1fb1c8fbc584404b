// state_dict_metadata says what there is, storage_data where it is; they meet by name and offsets.
#include "store/dcp_metadata.h"

#include <array>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/limits.h"
#include "store/pickle.h"
#include "store/shards.h"

namespace tessera {
namespace {

constexpr std::array<std::string_view, 1> extensions = {".distcp"};

// A slab's identity: its tensor's name and its offsets. Objects have none.
std::string identity(std::string_view name, const std::vector<int64_t>* offsets) {
  std::string out(name);
  if (!offsets) return out;
  out += '\0';
  for (int64_t offset : *offsets) out += format("{}.", offset);
  return out;
}

class MetadataReader {
 public:
  explicit MetadataReader(const std::filesystem::path& path)
      : path_(show_path(path)), tree_(read_pickle(InputFile(path).read_all(limits::pickle_bytes), {.file = path_})) {}

  DcpMetadata take() {
    if (!is_a(tree_.root, "Metadata")) fail("it holds no Metadata object");
    const PickleId stored = attribute(tree_.root, "storage_data", "Metadata");
    const PickleId entries = attribute(tree_.root, "state_dict_metadata", "Metadata");
    require(stored, PickleKind::dict, "storage_data");
    require(entries, PickleKind::dict, "state_dict_metadata");
    const std::vector<PickleId>& places = tree_.items(stored);
    for (size_t i = 0; i < places.size(); i += 2) place(places[i], places[i + 1]);
    const std::vector<PickleId>& named = tree_.items(entries);
    for (size_t i = 0; i < named.size(); i += 2) entry(named[i], named[i + 1]);
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}", path_, what)); }
  [[noreturn]] void fail(std::string_view name, const std::string& what) const {
    fail(format("`{}`: {}", escape(name), what));
  }

  bool is_empty(PickleId id) const { return tree_.is(id, PickleKind::dict) && tree_.items(id).empty(); }
  bool is_object(PickleId id) const { return tree_.is(id, PickleKind::opaque); }
  // An object of the class of that name in torch.distributed; which of its modules has it changed between versions.
  bool is_a(PickleId id, std::string_view name) const {
    if (!is_object(id)) return false;
    const PickleSymbol& of = tree_.opaques[tree_.at(id).index].callee;
    return of.name == name && of.module.starts_with("torch.distributed.");
  }

  void require(PickleId id, PickleKind kind, std::string_view what) const {
    if (!tree_.is(id, kind)) fail(format("{} is of kind {}, not {}", what, name_of(tree_.at(id).kind), name_of(kind)));
  }

  std::optional<PickleId> find(PickleId object, std::string_view key) const {
    const auto state = is_object(object) ? tree_.state(object) : std::nullopt;
    return state && tree_.is(*state, PickleKind::dict) ? tree_.find(*state, key) : std::nullopt;
  }

  PickleId attribute(PickleId object, std::string_view key, std::string_view of) const {
    const auto found = is_a(object, of) ? find(object, key) : std::nullopt;
    if (!found) fail(format("no {} with `{}`", of, key));
    return *found;
  }

  std::string text(PickleId id, std::string_view what) const {
    require(id, PickleKind::text, what);
    return std::string(tree_.text(id));
  }

  std::string entry_name(PickleId id, std::string_view what) const {
    std::string name = text(id, what);
    if (name.empty() || name.size() > limits::name_bytes || name.find('\0') != std::string::npos)
      fail(name, format("no name for a tensor: 1 to {} bytes, no NUL", limits::name_bytes));
    return name;
  }

  int64_t count(PickleId id, std::string_view what) const {
    require(id, PickleKind::integer, what);
    if (tree_.at(id).value < 0) fail(format("{} is negative", what));
    return tree_.at(id).value;
  }

  std::vector<int64_t> counts(PickleId id, std::string_view what) const {
    if (!tree_.is(id, PickleKind::list)) require(id, PickleKind::tuple, what);
    std::vector<int64_t> out;
    for (PickleId item : tree_.items(id)) out.push_back(count(item, what));
    return out;
  }

  uint32_t file_of(const std::string& name) {
    if (!is_shard_name(name, extensions)) fail(format("`{}` is not the plain name of a .distcp file", escape(name)));
    const auto [at, fresh] = files_.try_emplace(name, static_cast<uint32_t>(out_.files.size()));
    if (fresh) out_.files.push_back(name);
    return at->second;
  }

  // One entry of storage_data: MetadataIndex -> _StorageInfo.
  void place(PickleId index, PickleId info) {
    const std::string name = entry_name(attribute(index, "fqn", "MetadataIndex"), "fqn");
    std::optional<std::vector<int64_t>> offsets;
    if (const auto at = find(index, "offset"); at && !tree_.is(*at, PickleKind::none)) offsets = counts(*at, "offset");
    DcpBlob blob;
    blob.file = file_of(text(attribute(info, "relative_path", "_StorageInfo"), "relative_path"));
    blob.slice.offset = static_cast<uint64_t>(count(attribute(info, "offset", "_StorageInfo"), "offset"));
    blob.slice.bytes = static_cast<uint64_t>(count(attribute(info, "length", "_StorageInfo"), "length"));
    if (const auto how = find(info, "transform_descriptors"); how && !tree_.is(*how, PickleKind::none))
      if (!tree_.is(*how, PickleKind::list) || !tree_.items(*how).empty())
        fail(name, "its data are transformed (compressed or encrypted), which is not read");
    if (!places_.emplace(identity(name, offsets ? &*offsets : nullptr), blob).second)
      fail(name, "two places for one slab");
  }

  const DcpBlob& blob_of(std::string_view name, const std::vector<int64_t>* offsets) const {
    const auto found = places_.find(identity(name, offsets));
    if (found == places_.end())
      fail(name, offsets ? format("no place for the slab at {}", show_shape(*offsets)) : "no place for it");
    return found->second;
  }

  void entry(PickleId key, PickleId value) {
    const std::string name = entry_name(key, "a name");
    if (!is_object(value)) fail(name, format("described by a value of kind {}", name_of(tree_.at(value).kind)));
    if (find(value, "chunks")) return tensor(name, value);
    const auto state = tree_.state(value);
    if (!is_a(value, "BytesStorageMetadata") || (state && !is_empty(*state)))
      fail(name, "neither a tensor nor an object: its description is of an unknown form");
    out_.objects.push_back({name, blob_of(name, nullptr)});
  }

  void tensor(const std::string& name, PickleId value) {
    DcpTensor out{name, dtype(name, value), counts(attribute(value, "size", "TensorStorageMetadata"), "size"), {}};
    if (out.shape.size() > limits::rank) fail(name, format("{} dimensions (limit {})", out.shape.size(), limits::rank));
    const auto elements = checked_product<int64_t>(out.shape);
    if (!elements || !checked_mul<int64_t>(*elements, info(out.dtype).bits))
      fail(name, format("its shape {} is too large", show_shape(out.shape)));
    const PickleId chunks = attribute(value, "chunks", "TensorStorageMetadata");
    require(chunks, PickleKind::list, "chunks");
    for (PickleId chunk : tree_.items(chunks)) out.slabs.push_back(slab(out, chunk));
    total_ += out.slabs.size();
    if (total_ > limits::tensors_per_checkpoint) fail(format("more than {} slabs", limits::tensors_per_checkpoint));
    out_.tensors.push_back(std::move(out));
  }

  DType dtype(const std::string& name, PickleId value) const {
    const PickleId properties = attribute(value, "properties", "TensorStorageMetadata");
    const auto state = is_a(properties, "TensorProperties") ? tree_.state(properties) : std::nullopt;
    const bool known = state && tree_.is(*state, PickleKind::tuple) && !tree_.items(*state).empty() &&
                       tree_.is(tree_.items(*state)[0], PickleKind::symbol);
    if (!known) fail(name, "its properties are of an unknown form");
    const PickleSymbol& symbol = tree_.symbol(tree_.items(*state)[0]);
    const auto found = symbol.module == "torch" ? dtype_by_torch(symbol.name) : std::nullopt;
    if (!found || !is_whole_bytes(*found))
      fail(name, format("its dtype `{}.{}` is not known", escape(symbol.module), escape(symbol.name)));
    return *found;
  }

  DcpSlab slab(const DcpTensor& tensor, PickleId chunk) const {
    DcpSlab out{counts(attribute(chunk, "offsets", "ChunkStorageMetadata"), "offsets"),
                counts(attribute(chunk, "sizes", "ChunkStorageMetadata"), "sizes"),
                {}};
    const auto shown = [&] { return format("the slab at {} of {}", show_shape(out.offsets), show_shape(out.shape)); };
    if (out.offsets.size() != tensor.shape.size() || out.shape.size() != tensor.shape.size())
      fail(tensor.name, format("{} is not of the tensor's rank {}", shown(), tensor.shape.size()));
    for (size_t k = 0; k < tensor.shape.size(); ++k) {
      const auto end = checked_add<int64_t>(out.offsets[k], out.shape[k]);
      if (!end || *end > tensor.shape[k])
        fail(tensor.name, format("{} lies beyond its shape {}", shown(), show_shape(tensor.shape)));
    }
    out.blob = blob_of(tensor.name, &out.offsets);
    return out;
  }

  std::string path_;
  PickleTree tree_;
  TextMap<DcpBlob> places_;
  TextMap<uint32_t> files_;
  uint64_t total_ = 0;
  DcpMetadata out_;
};

}  // namespace

DcpMetadata read_dcp_metadata(const std::filesystem::path& path) { return MetadataReader(path).take(); }

}  // namespace tessera
