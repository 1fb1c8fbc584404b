// Packings (docs/language.md section 9): a format that keeps one key for tensors of many names. Rules never see it:
// what is read is unpacked before planning, what is written is packed after it.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "rules/ruleset.h"
#include "store/checkpoint.h"

namespace tessera {

// A key that a line of one of the side's packings has made becomes a tensor for each index of its leading axes, over
// the same storages; other keys stay. Which line it was the key tells: its right side fits, its left side does not
// (else the key is a name as it stands), and packing the names gives the key again. V02 (fewer axes than holes), B02
// (two keys make one name). nullopt after an error.
std::optional<Contents> unpack(const Contents& packed, const RuleSet& rules, SideId side, Diagnostics& diagnostics);
// Contents as planning wants them: unpacked into `made` where they are whole, else as they are. nullptr after an error.
const Contents* unpacked(const Contents& packed, const RuleSet& rules, SideId side, std::optional<Contents>& made,
                         Diagnostics& diagnostics);
// The same for a reader; one whose contents are not `whole` is handed back as it is. nullptr after an error.
std::unique_ptr<Reader> unpack(std::unique_ptr<Reader> reader, const RuleSet& rules, SideId side,
                               Diagnostics& diagnostics);

// Fills OutTensor::slab under the packing of the side whose `when` holds for these arguments; none: names stay. V02
// where the tensors of one key differ in shape or dtype or one is missing, B02 where two have one place or a key would
// be read back as something else, R04 if two packings hold, B03 for a condition without a value. False after an error.
bool pack(std::vector<OutTensor>& tensors, const RuleSet& rules, SideId side, const Map& arguments,
          Diagnostics& diagnostics);

}  // namespace tessera
