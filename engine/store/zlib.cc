// What zlib does for us. Its inflate, on blocks read from a file: constant memory, and never a byte more than was declared. And
// its arithmetic of CRCs.
#include "store/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/limits.h"

namespace tessera {
namespace {

constexpr size_t block = size_t{64} << 10;

[[noreturn]] void refuse(const InputFile& file, const std::string& what, const std::string& why, uint64_t at) {
  fail_world(format("{}: {}: {}, at byte {}", show_path(file.path()), what, why, at));
}

void check_ratio(const InputFile& file, const Deflated& range, const std::string& what) {
  if (!is_inflated_too_far(range.packed, range.bytes)) return;
  refuse(file, what,
         format("{} bytes are declared to inflate to {}, above the limit of {}:1", range.packed, range.bytes,
                limits::inflate_ratio),
         range.offset);
}

// One pass over a packed range; `next` gives the result block by block, and an empty block at its end.
class Inflater {
 public:
  Inflater(const InputFile& file, const Deflated& range, const std::string& what)
      : file_(file), range_(range), what_(what) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) fail_world("out of memory in inflate");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::span<const std::byte> next() {
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.size());
    while (!ended_ && stream_.avail_out > 0) step();
    const size_t n = out_.size() - stream_.avail_out;
    produced_ += n;
    if (produced_ > range_.bytes) refuse(file_, what_, format("inflates to more than {} bytes", range_.bytes), at());
    if (ended_) check_end();
    return std::span(out_).first(n);
  }

 private:
  uint64_t at() const { return range_.offset + consumed_ - stream_.avail_in; }

  // zlib may hold results back when it has taken the last byte.
  void step() {
    if (stream_.avail_in == 0 && consumed_ < range_.packed) refill();
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      ended_ = true;
    } else if (result == Z_BUF_ERROR) {
      refuse(file_, what_, "deflate stream ends early", at());
    } else if (result != Z_OK) {
      refuse(file_, what_, format("broken deflate stream ({})", stream_.msg ? stream_.msg : "no message"), at());
    }
  }

  void refill() {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(in_.size(), range_.packed - consumed_));
    file_.read(range_.offset + consumed_, std::span(in_).first(n));
    consumed_ += n;
    stream_.next_in = reinterpret_cast<Bytef*>(in_.data());
    stream_.avail_in = static_cast<uInt>(n);
  }

  void check_end() const {
    if (produced_ != range_.bytes)
      refuse(file_, what_, format("inflates to {} bytes, {} were declared", produced_, range_.bytes), at());
    if (consumed_ != range_.packed || stream_.avail_in != 0)
      refuse(file_, what_, "bytes follow the end of the deflate stream", at());
  }

  const InputFile& file_;
  const Deflated& range_;
  const std::string& what_;
  z_stream stream_{};
  std::array<std::byte, block> in_, out_;
  uint64_t consumed_ = 0, produced_ = 0;  // bytes taken from the file, bytes given out
  bool ended_ = false;
};

}  // namespace

bool is_inflated_too_far(uint64_t packed, uint64_t bytes) {
  return bytes > limits::inflate_free && (bytes - 1) / limits::inflate_ratio >= packed;
}

void inflate(const InputFile& file, const Deflated& range, const std::string& what,
             const std::function<bool(std::span<const std::byte>)>& sink) {
  check_ratio(file, range, what);
  Inflater inflater(file, range, what);
  for (auto bytes = inflater.next(); !bytes.empty(); bytes = inflater.next())
    if (!sink(bytes)) return;
}

void inflate_part(const InputFile& file, const Deflated& range, const std::string& what, uint64_t at,
                  std::span<std::byte> out) {
  uint64_t front = 0;  // position of the current block in the result
  size_t filled = 0;
  if (out.empty()) return;
  inflate(file, range, what, [&](std::span<const std::byte> bytes) {
    const uint64_t want = at + filled;
    if (want < front + bytes.size()) {
      const size_t skip = static_cast<size_t>(want - front);
      const size_t n = std::min(bytes.size() - skip, out.size() - filled);
      std::memcpy(out.data() + filled, bytes.data() + skip, n);
      filled += n;
    }
    front += bytes.size();
    return filled < out.size();
  });
  if (filled < out.size())
    refuse(file, what, format("bytes {} to {} of {} were asked for", at, at + out.size(), range.bytes), range.offset);
}

uint32_t crc32_joined(uint32_t first, uint32_t second, uint64_t second_bytes) {
  return static_cast<uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

}  // namespace tessera
