// Names of members are checked as if they became paths, though none ever does: an archive with such names is no
// checkpoint of torch's.
#include "store/zip_names.h"

#include "base/text.h"
#include "store/limits.h"

namespace tessera {

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view fault_of_name(std::string_view name) {
  if (name.size() > limits::name_bytes) return "its name is too long";
  if (!is_utf8(name)) return "its name is not UTF-8";
  if (!is_harmless(name) || name.find('\\') != name.npos) return "its name holds a control character or a backslash";
  const std::vector<std::string> parts = split(name, '/');
  if (parts.size() < 2) return "it is not under a top folder";
  if (parts[0].size() > 1 && parts[0][1] == ':') return "its name begins with a drive";
  for (const std::string& part : parts)
    if (part.empty() || part == "." || part == "..") return "its name has an empty, `.` or `..` part";
  return {};
}

}  // namespace tessera
