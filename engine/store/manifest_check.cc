// A unit of work is one tensor, or all that one file holds outside of tensors.
#include "store/manifest_check.h"

#include <fcntl.h>

#include <mutex>

#include "base/path.h"
#include "base/text.h"
#include "store/hash_file.h"
#include "store/megatron_dir.h"
#include "store/parallel.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr uint32_t none = UINT32_MAX;

// Readers follow links to files and to folders of iterations and ranks; a manifest leads nowhere else.
bool is_behind_link(const fs::path& root, const fs::path& file) {
  fs::path at = root;
  for (const fs::path& part : file.parent_path()) {
    std::error_code ignored;
    at = path_in(at, part);
    if (fs::is_symlink(at, ignored) && !is_megatron_folder(part.string())) return true;
  }
  return false;
}

class Comparison {
 public:
  Comparison(const Manifest& manifest, const CheckRequest& request)
      : manifest_(manifest), request_(request), whole_(manifest.files.size()), ranges_(manifest.files.size()) {}

  std::vector<Damage> run() {
    for (uint32_t i = 0; i < manifest_.files.size(); ++i) look_at(i);
    if (!manifest_.hashed) return found_;
    for (uint32_t t = 0; t < manifest_.tensors.size(); ++t) {
      const ManifestTensor& tensor = manifest_.tensors[t];
      ranges_[tensor.file].push_back({tensor.offset, tensor.bytes});
      if (whole_[tensor.file]) units_.push_back({tensor.file, t});
    }
    for (uint32_t i = 0; i < whole_.size(); ++i)
      if (whole_[i]) units_.push_back({i, none});
    std::vector<std::string> wrong(units_.size());
    in_parallel(units_.size(), request_.threads, [&](size_t u) { wrong[u] = judge(units_[u]); });
    for (size_t u = 0; u < units_.size(); ++u)
      if (!wrong[u].empty()) report(units_[u].file, units_[u].tensor, wrong[u]);
    return found_;
  }

 private:
  struct Unit {
    uint32_t file, tensor;
  };

  void report(uint32_t file, uint32_t tensor, std::string what) {
    found_.push_back(
        {manifest_.files[file].file, tensor == none ? "" : manifest_.tensors[tensor].name, std::move(what)});
  }

  void look_at(uint32_t i) {
    const ManifestFile& file = manifest_.files[i];
    if (request_.wanted && !request_.wanted(file.file)) return;
    if (is_behind_link(request_.root, file.file)) return report(i, none, "stands behind a link, which is not followed");
    std::error_code error;
    if (!fs::exists(path_in(request_.root, file.file), error)) return report(i, none, "is missing");
    const InputFile opened(path_in(request_.root, file.file));
    if (opened.size() != file.bytes)
      return report(i, none, format("has {} bytes, {} were written", opened.size(), file.bytes));
    if (request_.from_disk) opened.advise(POSIX_FADV_DONTNEED);
    whole_[i] = true;
  }

  // What is wrong; empty if nothing is.
  std::string judge(const Unit& unit) const {
    if (request_.interrupted && request_.interrupted()) return {};
    const InputFile file(path_in(request_.root, manifest_.files[unit.file].file));
    if (unit.tensor == none) {
      const bool same = hash_outside(file, ranges_[unit.file]) == manifest_.files[unit.file].outside;
      return same                         ? ""
             : ranges_[unit.file].empty() ? "its bytes are not those that were written"
                                          : "bytes outside of its tensors are not those that were written";
    }
    const ManifestTensor& tensor = manifest_.tensors[unit.tensor];
    if (hash_range(file, {tensor.offset, tensor.bytes}).xxh3 == tensor.hash) {
      if (request_.after) request_.after(manifest_.files[unit.file].file, tensor.offset);
      return {};
    }
    return format("its {} bytes at byte {} are not those that were written", tensor.bytes, tensor.offset);
  }

  const Manifest& manifest_;
  const CheckRequest& request_;
  std::vector<bool> whole_;  // by file: wanted, and of the right size
  std::vector<std::vector<ByteRange>> ranges_;
  std::vector<Unit> units_;
  std::vector<Damage> found_;
};

}  // namespace

std::vector<Damage> compare(const Manifest& manifest, const CheckRequest& request) {
  return Comparison(manifest, request).run();
}

}  // namespace tessera
