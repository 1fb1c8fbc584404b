// One folder of conformance cases: cases/README.md says what stands in it.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "store/memory.h"

namespace tessera {

struct CaseEnd {
  std::string side;
  std::vector<MeshDim> dims;  // that `mesh` lists, in order of their names
  EndSpec spec;               // side still 0
};

struct Case {
  std::filesystem::path folder;
  bool negative = false;
  std::string phase;  // of a negative one: "check", "plan", "convert"
  std::optional<CaseEnd> from, to;
  std::map<std::string, Map> config;  // by side
  Map options;
  std::optional<DType> cast, cast_back;
  std::map<std::string, std::vector<std::string>> dialects;  // by side
  std::vector<std::string> notes;
  std::string verdict, verdict_back;
  bool identity = false;
  int64_t ulp = 0;
  std::string back;  // "in", "back", "none"
  struct Place {     // of the first error; file empty: none
    std::string id, file;
    int64_t line = 0, column = 0;
  } error;
};

Case read_case(const std::filesystem::path& folder);
std::string read_text(const std::filesystem::path& path);
// The files of an end in a folder; places in the end's order, a place without a file is left out.
MemoryCheckpoint load(const std::filesystem::path& folder, const CaseEnd& end);

}  // namespace tessera
