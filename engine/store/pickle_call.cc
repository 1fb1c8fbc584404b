// What a call of a known global means. Arguments are exact: a call that Python would read otherwise is refused.
#include "base/error.h"
#include "base/text.h"
#include "store/pickle_build.h"

namespace tessera {
namespace {

// The code points of UTF-8 text as bytes, if all are below 256.
std::optional<std::string> latin1(std::string_view utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      out += utf8[i];
    } else if (c <= 0xC3 && i + 1 < utf8.size()) {
      out += static_cast<char>((c & 0x03) << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3F));
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

void PickleBuilder::wrong_arguments(PickleId callee) const {
  fail(format("{} is called with arguments that it does not take", describe(callee)));
}

PickleId PickleBuilder::call(PickleId callee, PickleId arguments) {
  if (!tree.is(callee, PickleKind::symbol)) fail(format("a call of {}", describe(callee)));
  if (!tree.is(arguments, PickleKind::tuple)) fail(format("a call with {} for its arguments", describe(arguments)));
  return apply(callee, Items(charged(arguments)));
}

// Functions are no types, and what __init__ would make of arguments is not done.
PickleId PickleBuilder::construct(PickleId type, PickleId arguments) {
  if (tree.is(type, PickleKind::symbol) && tree.is(arguments, PickleKind::tuple)) {
    if (is_function(use_of(type))) fail(format("makes an object of {}, which is a function", describe(type)));
    if (is_filled_by_init(use_of(type)) && !tree.items(arguments).empty()) wrong_arguments(type);
  }
  return call(type, arguments);
}

PickleId PickleBuilder::call_with_keywords(PickleId callee, PickleId arguments, PickleId keywords) {
  const PickleId made = construct(callee, arguments);
  if (!tree.is(keywords, PickleKind::dict)) fail("keywords that are no dict");
  if (tree.items(keywords).empty()) return made;
  if (!tree.is(made, PickleKind::opaque)) wrong_arguments(callee);
  tree.opaques[tree.at(made).index].items.push_back(keywords);
  return made;
}

PickleId PickleBuilder::apply(PickleId callee, const Items& arguments) {
  switch (use_of(callee)) {
    case GlobalUse::inert: {
      const std::string_view kind = unsupported_kind(tree.symbol(callee).name);
      fail(format("calls {}, which is not allowed{}{}", describe(callee), kind.empty() ? "" : ": ", kind));
    }
    case GlobalUse::opaque:
    case GlobalUse::package:
      for (PickleId argument : arguments)
        if (tree.is(argument, PickleKind::storage))
          fail(format("calls {} with a storage: no known way to make a tensor", describe(callee)));
      return opaque(tree.symbol(callee), arguments);
    case GlobalUse::rebuild_tensor:
    case GlobalUse::rebuild_tensor_v2:
    case GlobalUse::rebuild_tensor_v3:
      return rebuild_tensor(callee, arguments);
    case GlobalUse::rebuild_parameter:
    case GlobalUse::rebuild_parameter_with_state:
      return rebuild_parameter(callee, arguments);
    case GlobalUse::rebuild_from_type:
      return rebuild_from_type(callee, arguments);
    case GlobalUse::size:
      return size(arguments);
    case GlobalUse::attributes:
    case GlobalUse::ordered_dict:
    case GlobalUse::default_dict:
    case GlobalUse::counter:
    case GlobalUse::dict:
      return make_dict(callee, arguments);
    case GlobalUse::set:
    case GlobalUse::frozenset:
    case GlobalUse::list:
    case GlobalUse::tuple:
      return make_sequence(callee, arguments);
    case GlobalUse::bytes:
    case GlobalUse::bytearray:
      return make_bytes(callee, arguments);
    case GlobalUse::encode:
      return encode(arguments);
    case GlobalUse::getattr:
      return member_of(arguments);
    case GlobalUse::reconstructor:
      return reconstruct(arguments);
    case GlobalUse::numpy_dtype:
      return numpy_dtype(callee, arguments);
  }
  wrong_arguments(callee);
}

PickleId PickleBuilder::make_dict(PickleId callee, const Items& arguments) {
  const GlobalUse use = use_of(callee);
  const bool has_factory = use == GlobalUse::default_dict && !arguments.empty();
  if (has_factory && !tree.is(arguments[0], PickleKind::symbol) && !tree.is(arguments[0], PickleKind::none))
    wrong_arguments(callee);
  const std::span<const PickleId> rest = std::span(arguments).subspan(has_factory ? 1 : 0);
  if (rest.size() > 1 || (use == GlobalUse::attributes && !rest.empty())) wrong_arguments(callee);
  const PickleId dict = container(PickleKind::dict, {});
  tree.nodes[dict].attributes = use == GlobalUse::attributes;
  if (rest.empty()) return dict;
  if (use == GlobalUse::counter && !tree.is(rest[0], PickleKind::dict)) wrong_arguments(callee);  // would count
  if (tree.is(rest[0], PickleKind::dict)) {
    set_items(dict, Items(charged(rest[0])));
    return dict;
  }
  if (!is_sequence(rest[0])) wrong_arguments(callee);
  for (PickleId pair : Items(charged(rest[0]))) {
    if (!is_sequence(pair) || charged(pair).size() != 2) wrong_arguments(callee);
    set_items(dict, Items(tree.items(pair)));
  }
  return dict;
}

PickleId PickleBuilder::make_sequence(PickleId callee, const Items& arguments) {
  Items items;
  if (arguments.size() > 1) wrong_arguments(callee);
  if (arguments.size() == 1) {
    if (!is_sequence(arguments[0]) && !tree.is(arguments[0], PickleKind::set)) wrong_arguments(callee);
    items = charged(arguments[0]);
  }
  switch (use_of(callee)) {
    case GlobalUse::frozenset:
      return frozenset(std::move(items));
    case GlobalUse::set:
      return container(PickleKind::set, std::move(items));
    case GlobalUse::tuple:
      return container(PickleKind::tuple, std::move(items));
    default:
      return container(PickleKind::list, std::move(items));
  }
}

PickleId PickleBuilder::make_bytes(PickleId callee, const Items& arguments) {
  const bool array = use_of(callee) == GlobalUse::bytearray;
  if (arguments.empty()) return array ? byte_array({}) : bytes({});
  if (!array) wrong_arguments(callee);
  const bool ready = arguments.size() == 1 && tree.is(arguments[0], PickleKind::bytes);
  return byte_array(tree.text(ready ? arguments[0] : encode(arguments)));
}

PickleId PickleBuilder::encode(const Items& arguments) {
  if (arguments.size() != 2 || !tree.is(arguments[0], PickleKind::text) || !tree.is(arguments[1], PickleKind::text))
    fail("text to be encoded is wanted with a codec");
  const std::string_view codec = tree.text(arguments[1]);
  if (codec != "latin1" && codec != "latin-1") fail(format("the codec {} (only latin1 is read)", escape(codec)));
  charge(tree.text(arguments[0]).size());
  std::optional<std::string> raw = latin1(tree.text(arguments[0]));
  if (!raw) fail("text that does not fit latin1");
  return bytes(keep(std::move(*raw)));
}

PickleId PickleBuilder::size(const Items& arguments) {
  if (arguments.size() != 1 || !is_sequence(arguments[0])) fail("torch.Size is wanted of a list of integers");
  const Items items = charged(arguments[0]);
  for (PickleId item : items)
    if (!tree.is(item, PickleKind::integer)) fail(format("torch.Size of {}", describe(item)));
  return container(PickleKind::tuple, items);
}

// An enum's member by its name, as some Pythons write it.
PickleId PickleBuilder::member_of(const Items& arguments) {
  const bool named =
      arguments.size() == 2 && tree.is(arguments[0], PickleKind::symbol) && tree.is(arguments[1], PickleKind::text);
  if (!named || use_of(arguments[0]) != GlobalUse::package || !is_identifier(tree.text(arguments[1])))
    fail("getattr of anything but an enum of another package");
  const PickleSymbol of = tree.symbol(arguments[0]);
  charge(of.name.size() + tree.text(arguments[1]).size());
  return opaque({of.module, keep(format("{}.{}", of.name, tree.text(arguments[1])))}, {});
}

PickleId PickleBuilder::reconstruct(const Items& arguments) {
  const bool of_symbol = arguments.size() == 3 && tree.is(arguments[0], PickleKind::symbol);
  if (of_symbol && use_of(arguments[0]) == GlobalUse::attributes && tree.is(arguments[2], PickleKind::none))
    return make_dict(arguments[0], {});
  if (!of_symbol || use_of(arguments[0]) != GlobalUse::package)
    fail("copyreg._reconstructor of anything but a class of another package");
  return opaque(tree.symbol(arguments[0]), {arguments[2]});
}

PickleId PickleBuilder::numpy_dtype(PickleId callee, const Items& arguments) {
  if (arguments.empty() || !tree.is(arguments[0], PickleKind::text)) wrong_arguments(callee);
  const std::string_view type = tree.text(arguments[0]);
  if (type.find('O') != type.npos || type.starts_with("object")) fail("a numpy array of objects");
  return opaque(tree.symbol(callee), arguments);
}

}  // namespace tessera
