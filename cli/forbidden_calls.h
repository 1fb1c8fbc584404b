// The seccomp filter: which system calls a conversion never needs.
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <vector>

namespace tessera::cli {

// Empty where the processor is not known.
std::vector<sock_filter> refusing_program();

}  // namespace tessera::cli
