// A header is read in one pass over its tokens; then its ranges are put in order and must tile the data.
#include "store/safetensors_header.h"

#include <algorithm>
#include <array>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/json_cursor.h"
#include "store/limits.h"
#include "store/sniff.h"

namespace tessera {
namespace {

using enum DType;
constexpr std::array order = {u64, i64, f64,     c64,         f32,         u32,     i32,     bf16,
                              f16, u16, i16,     f8_e5m2fnuz, f8_e4m3fnuz, f8_e8m0, f8_e4m3, f8_e5m2,
                              i8,  u8,  f6_e3m2, f6_e2m3,     f4,          boolean};

// Refuses a file that does not begin as the format does; says what it seems to be instead.
[[noreturn]] void refuse(const std::string& file, std::string_view head, const std::string& why) {
  const Sniff seen = sniff(head);
  const bool foreign = seen.kind != FileKind::safetensors && seen.kind != FileKind::unknown;
  if (foreign) fail_world(format("{}: not a safetensors file but {}", file, seen.name));
  fail_world(format("{}: not a safetensors file: {}", file, why));
}

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < length_bytes; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return value;
}

void skip_metadata(JsonCursor& in) {
  TextSet keys;
  each_member(in, "`__metadata__`", [&](std::string key, uint64_t at) {
    if (keys.contains(key)) in.fail_at(format("key `{}` stands twice in `__metadata__`", escape(key)), at);
    keys.insert(std::move(key));
    in.text("a value of `__metadata__`");
  });
}

DType parse_dtype(JsonCursor& in) {
  const uint64_t at = in.at();
  const std::string word = in.text("`dtype`");
  const auto dtype = dtype_by_name(word);
  if (!dtype || !safetensors_order(*dtype)) in.fail_at(format("unknown dtype `{}`", escape(word)), at);
  return *dtype;
}

std::vector<int64_t> parse_shape(JsonCursor& in) {
  std::vector<int64_t> shape;
  each_item(in, [&] {
    const uint64_t at = in.at();
    const uint64_t size = in.number("the items of `shape`");
    if (size > static_cast<uint64_t>(INT64_MAX)) in.fail_at(format("a dimension of {} is above 2^63 - 1", size), at);
    if (shape.size() == limits::rank) in.fail_at(format("rank above the limit of {}", limits::rank), at);
    shape.push_back(static_cast<int64_t>(size));
  });
  return shape;
}

void parse_range(JsonCursor& in, HeaderEntry& entry) {
  in.expect('[');
  entry.begin = in.number("`data_offsets`");
  in.expect(',');
  entry.end = in.number("`data_offsets`");
  in.expect(']');
}

// Bytes of the tensor, by its shape; the product must not overflow even where a later dimension is 0.
uint64_t shape_bytes(const JsonCursor& in, const TensorInfo& info, uint64_t at) {
  uint64_t bits = 1;
  const auto grow = [&](uint64_t factor) {
    const auto product = checked_mul(bits, factor);
    if (!product) in.fail_at(format("shape {} overflows 64 bits", show_shape(info.shape)), at);
    bits = *product;
  };
  for (const int64_t size : info.shape) grow(static_cast<uint64_t>(size));
  grow(tessera::info(info.dtype).bits);
  if (bits % 8 != 0) in.fail_at(format("{} bits are not whole bytes", bits), at);
  return bits / 8;
}

void check_entry(const JsonCursor& in, const HeaderEntry& entry, uint64_t at) {
  const std::string& name = entry.info.name;
  if (name.empty()) in.fail_at("a tensor without a name", at);
  if (name.size() > limits::name_bytes)
    in.fail_at(format("its name has {} bytes, the limit is {}", name.size(), limits::name_bytes), at);
  const uint64_t bytes = shape_bytes(in, entry.info, at);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes)
    in.fail_at(format("data_offsets [{}, {}] do not hold the {} bytes of {} {}", entry.begin, entry.end, bytes,
                      tessera::info(entry.info.dtype).name, show_shape(entry.info.shape)),
               at);
}

HeaderEntry parse_entry(JsonCursor& in, std::string name, uint64_t at) {
  HeaderEntry entry;
  entry.info.name = std::move(name);
  in.within(&entry.info.name);
  bool dtype = false, shape = false, range = false;
  const auto once = [&](bool& seen, const char* field) {
    if (std::exchange(seen, true)) in.fail(format("`{}` stands twice", field));
  };
  each_member(in, "what describes a tensor", [&](const std::string& field, uint64_t field_at) {
    if (field == "dtype") {
      once(dtype, "dtype");
      entry.info.dtype = parse_dtype(in);
    } else if (field == "shape") {
      once(shape, "shape");
      entry.info.shape = parse_shape(in);
    } else if (field == "data_offsets") {
      once(range, "data_offsets");
      parse_range(in, entry);
    } else {
      in.fail_at(format("unknown field `{}`", escape(field)), field_at);
    }
  });
  if (!dtype || !shape || !range)
    in.fail(format("`{}` is missing", !dtype ? "dtype" : !shape ? "shape" : "data_offsets"));
  check_entry(in, entry, at);
  in.within(nullptr);
  return entry;
}

void refuse_duplicates(const std::vector<HeaderEntry>& entries, const JsonCursor& in, uint64_t base) {
  ViewSet names;
  names.reserve(entries.size());
  for (const HeaderEntry& entry : entries)
    if (!names.insert(entry.info.name).second)
      in.fail_at(format("tensor `{}` stands twice in the header", escape(entry.info.name)), base);
}

// The ranges, in order, must follow each other from the first byte of data to the end of the file.
void check_tiling(const std::vector<HeaderEntry>& entries, const JsonCursor& in, uint64_t data, uint64_t data_bytes) {
  uint64_t end = 0;
  for (const HeaderEntry& entry : entries) {
    const auto fail = [&](const std::string& why) {
      in.fail_at(format("tensor `{}`: data_offsets [{}, {}] {}", escape(entry.info.name), entry.begin, entry.end, why),
                 data + std::min(end, data_bytes));
    };
    if (entry.end > data_bytes) fail(format("lie outside the file's {} bytes of data", data_bytes));
    if (entry.begin < end) fail("overlap with another tensor");
    if (entry.begin > end) fail(format("leave a hole of {} bytes before them", entry.begin - end));
    end = entry.end;
  }
  if (end != data_bytes) in.fail_at(format("{} bytes follow the last tensor", data_bytes - end), data + end);
}

}  // namespace

uint64_t header_length(std::string_view head, uint64_t size, const std::string& file) {
  if (size < length_bytes) refuse(file, head, format("it has {} bytes, at byte 0", size));
  const uint64_t n = little_endian(head), limit = limits::safetensors_header;
  if (n < 2) refuse(file, head, format("a header of {} bytes, at byte 0", n));
  if (n > limit) refuse(file, head, format("a header of {} bytes is above the limit of {}, at byte 0", n, limit));
  if (n > size - length_bytes) refuse(file, head, format("a header of {} bytes in a file of {}, at byte 0", n, size));
  if (head[length_bytes] != '{') refuse(file, head, "the header does not begin with `{`, at byte 8");
  return n;
}

std::optional<size_t> safetensors_order(DType dtype) {
  const auto found = std::find(order.begin(), order.end(), dtype);
  if (found == order.end()) return std::nullopt;
  return static_cast<size_t>(found - order.begin());
}

std::vector<HeaderEntry> parse_header(std::string_view text, const std::string& file, uint64_t base,
                                      uint64_t data_bytes) {
  JsonCursor in(text, file, base);
  std::vector<HeaderEntry> entries;
  bool metadata = false;
  each_member(in, "the header", [&](std::string key, uint64_t at) {
    if (key == "__metadata__") {
      if (std::exchange(metadata, true)) in.fail_at("`__metadata__` stands twice", at);
      return skip_metadata(in);
    }
    if (entries.size() == limits::tensors_per_file)
      in.fail_at(format("more than {} tensors, the limit", limits::tensors_per_file), at);
    entries.push_back(parse_entry(in, std::move(key), at));
  });
  in.expect_end();
  refuse_duplicates(entries, in, base);
  std::stable_sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  check_tiling(entries, in, base + text.size(), data_bytes);
  return entries;
}

}  // namespace tessera
