// Headers that are accepted with exact tensors, and headers that are refused, by name and byte.
#include "base/text.h"
#include "store/safetensors.h"
#include "store/safetensors_text.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

std::string show(const Contents& contents) {
  std::string out;
  for (const TensorInfo& t : contents.tensors) {
    const Storage& s = contents.storages[t.chunks.at(0).storage];
    out += format("{} {} {} @{}+{}; ", t.name, info(t.dtype).name, show_shape(t.shape), s.offset, s.bytes);
  }
  return out;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& range) {
  return format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, range);
}

void check_row(const std::string& bytes, std::vector<std::string> words) {
  const TempFolder folder;
  const auto path = folder.put("x.safetensors", bytes);
  words.push_back("x.safetensors: ");
  check_refused([&] { SafetensorsReader reader(path); }, words);
}

}  // namespace

TEST_CASE("safetensors: valid files") {
  const std::string a = entry("a", "F32", "[2,1]", "[0,8]"), b = entry("b", "U8", "[3]", "[8,11]");
  struct Row {
    const char* what;
    std::string header, data, tensors;  // offsets from the first byte of data; ` @` counts from there
  };
  const std::vector<Row> rows = {
      {"no tensors", "{}", "", ""},
      {"metadata alone", R"({"__metadata__":{"format":"pt","k":""}})", "", ""},
      {"two tensors", "{" + a + "," + b + "}", "01234567abc", "a F32 [2, 1] @0+8; b U8 [3] @8+3; "},
      {"in order of their data, not of the header", "{" + b + "," + a + "}", "01234567abc",
       "a F32 [2, 1] @0+8; b U8 [3] @8+3; "},
      {"metadata last, blanks anywhere", "{ " + a + " ,\n\t\"__metadata__\" : { } } \r\n ", "01234567",
       "a F32 [2, 1] @0+8; "},
      {"fields in any order", R"({"a":{"data_offsets":[0,2],"shape":[2],"dtype":"U8"}})", "xy", "a U8 [2] @0+2; "},
      {"rank 0", "{" + entry("s", "F64", "[]", "[0,8]") + "}", "01234567", "s F64 [] @0+8; "},
      {"empty tensors in their places",
       "{" + entry("e", "F32", "[0,5]", "[2,2]") + "," + entry("d", "U8", "[2]", "[0,2]") + "," +
           entry("f", "F16", "[1]", "[2,4]") + "}",
       "0123", "d U8 [2] @0+2; e F32 [0, 5] @2+0; f F16 [1] @2+2; "},
      {"four bits an element", "{" + entry("q", "F4", "[2,3]", "[0,3]") + "}", "abc", "q F4 [2, 3] @0+3; "},
      {"six bits an element", "{" + entry("q", "F6_E2M3", "[4]", "[0,3]") + "}", "abc", "q F6_E2M3 [4] @0+3; "},
      {"a name in escapes", "{" + entry(R"(\u00e4\/\ud83d\ude00)", "U8", "[1]", "[0,1]") + "}", "x",
       "ä/😀 U8 [1] @0+1; "},
      {"names like paths", "{" + entry("../../etc", "U8", "[1]", "[0,1]") + "}", "x", "../../etc U8 [1] @0+1; "},
      {"data at an odd place", "{" + entry("o", "U8", "[1]", "[0,1]") + "," + entry("p", "F64", "[1]", "[1,9]") + "}",
       "012345678", "o U8 [1] @0+1; p F64 [1] @1+8; "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const TempFolder folder;
    const auto path = folder.put("x.safetensors", safetensors(row.header, row.data));
    const SafetensorsReader reader(path);
    Contents contents = reader.contents();
    for (Storage& s : contents.storages) s.offset -= 8 + row.header.size();
    CHECK(show(contents) == row.tensors);
    for (StorageId id = 0; id < contents.storages.size(); ++id) {
      const Storage& s = contents.storages[id];
      std::string got(s.bytes, '?');
      reader.read(id, 0, std::as_writable_bytes(std::span(got)));
      CHECK(got == row.data.substr(s.offset, s.bytes));
      reader.verify(id);
    }
  }
}

TEST_CASE("safetensors: the length field") {
  check_row("", {"it has 0 bytes"});
  check_row("1234567", {"it has 7 bytes"});
  check_row(with_length(0, "{}"), {"a header of 0 bytes, at byte 0"});
  check_row(with_length(1, "{}"), {"a header of 1 bytes"});
  check_row(with_length(3, "{}"), {"a header of 3 bytes in a file of 10"});
  check_row(with_length(100'000'001, "{}"), {"above the limit of 100000000"});
  check_row(with_length(UINT64_MAX, "{}"), {"above the limit"});
  check_row(with_length(UINT64_MAX - 7, "{}"), {"above the limit"});
}

TEST_CASE("safetensors: other formats are named") {
  check_row("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", {"Git LFS pointer", "git lfs pull"});
  check_row(std::string("PK\x03\x04\x14\x00\x00\x00", 8), {"zip archive, as torch.save writes"});
  check_row("\x80\x02}q\x01.padding", {"a pickle"});
  check_row("<!DOCTYPE html><html>", {"HTML page"});
  check_row(std::string("GGUF\x03\x00\x00\x00\x00", 9), {"a GGUF file"});
  check_row("\x89PNG\r\n\x1a\n", {"a PNG image"});
  check_row(R"({"format":"json"})", {"a JSON text"});
}

TEST_CASE("safetensors: headers that are refused") {
  const std::string a = entry("a", "U8", "[2]", "[0,2]");
  struct Row {
    std::string header;
    std::vector<std::string> words;
    std::string data = "xy";
  };
  const std::vector<Row> rows = {
      // what is not JSON
      {" {}", {"does not begin with `{`", "byte 8"}, ""},
      {"[]", {"does not begin with `{`"}, ""},
      {"{} x", {"something follows", "byte 11"}, ""},
      {"{}{}", {"something follows"}, ""},
      {std::string("{}\0", 3), {"something follows", "byte 10"}, ""},
      {"{" + a, {"`}` is missing"}},
      {"{" + a + ",}", {"a key must be a string"}},
      {"{" + a + "," + "," + a + "}", {"a key must be a string"}},
      {"{'a':1}", {"a key must be a string", "byte 9"}},
      {R"({"a" 1})", {"`:` is missing"}},
      {R"({"a)", {"a string does not end", "byte 9"}},
      {"{\"a\n\":1}", {"a control character in a string", "byte 11"}},
      {R"({"\x":1})", {"unknown escape", "byte 11"}},
      {R"({"\u12g4":1})", {"without four digits"}},
      {R"({"\u12)", {"without four digits"}},
      {R"({"\ud800":1})", {"lone surrogate"}},
      {R"({"\ud800\u0041":1})", {"lone surrogate"}},
      {R"({"\udc00\ud800":1})", {"lone surrogate"}},
      {"{\"\xff\":1}", {"a key is not UTF-8", "byte 9"}},
      {"{\"\xed\xa0\x80\":1}", {"a key is not UTF-8"}},
      // names
      {R"({"\u0000":1})", {"a key holds a NUL"}},
      {"{" + entry("", "U8", "[2]", "[0,2]") + "}", {"a tensor without a name"}},
      {"{" + entry(std::string(4097, 'n'), "U8", "[2]", "[0,2]") + "}", {"its name has 4097 bytes, the limit is 4096"}},
      // twice
      {"{" + a + "," + a + "}", {"tensor `a` stands twice"}},
      {"{" + a + "," + entry(R"(\u0061)", "U8", "[0]", "[2,2]") + "}", {"tensor `a` stands twice"}},
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}})", {"tensor `a`: `dtype` stands twice"}},
      {R"({"a":{"dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2]}})", {"tensor `a`: `shape` stands twice"}},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"data_offsets":[0,2]}})",
       {"tensor `a`: `data_offsets` stands twice"}},
      {R"({"__metadata__":{},"__metadata__":{},)" + a + "}", {"`__metadata__` stands twice"}},
      {R"({"__metadata__":{"k":"1","\u006b":"1"},)" + a + "}", {"key `k` stands twice in `__metadata__`"}},
      // metadata
      {R"({"__metadata__":null,)" + a + "}", {"`__metadata__` must be an object"}},
      {R"({"__metadata__":{"k":1},)" + a + "}", {"a value of `__metadata__` must be a string"}},
      {R"({"__metadata__":{"k":{}},)" + a + "}", {"a value of `__metadata__` must be a string"}},
      // fields
      {R"({"a":null})", {"tensor `a`: ", "must be an object"}},
      {R"({"a":[]})", {"tensor `a`: ", "must be an object"}},
      {R"({"a":{"dtype":"U8","shape":[2]}})", {"tensor `a`: `data_offsets` is missing"}},
      {R"({"a":{"dtype":"U8","data_offsets":[0,2]}})", {"tensor `a`: `shape` is missing"}},
      {R"({"a":{"shape":[2],"data_offsets":[0,2]}})", {"tensor `a`: `dtype` is missing"}},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}})", {"tensor `a`: unknown field `x`"}},
      {"{" + entry("a", "uint8", "[2]", "[0,2]") + "}", {"tensor `a`: unknown dtype `uint8`"}},
      {"{" + entry("a", "C128", "[0]", "[0,0]") + "}", {"unknown dtype `C128`"}},
      {R"({"a":{"dtype":8,"shape":[2],"data_offsets":[0,2]}})", {"`dtype` must be a string"}},
      // shapes
      {"{" + entry("a", "U8", "2", "[0,2]") + "}", {"tensor `a`", "`[` is missing"}},
      {"{" + entry("a", "U8", "[-2]", "[0,2]") + "}", {"whole numbers without a sign"}},
      {"{" + entry("a", "U8", "[2.0]", "[0,2]") + "}", {"must be whole numbers"}},
      {"{" + entry("a", "U8", "[2e0]", "[0,2]") + "}", {"must be whole numbers"}},
      {"{" + entry("a", "U8", "[02]", "[0,2]") + "}", {"leading zero"}},
      {"{" + entry("a", "U8", "[0x2]", "[0,2]") + "}", {"`]` is missing"}},
      {"{" + entry("a", "U8", R"(["2"])", "[0,2]") + "}", {"whole numbers"}},
      {"{" + entry("a", "U8", "[[2]]", "[0,2]") + "}", {"whole numbers"}},
      {"{" + entry("a", "U8", "[2,]", "[0,2]") + "}", {"whole numbers"}},
      {"{" + entry("a", "U8", "[18446744073709551618]", "[0,2]") + "}", {"above 2^64 - 1"}},
      {"{" + entry("a", "U8", "[9223372036854775808]", "[0,2]") + "}", {"above 2^63 - 1"}},
      {"{" + entry("a", "U8", "[4294967296,4294967296]", "[0,0]") + "}", {"overflows 64 bits"}, ""},
      {"{" + entry("a", "U8", "[4294967296,4294967296,0]", "[0,0]") + "}", {"overflows 64 bits"}, ""},
      {"{" + entry("a", "F32", "[1152921504606846976]", "[0,0]") + "}", {"overflows 64 bits"}, ""},
      {"{" + entry("a", "F4", "[3]", "[0,2]") + "}", {"12 bits are not whole bytes"}},
      {"{" + entry("a", "U8", "[1" + join(std::vector<std::string>(65, ""), ",1") + "]", "[0,1]") + "}",
       {"rank above the limit of 64"},
       "x"},
      // ranges
      {"{" + entry("a", "U8", "[3]", "[0,2]") + "}", {"[0, 2] do not hold the 3 bytes of U8 [3]"}},
      {"{" + entry("a", "U8", "[2]", "[2,0]") + "}", {"[2, 0] do not hold"}},
      {"{" + entry("a", "U8", "[2]", "[18446744073709551615,1]") + "}", {"do not hold"}},
      {"{" + entry("a", "U8", "[2]", "[0,2,2]") + "}", {"`]` is missing"}},
      {"{" + entry("a", "U8", "[2]", "[0]") + "}", {"`,` is missing"}},
      {"{" + entry("a", "U8", "[2]", "[-0,2]") + "}", {"without a sign"}},
      {"{" + entry("a", "U8", "[2]", "[1,3]") + "}", {"leave a hole of 1 bytes"}, "xyz"},
      {"{" + a + "," + entry("b", "U8", "[1]", "[3,4]") + "}", {"tensor `b`", "leave a hole of 1 bytes"}, "wxyz"},
      {"{" + a + "," + entry("b", "U8", "[2]", "[1,3]") + "}", {"tensor `b`", "overlap"}, "xyz"},
      {"{" + a + "," + entry("b", "U8", "[0]", "[1,1]") + "}", {"tensor `b`", "overlap"}},
      {"{" + a + "," + entry("b", "U8", "[0]", "[3,3]") + "}", {"tensor `b`", "outside"}},
      {"{" + a + "}", {"tensor `a`", "outside the file's 1 bytes of data"}, "x"},
      {"{" + a + "}", {"1 bytes follow the last tensor"}, "xyz"},
      {"{}", {"2 bytes follow the last tensor", "at byte 10"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.header);
    check_row(safetensors(row.header, row.data), row.words);
  }
}

TEST_CASE("safetensors: the number of tensors") {
  std::string header = "{";
  for (int i = 0; i <= 1'000'000; ++i) header += (i ? "," : "") + entry(std::to_string(i), "U8", "[0]", "[0,0]");
  check_row(safetensors(header + "}"), {"more than 1000000 tensors"});
}

TEST_CASE("safetensors: depth costs nothing") {
  for (const char* bracket : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += bracket;
    check_row(safetensors(R"({"a":)" + deep), {"tensor `a`"});
    check_row(safetensors(R"({"a":{"shape":)" + deep), {"tensor `a`"});
  }
}

TEST_CASE("safetensors: names are escaped in messages") {
  check_row(safetensors("{" + entry(R"(\u001b[2J)", "U9", "[1]", "[0,1]") + "}", "x"), {R"(tensor `\x1b[2J`)"});
}
