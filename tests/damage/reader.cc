// What the library says of a damaged checkpoint, for every damage there is to one of its files; and a checkpoint
// written once more in another format. Many in one process: the suites judge thousands, and start it anew behind one
// that ends it.
//
//   damage_reader damage FILE CHECKPOINT truncate|flip FIRST STEP     a JSON line for each: bytes kept, or the bit
//   flipped damage_reader copy SOURCE FORMAT FOLDER SHARD     tensors of a safetensors file, by the writer of a format
//   damage_reader pickles FILE NODES                  a JSON line for each pickle of FILE (four bytes of length before
//   each): its
//                                                     value as run_pickles.py shows it, "" if it has more nodes, or the
//                                                     refusal
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "engine.h"
#include "store/file.h"
#include "store/formats.h"
#include "store/pickle.h"

namespace {

using namespace tessera;
namespace fs = std::filesystem;

constexpr unsigned most_seconds = 10;  // for one; then SIGALRM ends the process, and the suite sees where

Map refusal(int status, const std::string& message) {
  Map out;
  out["exit"] = status;
  out["message"] = message;
  return out;
}

// As the command line tells it (cli/common.cc); what is no Error has no place of its own there, and is -1 here.
template <class Look>
Map outcome(Look&& look) {
  try {
    return look();
  } catch (const Refused&) {
    return refusal(1, "refused");
  } catch (const Error& error) {
    return refusal(int(error.fault()), error.what());
  } catch (const std::exception& error) {
    return refusal(-1, error.what());
  }
}

Map inspected(const fs::path& path) {
  Session session;
  Map out = inspect(session, path, {}, {.hash = true}).json;
  out["exit"] = 0;
  return out;
}

Map verified(const fs::path& path) {
  const Verified found = verify(path, 1);
  if (!found.damage.empty()) return refusal(1, found.damage.front());
  Map out;
  out["exit"] = 0;
  return out;
}

void judge(int64_t at, const fs::path& checkpoint) {
  alarm(most_seconds);
  Map line;
  line["at"] = at;
  line["inspect"] = outcome([&] { return inspected(checkpoint); });
  line["verify"] = outcome([&] { return verified(checkpoint); });
  std::printf("%s\n", to_json(std::move(line)).c_str());
  std::fflush(stdout);
}

void put(int fd, int64_t at, char byte) {
  if (pwrite(fd, &byte, 1, at) != 1) std::exit(2);
}

// Bits from the first to the last; each is put right again.
void flip(int fd, const std::string& bytes, const fs::path& checkpoint, int64_t first, int64_t step) {
  for (int64_t bit = first; bit < int64_t(bytes.size()) * 8; bit += step) {
    const char whole = bytes[size_t(bit / 8)];
    put(fd, bit / 8, char(whole ^ (1 << bit % 8)));
    judge(bit, checkpoint);
    put(fd, bit / 8, whole);
  }
}

// From the longest to none. `first` bytes are gone from the first one.
void truncate(int fd, const std::string& bytes, const fs::path& checkpoint, int64_t first, int64_t step) {
  for (int64_t keep = int64_t(bytes.size()) - 1 - first; keep >= 0; keep -= step) {
    if (ftruncate(fd, keep) != 0) std::exit(2);
    judge(keep, checkpoint);
  }
  for (size_t at = 0; at < bytes.size(); ++at) put(fd, int64_t(at), bytes[at]);
}

int damage(const fs::path& file, const fs::path& checkpoint, const std::string& kind, int64_t first, int64_t step) {
  const std::string bytes = InputFile(file).read_all(1 << 20);
  const int fd = open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return 2;
  (kind == "flip" ? flip : truncate)(fd, bytes, checkpoint, first, step);
  return close(fd);
}

OutputSpec spec_of(const Contents& contents, const std::string& format, const fs::path& folder, uint64_t shard) {
  OutputSpec spec;
  spec.max_shard_size = shard;
  spec.path = folder;
  spec.format = format;
  spec.places = {PlaceInfo{}};
  spec.release = false;
  spec.iteration = 5;
  for (const TensorInfo& tensor : contents.tensors) spec.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
  return spec;
}

int copy(const fs::path& source, const std::string& format, const fs::path& folder, uint64_t shard) {
  const auto reader = open_checkpoint(source);
  const Contents& contents = reader->contents();
  const auto writer = create_checkpoint(spec_of(contents, format, folder, shard));
  writer->open(nullptr);
  for (uint32_t t = 0; t < contents.tensors.size(); ++t) {
    const Storage& storage = contents.storages[contents.tensors[t].chunks.at(0).storage];
    std::vector<std::byte> bytes(storage.bytes);
    reader->read(contents.tensors[t].chunks[0].storage, 0, bytes);
    writer->write(t, 0, bytes);
  }
  writer->finish(false);
  for (const SmallFile& mark : writer->marks()) write_whole_file(folder / mark.path, mark.bytes, false);
  return 0;
}

// A value as text; throws std::length_error beyond the nodes that are left. Nested at most as deep as pickles may be.
std::string shown(const PickleTree& tree, PickleId id, int64_t& left) {
  if (--left < 0) throw std::length_error("large");
  const PickleNode& node = tree.at(id);
  const auto each = [&](const char* brackets, const std::vector<PickleId>& items, bool sorted) {
    std::vector<std::string> texts;
    for (const PickleId item : items) texts.push_back(shown(tree, item, left));
    if (sorted) std::ranges::sort(texts);
    return brackets[0] + join(texts, ",") + brackets[1];
  };
  const auto hex = [&](const char* mark, std::string_view bytes) {
    std::string out = mark;
    for (const char c : bytes) out += format("{:02x}", static_cast<unsigned char>(c));
    return out;
  };
  switch (node.kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return node.value ? "True" : "False";
    case PickleKind::integer:
      return format("{}", node.value);
    case PickleKind::big:
      return std::string(tree.text(id));
    case PickleKind::real:
      return format("f{:016x}", static_cast<uint64_t>(node.value));
    case PickleKind::text:
      return hex("t", tree.text(id));
    case PickleKind::bytes:
      return hex("b", tree.text(id));
    case PickleKind::list:
      return each("[]", tree.items(id), false);
    case PickleKind::tuple:
      return each("()", tree.items(id), false);
    case PickleKind::set:
      return each("{}", tree.items(id), true);
    case PickleKind::dict: {
      std::vector<std::string> pairs;
      for (size_t i = 0; i < tree.items(id).size(); i += 2)
        pairs.push_back(shown(tree, tree.items(id)[i], left) + ":" + shown(tree, tree.items(id)[i + 1], left));
      return "{" + join(pairs, ",") + "}";
    }
    default:
      return "?";  // equals nothing
  }
}

int pickles(const fs::path& path, int64_t nodes) {
  const std::string all = InputFile(path).read_all(size_t{1} << 30);
  for (size_t at = 0; at + 4 <= all.size();) {
    uint32_t length = 0;
    std::memcpy(&length, &all[at], 4);
    alarm(most_seconds);
    const Map line = outcome([&] {
      const PickleTree tree = read_pickle(all.substr(at + 4, length), {.file = "pickle"});
      Map out;
      int64_t left = nodes;
      try {
        out["value"] = shown(tree, tree.root, left);
      } catch (const std::length_error&) {
        out["value"] = "";
      }
      return out;
    });
    std::printf("%s\n", to_json(line).c_str());
    at += 4 + length;
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (verb == "damage" && count == 7)
    return damage(words[2], words[3], words[4], std::atoll(words[5]), std::atoll(words[6]));
  if (verb == "copy" && count == 6) return copy(words[2], words[3], words[4], std::strtoull(words[5], nullptr, 10));
  if (verb == "pickles" && count == 4) return pickles(words[2], std::atoll(words[3]));
  std::fprintf(stderr, "damage_reader: wants other words, see reader.cc\n");
  return 2;
}
