// What is written to memory is what is read from it.
#include <doctest/doctest.h>

#include <cstring>

#include "store/memory.h"

using namespace tessera;

TEST_CASE("memory: written by one interface, read by the other") {
  OutputSpec spec;
  spec.mesh = {2, 1, 1, 1, 1};
  spec.places = {{{0}, "mp_rank_00"}, {{1}, "mp_rank_01"}};
  spec.tensors = {{"a", DType::i32, {2}, 0}, {"b", DType::u8, {0}, 0}, {"a", DType::u8, {3}, 1}};
  spec.config["key"] = 1;
  MemoryWriter writer(spec);
  CHECK(writer.places()[2].offset == 8);
  CHECK(writer.files().at(0).bytes == 11);
  const std::string four = "0123", more = "4567", three = "xyz";
  writer.write(0, 0, std::as_bytes(std::span(four)));
  writer.write(0, 4, std::as_bytes(std::span(more)));
  writer.write(2, 0, std::as_bytes(std::span(three)));
  writer.finish(false);

  const MemoryCheckpoint read = writer.take();
  CHECK(read.contents().format == "memory");
  CHECK(read.contents().mesh == spec.mesh);
  CHECK(read.contents().places[1].label == "mp_rank_01");
  CHECK(read.contents().config.find("key"));
  REQUIRE(read.contents().tensors.size() == 3);
  CHECK(read.contents().tensors[2].place == 1);
  CHECK(std::memcmp(read.bytes(0).data(), "01234567", 8) == 0);
  CHECK(read.bytes(1).empty());
  std::byte one{};
  read.read(read.contents().tensors[2].chunks[0].storage, 1, {&one, 1});
  CHECK(one == std::byte{'y'});
}
