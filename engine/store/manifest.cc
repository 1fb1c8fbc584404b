// Out of memory into text, and back with every doubt.
#include "store/manifest.h"

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/hash_file.h"
#include "store/limits.h"

namespace tessera {
namespace {

constexpr std::string_view self_key = R"("self": ")", end_of_text = "\"\n}\n";
constexpr size_t hash_digits = 32;

std::string text_of(const std::string& value) { return to_json(value, {.ascii = false}); }
std::string with_hash(const char* key, const std::string& hash) {
  return hash.empty() ? "" : format(R"(, "{}": "{}")", key, hash);
}

template <class Items, class Line>
std::string list(const char* key, const Items& items, Line&& line) {
  std::string out = format("  \"{}\": [", key);
  for (size_t i = 0; i < items.size(); ++i) out += (i ? ",\n    {" : "\n    {") + line(items[i]) + "}";
  return out + (items.empty() ? "]" : "\n  ]");
}

// --- reading

class ManifestReader {
 public:
  explicit ManifestReader(const std::string& file) : file_(file) {}

  Manifest read(std::string_view text) {
    const Value value = parse_json(text, file_, {.depth = 4, .bytes = limits::manifest_bytes});
    if (!value.as_map()) fail("is not an object");
    const Map& map = *value.as_map();
    Manifest out;
    out.hashed = map.find("self") != nullptr;
    if (out.hashed) require_self(text);
    require_keys(map, out.hashed ? 7 : 6);
    if (number(map, "manifest") != 1) fail("was written by a newer program: its `manifest` is not 1");
    out.version = word(map, "tessera");
    out.plan = hash(map, "plan");
    for (const Map* one : maps(map, "sources")) out.sources.push_back(source(*one, out.hashed));
    for (const Map* one : maps(map, "files")) out.files.push_back(file(*one, out.hashed));
    for (const Map* one : maps(map, "tensors")) out.tensors.push_back(tensor(*one, out));
    require_disjoint(out);
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_world(format("{}: {}", file_, what)); }

  void require_self(std::string_view text) const {
    const size_t tail = self_key.size() + hash_digits + end_of_text.size();
    if (text.size() < tail || !text.ends_with(end_of_text) || !text.substr(text.size() - tail).starts_with(self_key))
      fail("does not end in its own hash");
    const std::string_view body = text.substr(0, text.size() - end_of_text.size() - hash_digits);
    if (text.substr(body.size(), hash_digits) != hash_text(body)) fail("is not what was written: its own hash differs");
  }

  const Value& at(const Map& map, const char* key) const {
    const Value* value = map.find(key);
    if (!value) fail(format("`{}` is missing", key));
    return *value;
  }
  void require_keys(const Map& map, size_t count) const {
    if (map.size() != count) fail(format("an object has {} keys, {} are known", map.size(), count));
  }
  uint64_t number(const Map& map, const char* key) const {
    const Value& value = at(map, key);
    if (!value.as_int() || *value.as_int() < 0) fail(format("`{}` is {}, not a count", key, show(value)));
    return static_cast<uint64_t>(*value.as_int());
  }
  const std::string& word(const Map& map, const char* key) const {
    const Value& value = at(map, key);
    if (!value.as_string()) fail(format("`{}` is {}, not a text", key, show(value)));
    return *value.as_string();
  }
  std::string hash(const Map& map, const char* key) const {
    const std::string& text = word(map, key);
    if (text.size() != hash_digits || text.find_first_not_of("0123456789abcdef") != std::string::npos)
      fail(format("`{}` is {}, not a hash", key, show(text)));
    return text;
  }
  // A file within the root, by names alone.
  std::string path(const Map& map) const {
    const std::string& text = word(map, "file");
    for (const std::string& part : split(text, '/'))
      if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos)
        fail(format("`{}` is not the path of a file within the folder", escape(text)));
    return text;
  }
  std::vector<const Map*> maps(const Map& map, const char* key) const {
    const List* list = at(map, key).as_list();
    if (!list) fail(format("`{}` is not a list", key));
    std::vector<const Map*> out;
    for (const Value& value : *list) out.push_back(value.as_map());
    if (std::find(out.begin(), out.end(), nullptr) != out.end()) fail(format("`{}` holds what is no object", key));
    return out;
  }

  ManifestSource source(const Map& map, bool hashed) const {
    require_keys(map, hashed ? 3 : 2);
    return {path(map), number(map, "bytes"), hashed ? hash(map, "headers") : ""};
  }
  ManifestFile file(const Map& map, bool hashed) {
    require_keys(map, hashed ? 3 : 2);
    ManifestFile out{path(map), number(map, "bytes"), hashed ? hash(map, "outside") : ""};
    if (!index_.emplace(out.file, static_cast<uint32_t>(index_.size())).second)
      fail(format("names {} twice", escape(out.file)));
    return out;
  }
  ManifestTensor tensor(const Map& map, const Manifest& in) const {
    require_keys(map, in.hashed ? 5 : 4);
    const auto found = index_.find(word(map, "file"));
    if (found == index_.end()) fail(format("`{}` is not among its files", escape(word(map, "file"))));
    return {word(map, "name"), found->second, number(map, "offset"), number(map, "bytes"),
            in.hashed ? hash(map, "hash") : ""};
  }

  void require_disjoint(const Manifest& manifest) const {
    std::vector<uint64_t> end(manifest.files.size(), 0);
    for (const ManifestTensor& tensor : manifest.tensors) {
      const auto last = checked_add<uint64_t>(tensor.offset, tensor.bytes);
      if (tensor.offset < end[tensor.file] || !last || *last > manifest.files[tensor.file].bytes)
        fail(format("`{}`: its bytes are not within {}, behind those of the one before", escape(tensor.name),
                    escape(manifest.files[tensor.file].file)));
      end[tensor.file] = *last;
    }
  }

  const std::string& file_;
  std::map<std::string, uint32_t> index_;  // of files
};

}  // namespace

std::string to_text(const Manifest& manifest) {
  std::string out = format("{{\n  \"manifest\": 1,\n  \"tessera\": {},\n  \"plan\": \"{}\",\n",
                           text_of(manifest.version), manifest.plan);
  out += list("sources", manifest.sources, [](const ManifestSource& one) {
    return format(R"("file": {}, "bytes": {})", text_of(one.file), one.bytes) + with_hash("headers", one.headers);
  });
  out +=
      ",\n" + list("files", manifest.files, [](const ManifestFile& one) {
        return format(R"("file": {}, "bytes": {})", text_of(one.file), one.bytes) + with_hash("outside", one.outside);
      });
  out += ",\n" + list("tensors", manifest.tensors, [&](const ManifestTensor& one) {
           return format(R"("name": {}, "file": {}, "offset": {}, "bytes": {})", text_of(one.name),
                         text_of(manifest.files[one.file].file), one.offset, one.bytes) +
                  with_hash("hash", one.hash);
         });
  if (!manifest.hashed) return out + "\n}\n";
  out += ",\n  " + std::string(self_key);
  return out + hash_text(out) + std::string(end_of_text);
}

Manifest parse_manifest(std::string_view text, const std::string& file) { return ManifestReader(file).read(text); }

}  // namespace tessera
