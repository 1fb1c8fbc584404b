// fuzz_replay TARGET PATH...: the target runs on each file (of a folder: on all in it), without libFuzzer and under the
// limits of time and memory. Prints what is found, then `N passed, N failed`. `fuzz_replay` alone lists the targets.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/target.h"

namespace {

namespace fs = std::filesystem;
constexpr rlim_t most_memory = rlim_t{320} << 20;  // 256 MiB and the program itself

char current[4096];  // the file that a signal is due to

void tell(int signal) {
  const auto say = [](const char* text) { return write(STDOUT_FILENO, text, std::strlen(text)) >= 0; };
  _exit(say("FAILED ") && say(current) && say(": a signal\n") ? 128 + signal : 1);
}

std::vector<fs::path> files_of(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 2; i < argc; ++i) {
    if (fs::is_regular_file(argv[i])) files.emplace_back(argv[i]);
    if (fs::is_directory(argv[i]))
      for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool replay(const tessera::fuzz::Target& target, const fs::path& path) {
  std::snprintf(current, sizeof current, "%s", path.c_str());
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto what = tessera::fuzz::finding(target, bytes);
  if (what) std::printf("FAILED %s: %s\n", path.c_str(), what->c_str());
  return !what;
}

void set_limits() {
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, tell);
  const rlimit memory{most_memory, most_memory};
  if (TESSERA_SLOWER == 1) setrlimit(RLIMIT_AS, &memory);  // a sanitizer's own memory is beyond it
}

}  // namespace

int main(int argc, char** argv) {
  const auto& all = tessera::fuzz::targets();
  if (argc < 2)
    for (const auto& target : all) std::puts(target.name);
  if (argc < 2) return 0;
  const auto target =
      std::find_if(all.begin(), all.end(), [&](const auto& t) { return std::strcmp(t.name, argv[1]) == 0; });
  if (target == all.end()) return std::fprintf(stderr, "no target `%s`\n", argv[1]), 2;
  set_limits();
  size_t passed = 0, failed = 0;
  for (const fs::path& path : files_of(argc, argv)) ++(replay(*target, path) ? passed : failed);
  std::printf("%zu passed, %zu failed\n", passed, failed);
  return failed > 0;
}
