// nlohmann's SAX parser (no recursion) with a handler that builds our values and refuses what the parser lets pass.
#include "base/json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace tessera {
namespace {

// The parser's floating type: filled in by strtod, and finite as far as the parser asks, so that the handler decides
// about numbers beyond a double.
struct Float {
  double value;
  Float(double v = 0) : value(v) {}
  operator double&() { return value; }
  operator double() const { return 0; }
};
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, int64_t, uint64_t, Float>;

// A pointer into the text that leaves its place where the handler can see it.
class Cursor {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** seen) : at_(at), seen_(seen) {}
  const char& operator*() const { return *at_; }
  Cursor& operator++() {
    *seen_ = ++at_;
    return *this;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }
  bool operator!=(const Cursor& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** seen_;
};

class Builder {
 public:
  Builder(std::string_view text, const std::string& file, const JsonLimits& limits)
      : begin_(text.data()), seen_(text.data()), file_(file), depth_(limits.depth), base_(limits.base) {}

  const char** seen() { return &seen_; }
  Value take() { return std::move(root_); }
  [[noreturn]] void fail(const std::string& what, size_t byte) const {
    fail_world(format("{}: {}, at byte {}", escape(file_), what, base_ + byte));
  }

  bool null() { return put(Value()); }
  bool boolean(bool b) { return put(b); }
  // Only negative numbers come here: a 0 was written as -0.
  bool number_integer(int64_t i) { return i == 0 ? put(-0.0) : put(i); }
  bool number_unsigned(uint64_t u) {
    if (u > static_cast<uint64_t>(INT64_MAX)) return put(Opaque{"number", std::to_string(u)});
    return put(static_cast<int64_t>(u));
  }
  bool number_float(Float f, const std::string& text) {
    const bool exact = text.find_first_of(".eE") != text.npos && std::isfinite(f.value);
    return exact ? put(f.value) : put(Opaque{"number", text});
  }
  bool string(std::string& s) { return put(std::move(s)); }
  bool start_object(size_t) { return open(Map{}); }
  bool start_array(size_t) { return open(List{}); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (!open_.back()->as_map()->insert(name, Value()))
      fail("key \"" + escape(name) + "\" stands twice in one object", last_byte());
    return true;
  }
  bool binary(std::vector<uint8_t>&) { return false; }  // not in JSON text
  bool parse_error(size_t read, const std::string&, const nlohmann::detail::exception& error) {
    fail("not valid JSON: " + reason(error.what()), read > 0 ? read - 1 : 0);
  }

 private:
  size_t last_byte() const { return static_cast<size_t>(seen_ - begin_) - 1; }

  // "[...] syntax error while parsing value - invalid literal; last read: ..." -> "while parsing value - invalid
  // literal"
  static std::string reason(std::string_view what) {
    if (const size_t at = what.find("syntax error "); at != what.npos) what.remove_prefix(at + 13);
    return escape(what.substr(0, what.find("; last read")));
  }

  Value& add(Value value) {
    if (open_.empty()) return root_ = std::move(value);
    if (List* list = open_.back()->as_list()) return list->emplace_back(std::move(value));
    return open_.back()->as_map()->back() = std::move(value);
  }
  bool put(Value value) {
    add(std::move(value));
    return true;
  }
  bool open(Value value) {
    if (open_.size() == depth_) fail(format("nested more than {} deep", depth_), last_byte());
    open_.push_back(&add(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const char* begin_;
  const char* seen_;  // behind the last byte that the parser took
  const std::string& file_;
  size_t depth_, base_;
  Value root_;
  std::vector<Value*> open_;  // lists and maps not yet closed; none grows while one inside it is open
};

}  // namespace

Value parse_json(std::string_view text, const std::string& file, const JsonLimits& limits) {
  Builder builder(text, file, limits);
  if (text.size() > limits.bytes)
    fail_world(format("{}: {} bytes of JSON, more than the limit of {}", escape(file), text.size(), limits.bytes));
  if (text.starts_with("\xEF\xBB\xBF")) builder.fail("not valid JSON: a byte order mark", 0);
  // The parser would take it for the end.
  if (const size_t nul = text.find('\0'); nul != text.npos) builder.fail("not valid JSON: a NUL byte", nul);
  Json::sax_parse(Cursor(text.data(), builder.seen()), Cursor(text.data() + text.size(), builder.seen()), &builder);
  return builder.take();
}

}  // namespace tessera
