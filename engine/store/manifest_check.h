// Files compared with what a manifest says of them.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "store/manifest.h"

namespace tessera {

struct Damage {
  std::string file;    // within the root
  std::string tensor;  // empty: outside of tensors, or the whole file
  std::string what;
};

struct CheckRequest {
  std::filesystem::path root;
  std::function<bool(const std::string& file)> wanted;  // which files; none: all
  bool from_disk = false;                               // what the page cache holds is dropped first
  int threads = 0;
  std::function<bool()> interrupted;  // polled between ranges; what is left is then not compared
  // Called when a tensor's bytes were read and are as they should be: they may still be in memory.
  std::function<void(const std::string& file, uint64_t offset)> after;
};

// Every size, and every hash if there are any: each byte of each wanted file is read once. Error(world) for a file that
// is there and cannot be read.
std::vector<Damage> compare(const Manifest& manifest, const CheckRequest& request);

}  // namespace tessera
