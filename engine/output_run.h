// The output of one conversion from the lock to the commit: what stands on the disk when is told in docs/durability.md.
#pragma once
#include <memory>
#include <optional>

#include "planning.h"
#include "store/hashing_writer.h"
#include "store/identity.h"
#include "store/manifest.h"
#include "store/output_folder.h"
#include "store/resume_state.h"
#include "store/write_behind.h"

namespace tessera {

class OutputRun {
 public:
  // Takes the lock, lays out, looks for space and makes the files. With options.resume, first finds out what of an
  // interrupted run can be kept. The output's path is put into prepared.output.
  OutputRun(Prepared& prepared, const ConvertOptions& options);
  Writer& writer() { return hashing_ ? static_cast<Writer&>(*hashing_) : *writer_; }
  const std::vector<bool>& done() const { return done_; }  // by index into OutputSpec::tensors
  // All tensors are written: sources are looked at again, files closed, manifest and marks written.
  void seal();
  void verify() const;  // reads everything back from the disk; Error(world) if it is not what was written
  void commit();
  std::filesystem::path keep();  // interrupted: what is there stays for --resume, in this folder

 private:
  void go_on();
  void keep_finished(const ResumeState& state);
  void require_space() const;

  Prepared& prepared_;
  const ConvertOptions& options_;
  std::vector<FileIdentity> sources_;
  ResumeKey key_;
  OutputFolder folder_;
  WriteBehind behind_;
  std::unique_ptr<Writer> writer_;
  std::optional<HashingWriter> hashing_;  // none: --no-hash
  std::optional<ResumeLog> log_;          // with it
  std::vector<bool> done_;
  Manifest manifest_;
};

}  // namespace tessera
