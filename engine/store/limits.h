// Every limit that a file is held to, in one place. A refusal names the limit it met.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tessera::limits {

inline constexpr uint64_t kib = 1024, mib = 1024 * kib;

// tensors
inline constexpr uint64_t tensors_per_file = 1'000'000;
inline constexpr uint64_t tensors_per_checkpoint = 10'000'000;
inline constexpr size_t name_bytes = 4096;  // of a tensor name: at least 1, UTF-8, no NUL
inline constexpr size_t rank = 64;

// safetensors
inline constexpr uint64_t safetensors_header = 100'000'000;  // bytes
inline constexpr size_t safetensors_depth = 8;               // of its JSON

// JSON files
inline constexpr size_t json_depth = 64;
inline constexpr uint64_t index_bytes = 100 * mib;
inline constexpr uint64_t config_bytes = 16 * mib;

// zip archives
inline constexpr uint64_t zip_members = 1'000'000;
inline constexpr uint64_t zip_directory = 256 * mib;
inline constexpr uint64_t inflate_ratio = 200;      // result : packed, ...
inline constexpr uint64_t inflate_free = 16 * mib;  // ... held against results above this only

// pickles
inline constexpr uint64_t pickle_bytes = 512 * mib;
inline constexpr uint64_t pickle_deflated_bytes = 64 * mib;  // result of a deflated data.pkl
inline constexpr uint64_t pickle_opcodes = 50'000'000;
inline constexpr size_t pickle_memo = 10'000'000;
inline constexpr size_t pickle_stack = 10'000'000;
inline constexpr size_t pickle_depth = 256;  // nesting of a value
inline constexpr size_t pickle_integer_bytes = 1024;
inline constexpr size_t pickle_integer_digits = 2467;        // of such an integer in decimal, its sign with them
inline constexpr uint64_t pickle_values_free = 2'000'000;    // values that any may have; more if its bytes are as many
inline constexpr uint64_t pickle_copied_free = 1'000'000;    // values and bytes that calls may copy; more by its bytes
inline constexpr uint64_t pickle_unfolded_free = 1'000'000;  // its size, shared values each time; more by its own
inline constexpr uint64_t pickle_packed_ratio = 4;        // a deflated pickle counts as so many times its packed bytes
inline constexpr uint64_t pickle_names_free = 16 * mib;   // all names of tensors together, joined; more by its bytes
inline constexpr uint64_t pickle_small_bytes = 64 * kib;  // of one that says no more than a version or a machine
inline constexpr uint64_t view_ratio = 16;                // a view may name this many times its storage, ...
inline constexpr uint64_t view_free = 16 * mib;           // ... or this many bytes, whichever is larger

// distributed checkpoints
inline constexpr uint64_t tiling_steps = 50'000'000;  // of the proof that slabs tile a tensor

// Megatron folders
inline constexpr uint64_t tracker_bytes = 64;
inline constexpr int64_t iteration = 999'999'999'999'999'999;  // 18 digits
inline constexpr size_t virtual_stages = 1000;
inline constexpr int64_t stage_layers = 100'000;  // that arguments may speak of

// our own files
inline constexpr uint64_t manifest_bytes = 1024 * mib;
inline constexpr uint64_t resume_bytes = 512 * mib;

}  // namespace tessera::limits
