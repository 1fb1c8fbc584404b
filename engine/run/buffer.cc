#include "run/buffer.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <new>

namespace tessera {

Buffer make_buffer(uint64_t bytes) {
  constexpr uint64_t page = 4096, huge = 2 << 20;
  const uint64_t alignment = bytes >= huge ? huge : page, capacity = (bytes + page - 1) / page * page;
  void* const memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  if (bytes >= huge)
    madvise(memory, capacity / huge * huge, MADV_HUGEPAGE);  // of whole huge pages: the rest stays unused
  return {std::unique_ptr<std::byte, FreeMemory>(static_cast<std::byte*>(memory)), capacity};
}

uint64_t affordable(uint64_t budget) {
  rlimit limit{};
  const bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return limited ? std::min<uint64_t>(budget, limit.rlim_cur / 2) : budget;
}

}  // namespace tessera
