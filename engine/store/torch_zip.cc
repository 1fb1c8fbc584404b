// A zip archive of torch.save: data.pkl, one record for each storage, version, byteorder.
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/limits.h"
#include "store/torch_parts.h"

namespace tessera {
namespace {

constexpr uint64_t word_bytes = 64;  // most that a record of one word may have

class ZipFile {
 public:
  ZipFile(const InputFile& file, FileSlice slice)
      : file_(file), path_(show_path(file.path())), zip_(read_zip(file, slice)) {}

  PickleTree pickle() const {
    if (zip_.find("constants.pkl"))
      fail("constants.pkl: a TorchScript archive, which holds a program and not only weights");
    check_version();
    const ZipMember* member = zip_.find("data.pkl");
    if (!member) fail("no data.pkl in the archive");
    const uint64_t limit = member->deflated ? limits::pickle_deflated_bytes : limits::pickle_bytes;
    return read_pickle(read_member(file_, zip_, *member, limit),
                       {.file = path_ + ": data.pkl", .storage_folder = "data/"});
  }

  bool big_endian() const {
    const ZipMember* member = zip_.find("byteorder");
    const std::string order = member ? word(*member) : "little";
    if (order != "little" && order != "big") fail(format("byteorder: `{}` is neither little nor big", escape(order)));
    return order == "big";
  }

  std::vector<TorchStorage> storages(const PickleTree& tree) const {
    std::vector<TorchStorage> out;
    for (const PickleStorage& storage : tree.storages) {
      const std::string name = "data/" + storage.key;
      const ZipMember* member = zip_.find(name);
      if (!member) fail(format("{}: the archive lacks this storage", escape(name)));
      if (member->bytes != storage.bytes())
        fail(format("{}: has {} bytes where data.pkl says {}", escape(name), member->bytes, storage.bytes()));
      TorchStorage& made = out.emplace_back();
      made.name = escape(name);
      made.offset = member->offset;
      made.bytes = member->bytes;
      if (member->deflated) made.packed = member->packed;
      if (zip_.has_checksums) made.crc = member->crc;
    }
    return out;
  }

  std::vector<std::string> warnings(const PickleTree& tree) const {
    std::vector<std::string> out, unused;
    if (!zip_.has_checksums) out.push_back(format("{}: no checksums: the writer stored 0 for all of them", path_));
    TextMap<bool> used;
    for (const PickleStorage& storage : tree.storages) used["data/" + storage.key] = true;
    for (const ZipMember& member : zip_.members)
      if (!is_known(member.name) && !used.contains(member.name)) unused.push_back(member.name);
    constexpr size_t most = 5;
    for (size_t i = 0; i < unused.size() && i < most; ++i)
      out.push_back(format("{}: {}: nothing refers to it", path_, escape(unused[i])));
    if (unused.size() > most)
      out.push_back(format("{}: {} more members that nothing refers to", path_, unused.size() - most));
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}", path_, what)); }

  std::string word(const ZipMember& member) const { return read_member(file_, zip_, member, word_bytes); }

  static bool is_known(const std::string& name) {
    for (const char* known : {"data.pkl", "byteorder", "version", ".format_version", ".storage_alignment",
                              ".data/serialization_id", ".data/version"})
      if (name == known) return true;
    return false;
  }

  void check_version() const {
    const ZipMember* member = zip_.find(".data/version");
    if (!member) member = zip_.find("version");
    if (!member) fail("no version in the archive");
    std::string text = word(*member);
    if (text.ends_with('\n')) text.pop_back();
    int version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size() || version < 1 || version > 10)
      fail(format("version: `{}` is not 1 to 10", escape(text)));
  }

  const InputFile& file_;
  std::string path_;
  ZipDirectory zip_;
};

}  // namespace

TorchSlice read_torch_slice(const InputFile& file, FileSlice slice) {
  const ZipFile zip(file, slice);
  TorchSlice out;
  out.tree = zip.pickle();
  out.storages = zip.storages(out.tree);
  if (zip.big_endian()) set_swaps(out.storages, out.tree, show_path(file.path()));
  out.warnings = zip.warnings(out.tree);
  return out;
}

}  // namespace tessera
