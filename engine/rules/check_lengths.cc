// R01: no name is longer than files may have them, with the prefix of its place.
#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

// At least: a hole prints one digit or more.
size_t length_of(const NameTemplate& name) {
  size_t bytes = 0;
  for (const NamePiece& piece : name) bytes += piece.hole < 0 ? piece.text.size() : 1;
  return bytes;
}

void judge_name(const Address& address, const std::optional<Text>& prefix, Findings& findings) {
  const size_t bytes = length_of(address.name);
  if (bytes <= longest_name) return;
  Diagnostic& error =
      findings.error("R01", address.name_span,
                     format("with its prefix this name has {} bytes; a name has at most {}", bytes, longest_name));
  if (prefix) error.related.push_back({prefix->span, "the prefix"});
}

}  // namespace

void prove_lengths(Proving& proving) {
  for (const Rule& rule : proving.set.rules)
    for (SideId side = 0; side < proving.file.sides.size(); ++side)
      for (const Alternative& alternative : rule.sides[side])
        for (const Address& address : alternative.addresses)
          judge_name(address, proving.file.model[rule.entry].prefix[side], proving.findings);
}

}  // namespace tessera
