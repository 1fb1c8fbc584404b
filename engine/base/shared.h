// A value that many hold and nobody changes: it stands in memory once, and whoever holds it pays for a pointer. For
// what plans repeat a hundred thousand times: names, shapes, boxes. Equal values need not be one; two that are one are
// equal at once.
#pragma once
#include <atomic>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace tessera {

template <class T>
class Shared {
 public:
  Shared() : Shared(none()) {}
  Shared(T value) : held_(new Held{1, std::move(value)}) {}
  template <class List = T>
  Shared(std::initializer_list<typename List::value_type> items) requires(!std::same_as<T, std::string>)
      : Shared(T(items)) {}
  Shared(const Shared& other) noexcept : held_(other.held_) { held_->holders.fetch_add(1, std::memory_order_relaxed); }
  Shared(Shared&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}  // leaves nothing to look at
  Shared& operator=(Shared other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Shared() {
    if (held_ && held_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete held_;
  }

  const T& operator*() const { return held_->value; }
  const T* operator->() const { return &held_->value; }
  operator const T&() const { return held_->value; }
  // Of lists and text, what they have.
  auto begin() const requires requires(const T& list) { list.begin(); }
  { return held_->value.begin(); }
  auto end() const requires requires(const T& list) { list.end(); }
  { return held_->value.end(); }
  auto size() const requires requires(const T& list) { list.size(); }
  { return held_->value.size(); }
  bool empty() const requires requires(const T& list) { list.empty(); }
  { return held_->value.empty(); }
  decltype(auto) operator[](size_t i) const requires requires(const T& list) { list[i]; }
  { return held_->value[i]; }

  bool is(const Shared& other) const { return held_ == other.held_; }
  friend bool operator==(const Shared& a, const Shared& b) { return a.is(b) || *a == *b; }
  friend bool operator==(const Shared& a, const T& b) { return *a == b; }

 private:
  struct Held {
    std::atomic<uint32_t> holders;
    T value;
  };
  static const Shared& none() {
    static const Shared empty{T()};
    return empty;
  }
  Held* held_;
};

// Text likewise.
class SharedText : public Shared<std::string> {
 public:
  SharedText() = default;
  SharedText(std::string text) : Shared(std::move(text)) {}
  SharedText(const char* text) : Shared(std::string(text)) {}
  operator std::string_view() const { return **this; }
  friend bool operator==(const SharedText& a, const SharedText& b) { return a.is(b) || *a == *b; }
  friend auto operator<=>(const SharedText& a, const SharedText& b) { return *a <=> *b; }
  friend bool operator==(const SharedText& a, const std::string& b) { return *a == b; }
  friend bool operator==(const SharedText& a, std::string_view b) { return *a == b; }
  friend bool operator==(const SharedText& a, const char* b) { return *a == b; }
};

}  // namespace tessera
