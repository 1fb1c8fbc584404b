// The entry of the loadable module that holds the torch kernel. Looked up by name in a module opened at run time.
#pragma once
#include <string>

#include "run/kernel.h"

// A kernel for "cpu", "cuda", "cuda:1"; nullptr with `fault` filled if the library or the device is not there.
extern "C" tessera::Kernel* tessera_make_torch_kernel(const char* device, std::string* fault);
