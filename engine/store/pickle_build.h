// Makes the tree: values, container operations, and what calls of known globals mean. The machine (pickle.cc) reads
// opcodes and drives this; nothing here looks at the bytes of the pickle.
#pragma once
#include <span>
#include <string>

#include "base/text_hash.h"
#include "store/pickle.h"
#include "store/pickle_globals.h"

namespace tessera {

class PickleBuilder {
 public:
  explicit PickleBuilder(PickleOptions options);

  PickleTree tree;
  uint64_t at = 0;                                        // the opcode at work, for messages
  [[noreturn]] void fail(const std::string& what) const;  // Error(world) "<file>: <what>, at byte N"

  PickleId none() const { return 0; }
  PickleId boolean(bool value) const { return value ? 2 : 1; }
  PickleId integer(int64_t value);
  PickleId integer(std::string_view little_endian);  // two's complement, any length
  PickleId integer_of_decimal(std::string_view digits);
  PickleId real(double value);
  PickleId text(std::string_view utf8);          // must be UTF-8; must outlive the tree
  PickleId text_of_bytes(std::string_view raw);  // Python 2: UTF-8 if it is, else Latin-1
  PickleId bytes(std::string_view raw);
  PickleId byte_array(std::string_view raw);  // the same, but no key
  std::string_view keep(std::string made);    // into the tree's pool
  PickleId container(PickleKind kind, std::vector<PickleId> items);
  PickleId frozenset(std::vector<PickleId> items);
  PickleId symbol(std::string_view module, std::string_view name);  // refused names: fail

  void append(PickleId list, std::span<const PickleId> items);
  void set_items(PickleId dict, std::span<const PickleId> pairs);
  void add_items(PickleId set, std::span<const PickleId> items);
  PickleId call(PickleId callee, PickleId arguments);
  PickleId construct(PickleId type, PickleId arguments);  // NEWOBJ: __new__ alone
  PickleId call_with_keywords(PickleId callee, PickleId arguments, PickleId keywords);
  void build(PickleId target, PickleId state);
  PickleId storage(PickleId persistent_id);
  void check_size() const;  // values against the bytes of the file that are behind them

 private:
  using Items = std::vector<PickleId>;
  PickleId add(PickleKind kind, size_t count, int64_t value = 0);  // a node for the last of `count` things of its kind
  PickleId add_text(PickleKind kind, std::string_view value);
  PickleId opaque(PickleSymbol callee, Items items);
  std::string describe(PickleId id) const;  // "a dict", "torch.float32"
  std::string full_name(const PickleSymbol& symbol) const;
  GlobalUse use_of(PickleId symbol) const { return uses_[tree.at(symbol).index]; }
  void require_hashable(PickleId key) const;
  uint64_t weight() const;       // bytes of the file that were read so far
  void charge(uint64_t copied);  // before a call copies so many values or bytes that are there already
  const Items& charged(PickleId list);
  bool is_sequence(PickleId id) const { return tree.is(id, PickleKind::list) || tree.is(id, PickleKind::tuple); }

  // pickle_call.cc
  PickleId apply(PickleId callee, const Items& arguments);
  PickleId make_dict(PickleId callee, const Items& arguments);
  PickleId make_sequence(PickleId callee, const Items& arguments);
  PickleId make_bytes(PickleId callee, const Items& arguments);
  PickleId encode(const Items& arguments);
  PickleId size(const Items& arguments);
  PickleId member_of(const Items& arguments);
  PickleId reconstruct(const Items& arguments);
  PickleId numpy_dtype(PickleId callee, const Items& arguments);
  [[noreturn]] void wrong_arguments(PickleId callee) const;

  // pickle_tensor.cc
  PickleId rebuild_tensor(PickleId callee, const Items& arguments);
  PickleId rebuild_parameter(PickleId callee, const Items& arguments);
  PickleId rebuild_from_type(PickleId callee, const Items& arguments);
  DType dtype_of(PickleId callee, const Items& arguments) const;
  std::vector<int64_t> extents(PickleId tuple, const PickleStorage& storage) const;
  void check_rebuild(PickleId callee, const Items& arguments);
  void check_view(const PickleTensor& tensor, const PickleStorage& storage) const;
  void set_window(PickleStorage& storage, PickleId view);
  void require_one(const PickleStorage& storage);
  std::string name_of_storage(const PickleStorage& storage) const;

  PickleOptions options_;
  std::vector<GlobalUse> uses_;  // by index of symbol
  TextMap<PickleId> symbols_;
  uint64_t copied_ = 0;
  TextMap<uint32_t> storages_;    // by key and window
  TextMap<uint32_t> by_key_;      // the first storage of each key
  TextMap<std::string> windows_;  // by key of a view: the storage's key and window
};

// What no single opcode shows: loops, depth, size when shared values are counted each time, equal keys. Error(world).
void check_tree(const PickleTree& tree, const std::string& file);

}  // namespace tessera
