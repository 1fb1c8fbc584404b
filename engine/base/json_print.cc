// Values as JSON text, the way Python's json.dumps lays it out.
#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace tessera {
namespace {

class Printer {
 public:
  explicit Printer(const JsonStyle& style) : style_(style) {}

  void print(const Value& value) {
    if (const List* list = value.as_list()) return print(*list);
    if (const Map* map = value.as_map()) return print(*map);
    if (const std::string* text = value.as_string()) return print(*text);
    if (const Opaque* opaque = value.as_opaque())
      return opaque->kind == "number" ? put(opaque->text) : print(opaque->text);
    if (const double* number = value.as_float()) return put(float_text(*number));
    if (const int64_t* number = value.as_int()) return put(std::to_string(*number));
    if (const bool* b = value.as_bool()) return put(*b ? "true" : "false");
    put("null");
  }
  std::string take() { return std::move(out_); }

 private:
  static std::string float_text(double number) {
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return show_float(number);
  }

  void put(std::string_view text) { out_ += text; }

  void print(const List& list) {
    open('[');
    for (const Value& item : list) {
      separate(&item != &list.front());
      print(item);
    }
    close(']', list.empty());
  }

  void print(const Map& map) {
    std::vector<const Map::Entry*> entries;
    for (const Map::Entry& entry : map) entries.push_back(&entry);
    if (style_.sort_keys)
      std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->first < b->first; });
    open('{');
    for (const Map::Entry* entry : entries) {
      separate(entry != entries.front());
      print(entry->first);
      out_ += style_.indent < 0 ? ":" : ": ";
      print(entry->second);
    }
    close('}', map.empty());
  }

  void print(const std::string& text) {
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      const Rune rune = decode_rune(text, at).value_or(Rune{0xFFFD, 1});  // bytes that are no character
      print_character(rune.code, std::string_view(text).substr(at, rune.bytes));
      at += rune.bytes;
    }
    out_ += '"';
  }

  void print_character(char32_t code, std::string_view bytes) {
    static constexpr std::string_view plain = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    const size_t letter = code < 0x80 ? plain.find(static_cast<char>(code)) : plain.npos;
    if (letter != plain.npos) return put(std::string{'\\', letters[letter]});
    const bool harmful = style_.shown && is_harmful(code);
    if (code < 0x20 || harmful || (style_.ascii && code >= 0x7F)) return print_escape(code);
    put(code == 0xFFFD ? "\xEF\xBF\xBD" : bytes);
  }

  void print_escape(char32_t code) {
    if (code < 0x10000) {
      out_ += format("\\u{:04x}", static_cast<unsigned>(code));
      return;
    }
    print_escape(0xD800 + ((code - 0x10000) >> 10));
    print_escape(0xDC00 + (code & 0x3FF));
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
  }
  void separate(bool between) {
    if (between) out_ += ',';
    new_line();
  }
  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) new_line();
    out_ += bracket;
  }
  void new_line() {
    if (style_.indent < 0) return;
    out_ += '\n';
    out_.append(depth_ * static_cast<size_t>(style_.indent), ' ');
  }

  JsonStyle style_;
  size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style) {
  Printer printer(style);
  printer.print(value);
  return printer.take();
}

}  // namespace tessera
