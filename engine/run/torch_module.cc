// Finds and opens the module of the torch kernel: beside the program, or where an installation puts it.
#include <dlfcn.h>

#include <filesystem>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "run/torch_kernel.h"

namespace tessera {
namespace {

constexpr const char* module_name = "libtessera_torch.so";

std::filesystem::path find_module() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& folder : {program, program.parent_path(), path_in(program.parent_path(), "lib/tessera")})
    if (std::filesystem::exists(path_in(folder, module_name), ignored)) return path_in(folder, module_name);
  fail_world(
      format("the torch kernel is not there: {} was looked for beside the program and in ../lib/tessera. Build "
             "with libtorch (see the README), or leave out --kernel torch",
             module_name));
}

}  // namespace

std::unique_ptr<Kernel> torch_kernel(const std::string& device) {
  const auto path = find_module();
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module) fail_world(format("{}: cannot be loaded: {}", path.string(), dlerror()));
  const auto make = reinterpret_cast<decltype(&tessera_make_torch_kernel)>(dlsym(module, "tessera_make_torch_kernel"));
  if (!make) fail_world(format("{}: is not the torch kernel of this version", path.string()));
  std::string fault;
  std::unique_ptr<Kernel> kernel(make(device.c_str(), &fault));
  if (!kernel) fail_usage(format("--device {}: {}", device, fault));
  return kernel;
}

}  // namespace tessera
