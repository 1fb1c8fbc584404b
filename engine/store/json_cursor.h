// JSON with a known form, read strictly and from front to back: safetensors headers and indexes. No tree is built, and
// a header of a million tensors costs its text and their list.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

class JsonCursor {
 public:
  // `file` is shown in errors; the text begins at byte `base` of it.
  JsonCursor(std::string_view text, std::string file, uint64_t base)
      : text_(text), file_(std::move(file)), base_(base) {}

  void expect(char token);               // blanks before it are skipped
  bool take(char token);                 // the same, if it is there
  std::string text(const char* what);    // a string with its escapes resolved: UTF-8, no NUL, no lone surrogate
  uint64_t number(const char* what);     // digits only: no sign, fraction, exponent or leading zero
  void expect_object(const char* what);  // its opening brace
  void expect_end();                     // nothing but blanks
  // The text of one value of any kind, passed over by its brackets and quotes; what it is worth is for parse_json to
  // say.
  std::string_view value(const std::string& what);
  uint64_t at() const { return base_ + at_; }
  // Errors name this tensor until it is set to nullptr. The text is not copied.
  void within(const std::string* tensor) { tensor_ = tensor; }
  [[noreturn]] void fail(const std::string& why) const { fail_at(why, at()); }
  [[noreturn]] void fail_at(const std::string& why, uint64_t byte) const;

 private:
  void skip_blanks();
  void escape_to(std::string& out);
  uint32_t hex4();

  void skip_string(uint64_t begin);

  std::string_view text_;
  std::string file_;
  uint64_t base_;
  size_t at_ = 0;
  const std::string* tensor_ = nullptr;
};

// Calls `member` with each key of an object and where it stands, the cursor behind its colon.
template <class Member>
void each_member(JsonCursor& in, const char* what, Member member) {
  in.expect_object(what);
  if (in.take('}')) return;
  do {
    const uint64_t at = in.at();
    std::string key = in.text("a key");
    in.expect(':');
    member(std::move(key), at);
  } while (in.take(','));
  in.expect('}');
}

// Calls `item` for each item of an array, the cursor before it.
template <class Item>
void each_item(JsonCursor& in, Item item) {
  in.expect('[');
  if (in.take(']')) return;
  do item();
  while (in.take(','));
  in.expect(']');
}

}  // namespace tessera
