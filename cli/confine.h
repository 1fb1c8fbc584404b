// What the program gives up before it reads the first byte of a file that somebody else made: a parser that is taken
// over then finds no way to start a program, to reach the network or to open what was not named to it. Linux alone;
// what a kernel does not have is left out without a word (docs/security.md).
#pragma once
#include <filesystem>
#include <vector>

namespace tessera::cli {

// What may still be opened from now on. A folder: all that is in it. What is not there is nobody's to open.
struct Needs {
  std::vector<std::filesystem::path> read, write;
};

// Of this thread and of all that it starts later, for good: so call it before the first thread. Error(world) if the
// kernel can, but does not.
void confine(const Needs& needs);

}  // namespace tessera::cli
