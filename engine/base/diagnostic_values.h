// Diagnostics for JSON reports.
#pragma once
#include "base/diagnostic.h"
#include "base/value.h"

namespace tessera {
// { id, severity, file, line, column, message, help, related } each, in the order in which they were found; none (null)
// where there is no id, place or help.
List to_values(const Diagnostics& diagnostics, const Sources& sources);
}  // namespace tessera
