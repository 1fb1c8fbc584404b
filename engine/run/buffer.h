// Memory that was faulted in once and is used again; never filled with zeros first. Large buffers begin at a huge page.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace tessera {

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};

struct Buffer {
  std::unique_ptr<std::byte, FreeMemory> data;
  uint64_t capacity = 0;
};
Buffer make_buffer(uint64_t bytes);  // std::bad_alloc
// What of a budget for buffers can be had: at most half of the address space that the process may have.
uint64_t affordable(uint64_t budget);

}  // namespace tessera
