// What holds of every pickle that was accepted.
#pragma once
#include "store/pickle.h"

namespace tessera::fuzz {

void check_pickle(const PickleTree& tree);

}  // namespace tessera::fuzz
