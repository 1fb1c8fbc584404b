// The pickle machine: what each opcode makes, and what is refused. Expectations are Python's, where Python accepts.
#include "base/text.h"
#include "store/pickle.h"
#include "store/pickle_asm.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;
using namespace tessera::testing::asm_;

namespace {

const PickleOptions options = {.file = "f", .storage_folder = "data/"};

PickleTree read(const Bytes& bytes) { return read_pickle(bytes, options); }

// The value as text: tuples and sets as lists, objects by name.
std::string shown(const Bytes& bytes) {
  const PickleTree tree = read(bytes);
  return show(to_value(tree, tree.root));
}

struct Case {
  std::string what;
  Bytes value;
  std::string expected;
};

}  // namespace

TEST_CASE("pickle: values") {
  const std::vector<Case> cases = {
      {"none", none, "none"},
      {"true", yes, "true"},
      {"BININT1", "K\xFF", "255"},
      {"BININT2", "M\x00\x01"s, "256"},
      {"BININT is signed", "J\xFE\xFF\xFF\xFF", "-2"},
      {"LONG1 of no bytes is 0", "\x8A\x00"s, "0"},
      {"LONG1 is signed", "\x8A\x01\xFF"s, "-1"},
      {"LONG1 with a zero byte on top", "\x8A\x02\xFF\x00"s, "255"},
      {"the smallest of 64 bits", "\x8A\x08\x00\x00\x00\x00\x00\x00\x00\x80"s, "-9223372036854775808"},
      {"one more than 64 bits hold", "\x8A\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00"s, "9223372036854775808"},
      {"2^70 from LONG4", "\x8B\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x40"s, "1180591620717411303424"},
      {"-2^64", "\x8A\x09\x00\x00\x00\x00\x00\x00\x00\x00\xFF"s, "-18446744073709551616"},
      {"INT", "I-12\n", "-12"},
      {"INT 01 is true", "I01\n", "true"},
      {"LONG with L", "L12L\n", "12"},
      {"LONG of many digits", "L1180591620717411303424L\n", "1180591620717411303424"},
      {"BINFLOAT is big-endian", "G\x40\x08\x00\x00\x00\x00\x00\x00"s, "3.0"},
      {"FLOAT", "F1e-05\n", "1e-05"},
      {"BINUNICODE", text("\u00e9"), "\"\u00e9\""},
      {"SHORT_BINUNICODE", "\x8C\x01z", "\"z\""},
      {"SHORT_BINSTRING in UTF-8", "U\x02\xC3\xA9", "\"\u00e9\""},
      {"SHORT_BINSTRING in Latin-1", "U\x01\xE9", "\"\u00e9\""},
      {"STRING with escapes", "S'a\\x41\\101\\''\n", "\"aAA'\""},
      {"UNICODE with escapes", "Va\\u00e9\\U0001F600\n", "\"a\u00e9\U0001F600\""},
      {"list", list({integer(1), integer(2)}), "[1, 2]"},
      {"APPEND", "]K\x01"s + "a", "[1]"},
      {"tuples of one, two, three", "K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87\x87", "[[1], [1, 2], [1, 2, 3]]"},
      {"LIST and DICT from marks", "(K\x01(" + text("a") + "K\x02" + "dl", "[1, { a: 2 }]"},
      {"POP of a value, DUP",
       "](K\x05K\x01"
       "0"
       "2e",
       "[5, 5]"},
      {"POP of a mark, POP_MARK",
       "K\x07(0(K\x01"
       "1",
       "7"},
      {"memo",
       "]q\x00"
       "0](h\x00h\x00"
       "e"s,
       "[[], []]"},
      {"MEMOIZE counts up",
       "K\x01\x94K\x02\x94\x86"
       "0](h\x01h\x00"
       "e"s,
       "[2, 1]"},
      {"text memo", "K\x09p12\n0g12\n", "9"},
      {"MEMOIZE takes the number of what is remembered, as Python does",
       "K\x07q\x01"
       "0K\x08\x94"
       "0h\x01"s,
       "8"},
      {"a frame with its opcodes, and one behind it", "\x95\x02\0\0\0\0\0\0\0K\x01K\x02\x95\x01\0\0\0\0\0\0\0\x86"s,
       "[1, 2]"},
      {"set of a list", call(global("__builtin__", "set"), {list({integer(3)})}), "[3]"},
      {"frozenset as a key is hashable", dict({{"(K\x01\x91", integer(2)}}), "dict"},
      {"keys that are not one",
       dict({{none, integer(1)},
             {integer(0), integer(2)},
             {text("0"), integer(3)},
             {"C\x01"
              "0",
              integer(4)}}),
       "dict"},
      {"OrderedDict of pairs", call(global("collections", "OrderedDict"), {list({list({text("k"), integer(1)})})}),
       "{ k: 1 }"},
      {"defaultdict", call(global("collections", "defaultdict"), {global("__builtin__", "list")}), "{}"},
      {"Counter", call(global("collections", "Counter"), {dict({{text("k"), integer(1)}})}), "{ k: 1 }"},
      {"Namespace", global("argparse", "Namespace") + ")\x81" + dict({{text("a"), integer(1)}}) + "b", "{ a: 1 }"},
      {"SimpleNamespace", call(global("types", "SimpleNamespace"), {}) + dict({{text("a"), none}}) + "b",
       "{ a: none }"},
      {"state of an OrderedDict is not its items", ordered_dict() + dict({{text("_metadata"), none}}) + "b", "{}"},
      {"INST and OBJ",
       "]("
       "(iargparse\nNamespace\n"
       "(" +
           global("p.q", "C") + "K\x01oe",
       "[{}, p.q.C(1)]"},
      {"NEWOBJ_EX", global("p.q", "C") + ")" + dict({{text("a"), integer(1)}}) + "\x92", "p.q.C"},
      {"a dtype", global("torch", "bfloat16"), "torch.bfloat16"},
      {"torch.Size", call(global("torch", "Size"), {list({integer(2)})}), "[2]"},
      {"an enum's member", call(global("p.enums", "Kind"), {integer(1)}), "p.enums.Kind(1)"},
      {"an enum's member by name", call(global("__builtin__", "getattr"), {global("p.enums", "Kind"), text("FAST")}),
       "p.enums.Kind.FAST"},
      {"bytes are named only", call(global("_codecs", "encode"), {text("\u00ff"), text("latin1")}), "bytes"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    std::string got = shown(pickle(c.value, 4));
    CHECK(got == c.expected);
  }
}

TEST_CASE("pickle: Latin-1 bytes") {
  const PickleTree tree = read(pickle(call(global("_codecs", "encode"), {text("a\u00ff\u0080"), text("latin1")})));
  CHECK(tree.text(tree.root) == "a\xFF\x80");
}

TEST_CASE("pickle: refusals name the file and the byte") {
  struct Refused {
    std::string what;
    Bytes bytes;
    std::vector<std::string> words;
  };
  const Bytes x = global("os", "system");
  const std::vector<Refused> cases = {
      {"nothing", "", {"f: ", "at byte 0"}},
      {"no STOP", "\x80\x02N", {"ends", "at byte 3"}},
      {"after STOP", pickle(none) + "N", {"1 bytes after STOP"}},
      {"two values", pickle("NN"), {"STOP with 2"}},
      {"an open mark", pickle("N("), {"STOP"}},
      {"protocol", pickle(none, 6), {"protocol 6"}},
      {"unknown opcode", pickle("z"), {"0x7a", "at byte 2"}},
      {"PERSID", pickle("Pa\n"), {"0x50"}},
      {"EXT1", pickle("\x82\x01"), {"0x82"}},
      {"NEXT_BUFFER", pickle("\x97"), {"0x97"}},
      {"empty stack", pickle("0"), {"stack is empty"}},
      {"below the mark",
       pickle("](K\x01"
              "a"),
       {"stack is empty"}},
      {"no mark", pickle("K\x01t"), {"no MARK"}},
      {"item on a list", pickle("]" + text("a") + "Ns"), {"kind list"}},
      {"append to a dict", pickle("}Na"), {"kind dict"}},
      {"odd dict", pickle("(" + text("a") + "d"), {"key without a value"}},
      {"unhashable", pickle(dict({{list({}), none}})), {"as a key"}},
      {"a tuple with a list as a key", pickle(dict({{"]\x85", none}})), {"as a key"}},
      {"a bytearray as a key", pickle(dict({{"\x96\x01\0\0\0\0\0\0\0z"s, none}})), {"as a key"}},
      {"a called bytearray as a key",
       pickle(dict({{call(global("builtins", "bytearray"), {"C\x01z"}), none}})),
       {"as a key"}},
      {"leading zero", pickle("I010\n"), {"not an integer"}},
      {"memo index with L", pickle("Np0L\n"), {"memo index"}},
      {"INT with L", pickle("I1L\n"), {"not an integer"}},
      {"set of equals", pickle("\x8F(K\x01\x88\x90"), {"twice in a set"}},
      {"keys that Python takes for one",
       pickle(dict({{"K\x01", none}, {"G\x3F\xF0\0\0\0\0\0\0"s, none}})),
       {"twice in a dict"}},
      {"tuples that are one key", pickle(dict({{"K\x01\x85", none}, {"K\x01\x85", none}})), {"twice in a dict"}},
      {"Counter that would count",
       pickle(call(global("collections", "Counter"), {list({list({text("k"), integer(1)})})})),
       {"Counter"}},
      {"set of dicts", pickle("\x8F(}\x90"), {"as a key"}},
      {"memo unset", pickle("h\x05"), {"memo index 5"}},
      {"memo huge", pickle("Nr\xFF\xFF\xFF\xFF"), {"memo index 4294967295", "10000000"}},
      {"memo negative", pickle("Np-1\n"), {"memo index"}},
      {"length beyond the end",
       pickle("X\xFF\xFF\x00\x00"
              "ab"s),
       {"more bytes"}},
      {"length of 2^64-1", pickle("\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), {"more bytes"}},
      {"negative length", pickle("T\xFF\xFF\xFF\xFF"), {"negative length"}},
      {"frame that ends inside an opcode", pickle("\x95\x01\0\0\0\0\0\0\0K\x01"s), {"frame ends inside", "at byte 11"}},
      {"frame inside a frame", pickle("\x95\x0a\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0\0N"s), {"frame inside a frame"}},
      {"frame beyond STOP", pickle("\x95\x03\0\0\0\0\0\0\0N.N"s), {"frame goes on behind STOP"}},
      {"frame beyond the end", pickle("\x95\xFF\x00\x00\x00\x00\x00\x00\x00N"s), {"frame of 255"}},
      {"not UTF-8", pickle("X\x01\x00\x00\x00\xFF"s), {"not UTF-8"}},
      {"lone surrogate", pickle("V\\ud800\n"), {"not text"}},
      {"no integer", pickle("Iabc\n"), {"not an integer"}},
      {"unquoted", pickle("Sabc\n"), {"not a quoted string"}},
      {"integer of 1025 bytes", pickle("\x8B\x01\x04\x00\x00"s + std::string(1025, '\x7F')), {"1025 bytes", "1024"}},
      {"integer of many digits", pickle("L" + std::string(3000, '9') + "L\n"), {"3000 digits"}},
      {"call", pickle(call(x, {text("true")})), {"os.system", "at byte 2"}},
      {"bare", pickle(x), {"os.system"}},
      {"popped", pickle(x + "0N"), {"os.system"}},
      {"as a key", pickle(dict({{x, none}})), {"os.system"}},
      {"before a fault", pickle(x + "z"), {"os.system"}},
      {"STACK_GLOBAL", pickle("\x8C\x02os\x8C\x06system\x93"), {"os.system"}},
      {"INST", pickle("(ios\nsystem\n"), {"os.system"}},
      {"name with a dot", pickle(global("collections", "OrderedDict.fromkeys")), {"OrderedDict.fromkeys"}},
      {"empty module", pickle(global("", "x")), {".x"}},
      {"look-alike module", pickle(global("\u043es", "system")), {"system"}},
      {"__main__", pickle(global("__main__", "C")), {"__main__.C"}},
      {"call of torch", pickle(call(global("torch", "load"), {text("x")})), {"torch.load", "not allowed"}},
      {"call of numpy", pickle(call(global("numpy", "load"), {text("x")})), {"numpy.load"}},
      {"call of a value", pickle(call(integer(1), {})), {"call of a value of kind integer"}},
      {"arguments in a list", pickle(global("p", "C") + "]R"), {"kind list"}},
      {"getattr of torch",
       pickle(call(global("builtins", "getattr"), {global("torch", "hub"), text("load")})),
       {"getattr"}},
      {"getattr by path", pickle(call(global("builtins", "getattr"), {global("p", "C"), text("a.b")})), {"getattr"}},
      {"another codec", pickle(call(global("_codecs", "encode"), {text("a"), text("rot13")})), {"rot13"}},
      {"bytearray of a size", pickle(call(global("builtins", "bytearray"), {integer(9)})), {"encoded"}},
      {"OrderedDict of a number", pickle(call(global("collections", "OrderedDict"), {integer(9)})), {"OrderedDict"}},
      {"Namespace of something", pickle(call(global("argparse", "Namespace"), {dict({})})), {"Namespace"}},
      {"Size of text", pickle(call(global("torch", "Size"), {list({text("a")})})), {"torch.Size"}},
      {"object array", pickle(call(global("numpy", "dtype"), {text("O8")})), {"objects"}},
      {"BUILD on a list", pickle("]}b"), {"BUILD"}},
      {"key twice", pickle(dict({{text("k"), none}, {text("k"), none}})), {"`k`", "twice"}},
      {"itself",
       pickle("]q\x00h\x00"
              "a"s),
       {"contains itself"}},
      {"itself, popped",
       pickle("]q\x00h\x00"
              "a0N"s),
       {"contains itself"}},
      {"itself as state", pickle(global("p", "C") + ")\x81q\x00h\x00"s + "b"), {"contains itself"}},
  };
  for (const Refused& c : cases) {
    CAPTURE(c.what);
    check_refused([&] { read(c.bytes); }, c.words);
  }
}

TEST_CASE("pickle: depth and growth") {
  const auto nested = [](int depth) {
    return pickle(std::string(static_cast<size_t>(depth), ']') + std::string(static_cast<size_t>(depth - 1), 'a'));
  };
  CHECK_NOTHROW(read(nested(256)));
  check_refused([&] { read(nested(257)); }, {"more than 256 deep"});
  check_refused([&] { read(nested(1'000'000)); }, {"more than 256 deep"});

  // Each level refers to the one before it ten times: 10^k values in some 25 k bytes.
  const auto laughs = [](int levels) {
    Bytes out = "K\x01\x85q\x00"s;
    for (int i = 0; i < levels; ++i) {
      const char index = static_cast<char>(i);
      out += "0(";
      for (int j = 0; j < 10; ++j) out += Bytes("h") + index;
      out += Bytes("tq") + static_cast<char>(i + 1);
    }
    return pickle(out);
  };
  CHECK_NOTHROW(read(laughs(5)));
  check_refused([&] { read(laughs(7)); }, {"unfold"});
}

TEST_CASE("pickle: limits of millions") {
  Bytes pushed_and_popped;
  for (int i = 0; i < 25'000'001; ++i) pushed_and_popped += "N0";
  check_refused([&] { read(pickle(pushed_and_popped)); }, {"more than 50000000 opcodes"});
  check_refused([&] { read(pickle(Bytes(10'000'001, 'N'))); }, {"more than 10000000 values on the stack"});
  check_refused([&] { read(pickle(Bytes(10'000'001, '('))); }, {"more than 10000000 marks"});
}

TEST_CASE("pickle: one after another in a file") {
  const TempFolder folder;
  const std::string large(200'000, 'x');
  const Bytes first = pickle(text(large)), second = pickle(integer(7));
  const InputFile file(folder.put("p", first + second));
  const auto [tree, end] = read_pickle_at(file, 0, {.file = "p"});
  CHECK(tree.text(tree.root) == large);
  CHECK(end == first.size());
  const auto [next, behind] = read_pickle_at(file, end, {.file = "p"});
  CHECK(next.at(next.root).value == 7);
  CHECK(behind == file.size());
  check_refused([&] { read_pickle_at(file, file.size(), {.file = "p"}); }, {format("at byte {}", file.size())});
}
