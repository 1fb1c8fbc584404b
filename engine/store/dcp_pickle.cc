// `.metadata` as pickle.load wants it: the dataclasses of torch.distributed.checkpoint with their fields.
#include "store/dcp_metadata.h"
#include "store/pickle_write.h"

namespace tessera {
namespace {

constexpr const char *classes = "torch.distributed.checkpoint.metadata",
                     *file_classes = "torch.distributed.checkpoint.filesystem";

class MetadataWriter {
 public:
  explicit MetadataWriter(const DcpMetadata& metadata) : metadata_(metadata) {}

  std::string take() {
    begin("Metadata");
    pickle_.text("state_dict_metadata");
    pickle_.begin_dict();
    for (const DcpTensor& tensor : metadata_.tensors) describe(tensor);
    for (const DcpObject& object : metadata_.objects) {
      pickle_.text(object.name);
      pickle_.begin_object(classes, "BytesStorageMetadata");  // without fields
    }
    pickle_.end_dict();
    pickle_.text("planner_data");
    pickle_.none();
    pickle_.text("storage_data");
    pickle_.begin_dict();
    for (const DcpTensor& tensor : metadata_.tensors)
      for (size_t i = 0; i < tensor.slabs.size(); ++i) place(tensor, i);
    for (const DcpObject& object : metadata_.objects) {
      begin("MetadataIndex");
      name(object.name);
      pickle_.text("index");
      pickle_.none();
      end();
      info(object.blob);
    }
    pickle_.end_dict();
    pickle_.text("storage_meta");
    pickle_.none();
    end();
    return pickle_.finish();
  }

 private:
  void begin(const char* type, const char* module = classes) {
    pickle_.begin_object(module, type);
    pickle_.begin_dict();
  }
  void end() {
    pickle_.end_dict();
    pickle_.end_object();
  }
  void name(const std::string& name) {
    pickle_.text("fqn");
    pickle_.text(name);
  }
  void size(const char* key, const std::vector<int64_t>& extents) {
    pickle_.text(key);
    pickle_.global("torch", "Size");
    pickle_.tuple(extents);
    pickle_.call_with_one();
  }

  void describe(const DcpTensor& tensor) {
    pickle_.text(tensor.name);
    begin("TensorStorageMetadata");
    pickle_.text("properties");
    properties(tensor.dtype);
    size("size", tensor.shape);
    pickle_.text("chunks");
    pickle_.begin_list();
    for (const DcpSlab& slab : tensor.slabs) {
      begin("ChunkStorageMetadata");
      size("offsets", slab.offsets);
      size("sizes", slab.shape);
      end();
    }
    pickle_.end_list();
    end();
  }

  void properties(DType dtype) {
    pickle_.begin_object(classes, "TensorProperties");
    pickle_.begin_tuple();
    pickle_.global("torch", tessera::info(dtype).torch);
    pickle_.global("torch.serialization", "_get_layout");
    pickle_.text("torch.strided");
    pickle_.call_with_one();
    pickle_.boolean(false);  // requires_grad
    pickle_.global(classes, "_MEM_FORMAT_ENCODING");
    pickle_.integer(0);  // contiguous
    pickle_.call_with_one();
    pickle_.boolean(false);  // pin_memory
    pickle_.end_tuple();
    pickle_.end_object();
  }

  void place(const DcpTensor& tensor, size_t i) {
    begin("MetadataIndex");
    name(tensor.name);
    size("offset", tensor.slabs[i].offsets);
    pickle_.text("index");
    pickle_.integer(static_cast<int64_t>(i));
    end();
    info(tensor.slabs[i].blob);
  }

  void info(const DcpBlob& blob) {
    begin("_StorageInfo", file_classes);
    pickle_.text("relative_path");
    pickle_.text(metadata_.files[blob.file]);
    pickle_.text("offset");
    pickle_.integer(static_cast<int64_t>(blob.slice.offset));
    pickle_.text("length");
    pickle_.integer(static_cast<int64_t>(blob.slice.bytes));
    end();
  }

  const DcpMetadata& metadata_;
  PickleWriter pickle_;
};

}  // namespace

std::string pickle_dcp_metadata(const DcpMetadata& metadata) { return MetadataWriter(metadata).take(); }

}  // namespace tessera
