// XXH3, by the library that chooses among the processor's instructions where there is one.
#pragma once
#ifdef TESSERA_XXHASH_DISPATCH
#define XXH_STATIC_LINKING_ONLY
#else
#define XXH_INLINE_ALL
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <xxhash.h>
#ifdef TESSERA_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#endif
#pragma GCC diagnostic pop
