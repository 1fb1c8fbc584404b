// Tensors and storages in pickles: the shapes of calls, and views held to their storages.
#include "store/pickle.h"
#include "store/pickle_asm.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;
using namespace tessera::testing::asm_;

namespace {

PickleTree read(const Bytes& value) { return read_pickle(pickle(value), {.file = "f", .storage_folder = "data/"}); }

const Bytes twelve = storage("0", 12);

}  // namespace

TEST_CASE("pickle: a tensor") {
  const PickleTree tree = read(tensor(storage("7", 12, "BFloat16Storage"), 2, {2, 4}, {4, 1}));
  REQUIRE(tree.is(tree.root, PickleKind::tensor));
  const PickleTensor& t = tree.tensors[0];
  CHECK(t.dtype == DType::bf16);
  CHECK(t.offset == 2);
  CHECK(t.shape == std::vector<int64_t>{2, 4});
  CHECK(t.strides == std::vector<int64_t>{4, 1});
  CHECK(tree.storages[0].key == "7");
  CHECK(tree.storages[0].bytes() == 24);
}

TEST_CASE("pickle: tensors in their wrappings") {
  const Bytes plain = tensor(twelve, 0, {12}, {1});
  const Bytes untyped = storage("0", 12, "UntypedStorage", "torch.storage");
  const std::vector<Bytes> cases = {
      call(global("torch._utils", "_rebuild_tensor"), {twelve, integer(0), integers({12}), integers({1})}),
      call(rebuild_v2, {twelve, integer(0), integers({12}), integers({1}), no, ordered_dict(), dict({})}),
      call(rebuild_v2,
           {twelve, integer(0), call(global("torch", "Size"), {integers({12})}), integers({1}), no, ordered_dict()}),
      call(global("torch._utils", "_rebuild_parameter"), {plain, yes, ordered_dict()}),
      call(global("torch._utils", "_rebuild_parameter_with_state"), {plain, yes, ordered_dict(), dict({})}),
      call(global("torch._tensor", "_rebuild_from_type_v2"),
           {rebuild_v2, global("torch", "Tensor"),
            tuple({twelve, integer(0), integers({12}), integers({1}), no, ordered_dict()}), dict({})}),
      call(global("torch._utils", "_rebuild_tensor_v3"),
           {untyped, integer(0), integers({12}), integers({1}), no, ordered_dict(), global("torch", "float8_e4m3fn")}),
  };
  for (const Bytes& bytes : cases) {
    const PickleTree tree = read(bytes);
    REQUIRE(tree.is(tree.root, PickleKind::tensor));
    CHECK(tree.tensors[tree.at(tree.root).index].shape == std::vector<int64_t>{12});
  }
  CHECK(read(cases.back()).tensors[0].dtype == DType::f8_e4m3);
}

TEST_CASE("pickle: a subclass of tensor is an object") {
  const PickleTree tree =
      read(call(global("torch._tensor", "_rebuild_from_type_v2"),
                {rebuild_v2, global("engine.tensor", "Float8Tensor"),
                 tuple({twelve, integer(0), integers({12}), integers({1}), no, ordered_dict()}), dict({})}));
  CHECK(tree.is(tree.root, PickleKind::opaque));
}

TEST_CASE("pickle: a storage is given to nobody else") {
  const Bytes other = call(global("tosch._utils", "_rebuild_tensor_v2"),
                           {twelve, integer(0), integers({12}), integers({1}), no, ordered_dict()});
  check_refused([&] { read(other); }, {"tosch._utils._rebuild_tensor_v2", "storage"});
}

TEST_CASE("pickle: views over twelve elements") {
  constexpr int64_t huge = int64_t{1} << 62;
  struct View {
    int64_t offset;
    std::vector<int64_t> shape, strides;
    bool inside;
  };
  const std::vector<View> cases = {
      {0, {12}, {1}, true},
      {0, {3, 4}, {1, 3}, true},
      {11, {}, {}, true},
      {3, {5, 2}, {0, 1}, true},
      {0, {1, 12}, {999999, 1}, true},
      {12, {0}, {1}, true},
      {0, {2, 0, 3}, {99, 99, 99}, true},
      {1, {12}, {1}, false},
      {12, {1}, {1}, false},
      {12, {}, {}, false},
      {13, {0}, {1}, false},
      {huge, {0}, {1}, false},
      {-1, {4}, {1}, false},
      {0, {13}, {1}, false},
      {0, {3, 4}, {5, 1}, false},
      {0, {-12}, {1}, false},
      {11, {12}, {-1}, false},
      {0, {2, 2}, {huge, 1}, false},
      {0, {5}, {huge}, false},
      {0, {huge, huge, 0}, {1, 1, 1}, false},
      {0, {int64_t{1} << 40, 1}, {0, 1}, false},
      {0, {3, 4}, {1}, false},
      {0, {12}, {}, false},
  };
  for (const View& view : cases) {
    CAPTURE(view.offset);
    CAPTURE(view.shape.size());
    const Bytes bytes = tensor(twelve, view.offset, view.shape, view.strides);
    if (view.inside)
      CHECK_NOTHROW(read(bytes));
    else
      check_refused([&] { read(bytes); }, {"f: ", "data/0"});
  }
  CHECK_NOTHROW(read(tensor(twelve, 0, std::vector<int64_t>(64, 1), std::vector<int64_t>(64, 1))));
  check_refused([&] { read(tensor(twelve, 0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1))); },
                {"rank 65", "64"});
}

TEST_CASE("pickle: a view may name 16 MiB, or 16 times its storage") {
  CHECK_NOTHROW(read(tensor(twelve, 0, {4 << 20}, {0})));
  check_refused([] { read(tensor(twelve, 0, {(4 << 20) + 1}, {0})); }, {"16.8 MB"});
  const Bytes large = storage("0", 4 << 20);
  CHECK_NOTHROW(read(tensor(large, 0, {16, 4 << 20}, {0, 1})));
  check_refused([&] { read(tensor(large, 0, {17, 4 << 20}, {0, 1})); }, {"more than"});
}

TEST_CASE("pickle: refused tensors and storages") {
  struct Refused {
    std::string what;
    Bytes value;
    std::string word;
  };
  const auto v2 = [](size_t position, const Bytes& instead) {
    std::vector<Bytes> arguments = {twelve, integer(0), integers({12}), integers({1}), no, ordered_dict()};
    arguments[position] = instead;
    return call(rebuild_v2, arguments);
  };
  const auto with = [](const std::vector<Bytes>& parts) { return tuple(parts) + "Q"; };
  const Bytes type = global("torch", "FloatStorage");
  const std::vector<Refused> cases = {
      {"no storage", v2(0, none), "kind none"},
      {"offset is a float", v2(1, real(0)), "kind float"},
      {"offset is a bool", v2(1, no), "kind bool"},
      {"offset beyond 64 bits", v2(1, "\x8A\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01"s), "big integer"},
      {"size is a list", v2(2, list({integer(12)})), "kind list"},
      {"size of floats", v2(2, tuple({real(12)})), "kind float"},
      {"stride is none", v2(3, none), "kind none"},
      {"requires_grad is no bool", v2(4, integer(0)), "arguments"},
      {"hooks are a list", v2(5, list({})), "arguments"},
      {"three arguments", call(rebuild_v2, {twelve, integer(0), integers({12})}), "3 arguments"},
      {"conjugated",
       call(rebuild_v2,
            {twelve, integer(0), integers({12}), integers({1}), no, ordered_dict(), dict({{text("conj"), yes}})}),
       "conj"},
      {"negated",
       call(rebuild_v2,
            {twelve, integer(0), integers({12}), integers({1}), no, ordered_dict(), dict({{text("neg"), yes}})}),
       "neg"},
      {"quantised", call(global("torch._utils", "_rebuild_qtensor"), {}), "quantised"},
      {"sparse", call(global("torch._utils", "_rebuild_sparse_tensor"), {}), "sparse"},
      {"nested", call(global("torch._utils", "_rebuild_nested_tensor"), {}), "nested"},
      {"unknown function", call(global("torch._utils", "_rebuild_tensor_v9"), {}), "_rebuild_tensor_v9"},
      {"state on a tensor", tensor(twelve, 0, {12}, {1}) + "}b", "BUILD"},
      {"untyped without dtype", tensor(storage("0", 48, "UntypedStorage", "torch.storage"), 0, {12}, {1}),
       "without a dtype"},
      {"quantised storage", storage("0", 12, "QInt8Storage"), "quantised"},
      {"unknown storage", storage("0", 12, "QuadStorage"), "QuadStorage"},
      {"storage of another module", storage("0", 12, "FloatStorage", "torch.other"), "torch.other.FloatStorage"},
      {"no tuple", text("storage") + "Q", "no tuple"},
      {"four parts", with({text("storage"), type, text("0"), text("cpu")}), "4 parts"},
      {"another tag", with({text("module"), type, text("0"), text("cpu"), integer(1)}), "something else"},
      {"class as text", with({text("storage"), text("FloatStorage"), text("0"), text("cpu"), integer(1)}), "class"},
      {"key as integer", with({text("storage"), type, integer(0), text("cpu"), integer(1)}), "key"},
      {"empty key", with({text("storage"), type, text(""), text("cpu"), integer(1)}), "key"},
      {"location as integer", with({text("storage"), type, text("0"), integer(0), integer(1)}), "location"},
      {"negative count", storage("0", -1), "no count"},
      {"count of too many bytes", storage("0", INT64_MAX), "too large"},
  };
  for (const Refused& c : cases) {
    CAPTURE(c.what);
    check_refused([&] { read(c.value); }, {"f: ", c.word, "at byte"});
  }
}
