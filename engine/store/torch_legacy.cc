// The stream that torch.save wrote before 1.6: magic, version, machine, the object, the keys of its storages (five
// pickles), then for each key a count and the raw bytes, to the end of the file. There are no checksums. The bytes are
// little-endian, whatever machine wrote them: torch swaps when it writes, and does not look at `little_endian`.
#include <array>
#include <map>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "store/torch_parts.h"

namespace tessera {
namespace {

using namespace std::string_view_literals;

// The number 0x1950a86a20f9469cfc6c in front: as protocols 0 and 1 of pickle write it; and as later ones do, behind
// their own beginning, from protocol 4 on with the length of a frame.
constexpr std::string_view number_text = "L119547037146038801333356L\n."sv;
constexpr std::string_view number = "\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."sv;
constexpr std::array begins = {"\x80\x02"sv, "\x80\x03"sv, "\x80\x04\x95\x0D\0\0\0\0\0\0\0"sv,
                               "\x80\x05\x95\x0D\0\0\0\0\0\0\0"sv};
constexpr int64_t stream_version = 1001;

struct Place {
  uint64_t offset = 0, count = 0, bytes = 0;
};

class Stream {
 public:
  Stream(const InputFile& file, size_t front) : file_(file), path_(show_path(file.path())), at_(front) {}

  PickleTree object() {
    const PickleTree version = next("the version", limits::pickle_small_bytes);
    if (!is_integer(version, version.root, stream_version)) fail(format("its version is not {}", stream_version));
    const PickleTree machine = next("the machine's description", limits::pickle_small_bytes);
    if (!machine.is(machine.root, PickleKind::dict)) fail("its machine's description is no dict");
    const auto protocol = machine.find(machine.root, "protocol_version"),
               little = machine.find(machine.root, "little_endian");
    if (!protocol || !is_integer(machine, *protocol, stream_version))
      fail(format("its protocol_version is not {}", stream_version));
    if (!little || !machine.is(*little, PickleKind::boolean)) fail("its little_endian is no bool");
    return next("the object", limits::pickle_bytes, true);
  }

  std::vector<TorchStorage> storages(const PickleTree& tree) {
    std::map<std::string, uint64_t> width;  // of an element, by key
    for (const PickleStorage& storage : tree.storages)
      width[storage.key] = storage.dtype ? byte_size(*storage.dtype) : 1;
    const std::map<std::string, Place> places = raw(width);
    std::vector<TorchStorage> out;
    for (const PickleStorage& storage : tree.storages) {
      const auto place = places.find(storage.key);
      if (place == places.end()) fail(format("storage {} is missing", escape(storage.key)));
      if (place->second.count != storage.count || place->second.bytes != storage.bytes())
        fail(format("storage {} has {} elements in {} bytes where the object says {} in {}", escape(storage.key),
                    place->second.count, place->second.bytes, storage.count, storage.bytes()));
      TorchStorage& made = out.emplace_back();
      made.name = "storage " + escape(storage.key);
      made.offset = place->second.offset;
      made.bytes = storage.bytes();
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}, at byte {}", path_, what, at_)); }

  static bool is_integer(const PickleTree& tree, PickleId id, int64_t value) {
    return tree.is(id, PickleKind::integer) && tree.at(id).value == value;
  }

  PickleTree next(const char* what, uint64_t limit, bool has_storages = false) {
    auto [tree, end] =
        read_pickle_at(file_, at_, {.file = format("{}: {}", path_, what), .legacy_storages = has_storages}, limit);
    at_ = end;
    return std::move(tree);
  }

  // Where the bytes of each key are. Keys must be those of `width`, each once, and fill the file.
  std::map<std::string, Place> raw(const std::map<std::string, uint64_t>& width) {
    const PickleTree keys = next("the keys of its storages", limits::pickle_bytes);
    if (!keys.is(keys.root, PickleKind::list)) fail("its keys are no list");
    std::map<std::string, Place> places;
    for (PickleId id : keys.items(keys.root)) {
      if (!keys.is(id, PickleKind::text)) fail("a key that is no text");
      const std::string key(keys.text(id));
      const auto known = width.find(key);
      if (known == width.end()) fail(format("a storage {} that the object does not have", escape(key)));
      if (!places.emplace(key, take(key, known->second)).second) fail(format("storage {} is there twice", escape(key)));
    }
    if (at_ != file_.size()) fail(format("{} bytes behind the last storage", file_.size() - at_));
    return places;
  }

  Place take(const std::string& key, uint64_t width) {
    if (file_.size() - at_ < 8) fail("the file ends before its last storage");
    uint64_t count = 0;
    file_.read(at_, std::as_writable_bytes(std::span(&count, 1)));
    at_ += 8;
    const std::optional<uint64_t> bytes = checked_mul(count, width);
    if (!bytes || *bytes > file_.size() - at_)
      fail(format("storage {} of {} elements does not lie in the file", escape(key), count));
    const Place place{at_, count, *bytes};
    at_ += *bytes;
    return place;
  }

  const InputFile& file_;
  std::string path_;
  uint64_t at_;
};

}  // namespace

size_t torch_legacy_front(std::string_view head) {
  if (head.starts_with(number_text)) return number_text.size();
  for (const std::string_view begin : begins)
    if (head.starts_with(begin) && head.substr(begin.size()).starts_with(number)) return begin.size() + number.size();
  return 0;
}

TorchFile read_torch_legacy(InputFile file, size_t front) {
  Stream stream(file, front);
  PickleTree tree = stream.object();
  std::vector<TorchStorage> storages = stream.storages(tree);
  return {TorchArchive(std::move(file), std::move(storages)), std::move(tree), {}};
}

}  // namespace tessera
