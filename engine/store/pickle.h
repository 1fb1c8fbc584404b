// A pickle as inert data. The machine (pickle.cc) builds this tree and can call nothing: a global is a pair of words,
// known constructors are evaluated by us, everything of unknown packages stays an opaque record.
#pragma once
#include <bit>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/value.h"
#include "store/file.h"
#include "store/limits.h"

namespace tessera {

enum class PickleKind : uint8_t {
  none,
  boolean,
  integer,
  big,
  real,
  text,
  bytes,
  list,
  tuple,
  dict,
  set,
  symbol,
  tensor,
  storage,
  opaque
};
const char* name_of(PickleKind kind);  // "dict", "a tensor" is the caller's article

using PickleId = uint32_t;  // equal ids are one shared value

struct PickleNode {
  PickleKind kind = PickleKind::none;
  bool changes = false;     // a list, dict, set or bytearray, or a tuple with one of them in it: no key
  bool attributes = false;  // a dict that stands for an object's attributes (Namespace): BUILD fills it
  uint32_t index =
      0;  // text, bytes, big, symbol: texts; list .. set: lists; tensor: tensors; storage: storages; opaque: opaques
  int64_t value = 0;  // integer; boolean: 0, 1; real: its bits

  double real() const { return std::bit_cast<double>(value); }
};

struct PickleSymbol {
  std::string_view module, name;
};

// A storage by its persistent id.
struct PickleStorage {
  std::string key;
  std::optional<DType> dtype;  // nullopt: untyped, `count` is in bytes
  uint64_t count = 0;          // elements of the whole storage
  uint64_t window = 0;         // legacy views: first element and number of elements that tensors may see
  uint64_t window_count = 0;
  uint64_t bytes() const;  // of the whole storage
};

struct PickleTensor {
  uint32_t storage = 0;  // index into PickleTree::storages
  DType dtype = DType::f32;
  int64_t offset = 0;  // first element in the whole storage, in elements of `dtype`
  std::vector<int64_t> shape, strides;
};

// A call or an object of a package that we do not know: name of what was called, arguments and state.
struct PickleOpaque {
  PickleSymbol callee;
  std::vector<PickleId> items;
};

// All values of one pickle; freed at once, without recursion.
struct PickleTree {
  PickleId root = 0;
  std::vector<PickleNode> nodes;
  std::vector<std::vector<PickleId>> lists;  // of a dict: key, value, key, value, ...
  std::vector<std::string_view> texts;       // UTF-8; bytes raw; big integers in decimal
  std::vector<PickleSymbol> symbols;
  std::vector<PickleStorage> storages;
  std::vector<PickleTensor> tensors;
  std::vector<PickleOpaque> opaques;
  std::vector<PickleId> passed_over;     // what BUILD gave a dict: Python keeps it beside the items
  std::deque<std::string> source, pool;  // what texts and symbols point into: the pickle, and what was made of it

  const PickleNode& at(PickleId id) const { return nodes[id]; }
  bool is(PickleId id, PickleKind kind) const { return nodes[id].kind == kind; }
  const std::vector<PickleId>& items(PickleId id) const { return lists[nodes[id].index]; }  // list, tuple, set, dict
  std::string_view text(PickleId id) const { return texts[nodes[id].index]; }               // text, bytes, big
  const PickleSymbol& symbol(PickleId id) const { return symbols[nodes[id].index]; }
  std::optional<PickleId> find(PickleId dict, std::string_view key) const;
  // What BUILD gave an opaque object; nullopt: nothing.
  std::optional<PickleId> state(PickleId opaque) const;
};

struct PickleOptions {
  std::string file = {};                // for messages: "<path>" or "<path>: data.pkl"
  uint64_t base = 0;                    // added to offsets in messages
  std::string storage_folder = {};      // before keys in messages: "data/" or ""
  bool legacy_storages = false;         // persistent ids have a sixth element
  std::optional<uint64_t> packed = {};  // bytes that it takes in the file, if it is deflated there
};

// One whole pickle; bytes after STOP are refused. Throws Error(world) with file and offset.
PickleTree read_pickle(std::string bytes, const PickleOptions& options);

// A pickle somewhere in a file, of unknown length: the value and the offset behind its STOP. Reads little more than it
// needs; Error(world) where it has more than `limit` bytes.
std::pair<PickleTree, uint64_t> read_pickle_at(const InputFile& file, uint64_t offset, PickleOptions options,
                                               uint64_t limit = limits::pickle_bytes);

// Plain data for configuration: symbols of torch dtypes as Opaque "dtype", integers beyond 64 bits as Opaque "number",
// tuples and sets as lists, anything else as Opaque "object" with its name.
Value to_value(const PickleTree& tree, PickleId id);

}  // namespace tessera
