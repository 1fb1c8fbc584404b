// What zlib does for us. Its inflate, on blocks read from a file: constant memory, and never a byte more than was
// declared. And its arithmetic of CRCs.
#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/inflate.h"
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

  [[noreturn]] void refuse_beyond(uint64_t at) const {
    refuse(file_, what_, format("byte {} of {} was asked for", at, range_.bytes), range_.offset);
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

struct InflateStream::State {
  std::string what;
  Deflated range;
  Inflater inflater;
  std::span<const std::byte> block;
  uint64_t front = 0;  // of the block, in the result
  State(const InputFile& file, Deflated of, std::string name)
      : what(std::move(name)), range(of), inflater(file, range, what) {}
};

InflateStream::InflateStream(const InputFile& file, Deflated range, std::string what) {
  check_ratio(file, range, what);
  state_ = std::make_unique<State>(file, range, std::move(what));
}
InflateStream::InflateStream(InflateStream&&) noexcept = default;
InflateStream::~InflateStream() = default;

uint64_t InflateStream::front() const { return state_->front; }

void InflateStream::read(uint64_t at, std::span<std::byte> out) {
  State& s = *state_;
  while (!out.empty()) {
    if (at < s.front + s.block.size()) {
      const std::span<const std::byte> there = s.block.subspan(at - s.front);
      const size_t n = std::min(there.size(), out.size());
      std::copy_n(there.begin(), n, out.begin());
      out = out.subspan(n);
      at += n;
      continue;
    }
    s.front += s.block.size();
    s.block = s.inflater.next();
    if (s.block.empty()) s.inflater.refuse_beyond(at);
  }
}

uint32_t crc32_joined(uint32_t first, uint32_t second, uint64_t second_bytes) {
  return static_cast<uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

}  // namespace tessera
