// The few tokens that a safetensors header is made of, read strictly and from front to back: no tree is built, nothing
// nests, and a header of a million tensors costs its text and their list.
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

  void expect(char token);             // blanks before it are skipped
  bool take(char token);               // the same, if it is there
  std::string text(const char* what);  // a string with its escapes resolved: UTF-8, no NUL, no lone surrogate
  uint64_t number(const char* what);   // digits only: no sign, fraction, exponent or leading zero
  void expect_end();                   // nothing but blanks
  uint64_t at() const { return base_ + at_; }
  // Errors name this tensor until it is set to nullptr. The text is not copied.
  void within(const std::string* tensor) { tensor_ = tensor; }
  [[noreturn]] void fail(const std::string& why) const { fail_at(why, at()); }
  [[noreturn]] void fail_at(const std::string& why, uint64_t byte) const;

 private:
  void skip_blanks();
  void escape_to(std::string& out);
  uint32_t hex4();

  std::string_view text_;
  std::string file_;
  uint64_t base_;
  size_t at_ = 0;
  const std::string* tensor_ = nullptr;
};

}  // namespace tessera
