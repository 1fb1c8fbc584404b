// A zip archive of torch.save: data.pkl, one record for each storage, version, byteorder.
#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/limits.h"
#include "store/torch_parts.h"
#include "store/zip_names.h"

namespace tessera {
namespace {

constexpr uint64_t word_bytes = 64;  // most that a record of one word may have
constexpr const char *data = "data.pkl", *program = "constants.pkl";
constexpr std::string_view known[] = {
    data, "byteorder", "version", ".format_version", ".storage_alignment", ".data/version", ".data/serialization_id"};

class ZipFile {
 public:
  ZipFile(const InputFile& file, FileSlice slice)
      : file_(file), path_(show_path(file.path())), zip_(read_zip(file, slice)) {}

  PickleTree pickle() const {
    check_names();
    if (zip_.find(program)) fail("constants.pkl: a TorchScript archive, which holds a program and not only weights");
    check_version();
    const ZipMember* member = zip_.find(data);
    if (!member) fail("no data.pkl in the archive");
    const uint64_t limit = member->deflated ? limits::pickle_deflated_bytes : limits::pickle_bytes;
    PickleOptions options{.file = path_ + ": data.pkl", .storage_folder = "data/"};
    if (member->deflated) options.packed = member->packed;
    return read_pickle(read_member(file_, zip_, *member, limit), options);
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
      out.push_back(describe(*member));
    }
    return out;
  }

  std::vector<TorchStorage> rest(const PickleTree& tree) const {
    TextSet used;
    for (const PickleStorage& storage : tree.storages) used.insert("data/" + storage.key);
    std::vector<TorchStorage> out;
    for (const ZipMember& member : zip_.members)
      if (member.name != data && !used.contains(member.name)) out.push_back(describe(member));
    return out;
  }

  std::vector<std::string> warnings(const std::vector<TorchStorage>& rest) const {
    std::vector<std::string> out, unused;
    if (!zip_.has_checksums) out.push_back(format("{}: no checksums: the writer stored 0 for all of them", path_));
    for (const TorchStorage& member : rest)
      if (std::ranges::find(known, member.name) == std::end(known)) unused.push_back(member.name);
    constexpr size_t most = 5;
    for (size_t i = 0; i < unused.size() && i < most; ++i)
      out.push_back(format("{}: {}: nothing refers to it", path_, unused[i]));
    if (unused.size() > most)
      out.push_back(format("{}: {} more members that nothing refers to", path_, unused.size() - most));
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}", path_, what)); }

  std::string word(const ZipMember& member) const { return read_member(file_, zip_, member, word_bytes); }

  TorchStorage describe(const ZipMember& member) const {
    TorchStorage made{escape(member.name), member.offset, member.bytes, {}, {}};
    if (member.deflated) made.packed = member.packed;
    if (zip_.has_checksums) made.crc = member.crc;
    return made;
  }

  // torch finds members whatever their case is.
  void check_names() const {
    for (const ZipMember& member : zip_.members) {
      const std::string folded = lower(member.name);
      const bool wanted = std::ranges::find(known, folded) != std::end(known) || folded == program;
      if (wanted && member.name != folded) fail(format("{}: torch takes it for {}", escape(member.name), folded));
    }
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
  out.rest = zip.rest(out.tree);
  out.warnings = zip.warnings(out.rest);
  return out;
}

}  // namespace tessera
