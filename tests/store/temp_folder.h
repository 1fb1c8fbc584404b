// A folder for one test, and the one way in which tests look at refusals.
#pragma once
#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tessera::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tessera-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  std::filesystem::path put(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline std::string get(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), file.string());
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// `action` throws an Error of this fault whose message holds each of `words`.
template <class Action>
void check_refused(Action action, std::vector<std::string> words, Fault fault = Fault::world) {
  try {
    action();
    FAIL_CHECK("not refused");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK_MESSAGE(error.fault() == fault, message);
    for (const std::string& word : words)
      CHECK_MESSAGE(message.find(word) != message.npos, message << " lacks " << word);
  }
}

}  // namespace tessera::testing
