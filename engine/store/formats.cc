// What a path holds is decided by what is there: names of a folder, first bytes of a file. The reader chosen judges the
// rest.
#include "store/formats.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/hf_dir.h"
#include "store/limits.h"
#include "store/megatron_dir.h"
#include "store/sniff.h"
#include "store/torch_dist.h"
#include "store/torch_file.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

std::unique_ptr<Reader> open_folder(const fs::path& path) {
  const auto megatron = find_megatron(path);
  if (!megatron) return open_hf_folder(path);
  if (is_hf_folder(path))
    fail_world(format("{}: holds a Hugging Face checkpoint and a Megatron one: name the file or iteration folder",
                      show_path(path)));
  return is_torch_dist(megatron->folder) ? open_torch_dist(*megatron) : open_megatron(path);
}

std::unique_ptr<Reader> open_file_by_content(const fs::path& path) {
  const InputFile file(path);
  std::string head(static_cast<size_t>(std::min<uint64_t>(file.size(), sniff_bytes)), '\0');
  file.read(0, std::as_writable_bytes(std::span(head)));
  const Sniff seen = sniff(head);
  const bool named = path.extension() == ".safetensors";
  if (named || seen.kind == FileKind::safetensors) return open_safetensors_file(path);
  if (seen.kind == FileKind::foreign) fail_world(format("{}: not a checkpoint but {}", show_path(path), seen.name));
  return open_torch_file(path);
}

// What the readers here would refuse is not written. Names are made by rules, and sizes by the configuration.
void require_name(const std::string& name) {
  const bool sound = !name.empty() && name.size() <= limits::name_bytes && name.find('\0') == std::string::npos &&
                     is_utf8(name) && name != "__metadata__";
  if (!sound)
    throw Error(Fault::mapping,
                format("the rules write a tensor `{}`: that is no name which every format can hold (1 to {} "
                       "bytes of UTF-8, no NUL, not `__metadata__`)",
                       escape(name), limits::name_bytes));
}

}  // namespace

const std::vector<Format>& formats() {
  static const std::vector<Format> table = {
      {"safetensors", "hf", Meshes::none, create_safetensors, {}, false},
      {"bin", "hf", Meshes::none, create_bin, {}},
      {"torch", "mcore", Meshes::ranks, create_megatron, {"dummy_optimizer"}},
      {"torch_dist", "mcore", Meshes::named, create_torch_dist, {}},
  };
  return table;
}

const Format* find_format(std::string_view name) {
  const auto found = std::find_if(formats().begin(), formats().end(), [&](const Format& f) { return f.name == name; });
  return found == formats().end() ? nullptr : &*found;
}

std::unique_ptr<Reader> open_checkpoint(const fs::path& path) {
  return type_of(path) == fs::file_type::directory ? open_folder(path) : open_file_by_content(path);
}

std::unique_ptr<Writer> create_checkpoint(const OutputSpec& spec) {
  const Format* format = find_format(spec.format);
  if (!format || !format->create) fail_usage(tessera::format("format `{}` cannot be written", escape(spec.format)));
  for (const OutTensor& tensor : spec.tensors) require_name(tensor.name);
  return format->create(spec);
}

}  // namespace tessera
