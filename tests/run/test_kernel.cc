// The two kernels and the plain definition, each the others' oracle.
#include <doctest/doctest.h>

#include <random>

#include "base/error.h"
#include "run/kernel.h"

using namespace tessera;

namespace {

struct Trial {
  Box box;
  int64_t from_size, to_size;
};

// A random copy whose images are injective: axes in random order on either side, gaps between them.
Trial random_trial(std::mt19937& random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Trial t;
  const int axes = pick(0, 4);
  for (int a = 0; a < axes; ++a) t.box.shape.push_back(pick(1, a == 0 || (a == 1 && axes < 4) ? 70 : 9));
  const auto strides = [&](Strided& at) {
    std::vector<size_t> order(t.box.shape.size());
    for (size_t a = 0; a < order.size(); ++a) order[a] = a;
    std::shuffle(order.begin(), order.end(), random);
    at.strides.resize(order.size());
    int64_t step = pick(1, 2);
    for (size_t a : order) {
      at.strides[a] = step;
      step = step * t.box.shape[a] + pick(0, 1);
    }
    at.offset = pick(0, 3);
    return at.offset + step + 1;
  };
  t.from_size = strides(t.box.from);
  t.to_size = strides(t.box.to);
  return t;
}

std::vector<std::byte> random_bytes(std::mt19937& random, size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = std::byte(random() & 0xff);
  return bytes;
}

// NaNs of casts may differ between libraries in their payload: both made one.
void settle_nans(std::vector<std::byte>& bytes, DType dtype) {
  const size_t size = byte_size(dtype);
  for (size_t i = 0; i + size <= bytes.size(); i += size) {
    double wide;
    cast_element(dtype, &bytes[i], DType::f64, reinterpret_cast<std::byte*>(&wide));
    if (wide != wide) std::fill_n(bytes.begin() + long(i), size, std::byte{0xff});
  }
}

void agree(Kernel& kernel, DType from, DType to, const Program* program, int trials, unsigned seed) {
  std::mt19937 random(seed);
  for (int i = 0; i < trials; ++i) {
    const Trial t = random_trial(random);
    const auto source = random_bytes(random, size_t(t.from_size) * byte_size(from));
    std::vector<std::byte> want(size_t(t.to_size) * byte_size(to)), got(want);
    reference_copy({source, want, from, to, &t.box, program});
    kernel.copy({source, got, from, to, &t.box, program}, nullptr);
    if (from != to || program) settle_nans(want, to), settle_nans(got, to);
    REQUIRE_MESSAGE(want == got, to_text(t.box));
  }
}

void judge(Kernel& kernel) {
  for (DType same : {DType::u8, DType::i8, DType::boolean, DType::f16, DType::bf16, DType::f32, DType::i64, DType::c128,
                     DType::f8_e4m3})
    agree(kernel, same, same, nullptr, 60, unsigned(same));
  const DType floats[] = {DType::f16, DType::bf16, DType::f32, DType::f64};
  for (DType from : floats)
    for (DType to : floats)
      if (from != to) agree(kernel, from, to, nullptr, 40, unsigned(from) * 100 + unsigned(to));
}

}  // namespace

TEST_CASE("the native kernel does what the definition says, by each set of instructions") {
  for (const Instructions instructions : {Instructions::scalar, Instructions::avx2, Instructions::avx512}) {
    if (instructions > best_instructions()) continue;
    const auto kernel = native_kernel(instructions);
    judge(*kernel);
    const Program program{{ScalarStep::Kind::plus, 1.0}, {ScalarStep::Kind::times, 48.0}};
    agree(*kernel, DType::bf16, DType::bf16, &program, 40, 7);
    agree(*kernel, DType::f32, DType::f16, &program, 40, 8);
  }
}

TEST_CASE("a word names the instructions") {
  CHECK(instructions_by_word(nullptr) == best_instructions());
  CHECK(instructions_by_word("") == best_instructions());
  CHECK(instructions_by_word("scalar") == Instructions::scalar);
  CHECK_THROWS_AS(instructions_by_word("sse9"), Error);
  if (best_instructions() < Instructions::avx512) {
    CHECK_THROWS_AS(instructions_by_word("avx512"), Error);
  } else {
    CHECK(instructions_by_word("avx512") == Instructions::avx512);
  }
}

TEST_CASE("squares are transposed, and nothing beside them is touched") {
  std::mt19937 random(3);
  for (const uint64_t size : {1, 2, 4, 8, 16})
    for (const Instructions instructions : {Instructions::scalar, Instructions::avx2, Instructions::avx512}) {
      if (instructions > best_instructions()) continue;
      const Transpose transpose = transpose_of(size, instructions);
      const int64_t side = transpose.side, from_row = side + 3, to_row = side + 5;
      const auto from = random_bytes(random, uint64_t(side * from_row) * size);
      auto want = random_bytes(random, uint64_t(side * to_row) * size), got = want;
      for (int64_t i = 0; i < side; ++i)
        for (int64_t j = 0; j < side; ++j)
          std::copy_n(from.begin() + (i * from_row + j) * int64_t(size), size,
                      want.begin() + (j * to_row + i) * int64_t(size));
      transpose.square(from.data(), from_row, got.data(), to_row);
      CHECK(want == got);
    }
}

TEST_CASE("a scalar and an empty box") {
  const uint32_t from[] = {7, 8};
  uint32_t to[] = {0, 0};
  const Box scalar{{}, {1, {}}, {0, {}}};
  native_kernel()->copy(
      {std::as_bytes(std::span(from)), std::as_writable_bytes(std::span(to)), DType::f32, DType::f32, &scalar, nullptr},
      nullptr);
  CHECK(to[0] == 8);
  const Box empty{{0, 3}, {0, {3, 1}}, {0, {3, 1}}};
  native_kernel()->copy(
      {std::as_bytes(std::span(from)), std::as_writable_bytes(std::span(to)), DType::f32, DType::f32, &empty, nullptr},
      nullptr);
  CHECK(to[0] == 8);
}

// Without libtorch there is no module, and so nothing to compare with: the suite is told to leave this case out
// (`-tce=*torch*`) when the build has none.
TEST_CASE("the torch kernel does what the definition says") {
  const auto kernel = torch_kernel("cpu");
  judge(*kernel);
  const Program program{{ScalarStep::Kind::plus, 1.0}, {ScalarStep::Kind::times, 48.0}};
  agree(*kernel, DType::bf16, DType::bf16, &program, 40, 7);
  agree(*kernel, DType::f64, DType::f32, &program, 40, 8);
}

TEST_CASE("the torch kernel refuses a device that is not there") { CHECK_THROWS_AS(torch_kernel("cuda:99"), Error); }
