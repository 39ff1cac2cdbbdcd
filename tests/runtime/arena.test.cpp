#include "spearstorm/runtime/arena.hpp"

#include <new>
#include <string>

#include "catch.hpp"

namespace ss = spearstorm;

namespace {

struct watched_memory : ss::host_memory {
  inline static int blocks = 0;
  inline static std::size_t limit = ~std::size_t{0};
  static void* allocate(std::size_t bytes) {
    if (bytes > limit) throw std::bad_alloc();
    ++blocks;
    return host_memory::allocate(bytes);
  }
  static void release(void* at) noexcept {
    --blocks;
    host_memory::release(at);
  }
};

constexpr std::size_t mebi = std::size_t{1} << 20;

}  // namespace

TEST_CASE("runtime/arena: neighbours on cache lines, a rewind gives the same place again") {
  ss::arena<> memory;
  auto* const a = static_cast<std::byte*>(memory.allocate(1));
  auto const mark = memory.here();
  auto* const b = static_cast<std::byte*>(memory.allocate(65));
  CHECK(reinterpret_cast<std::uintptr_t>(a) % 64 == 0);
  CHECK(b == a + 64);
  CHECK(memory.in_use() == 64 + 128);
  memory.rewind(mark);
  CHECK(memory.in_use() == 64);
  CHECK(memory.high_water() == 192);
  CHECK(memory.allocate(10) == b);
  CHECK(memory.allocate(0) != memory.allocate(0));  // also nothing has an own address
}

TEST_CASE("runtime/arena: growth adds a block and moves nothing") {
  REQUIRE(watched_memory::blocks == 0);
  {
    ss::arena<watched_memory> memory;
    auto* const first = static_cast<unsigned char*>(memory.allocate(100));
    first[0] = 42;
    CHECK(watched_memory::blocks == 1);
    memory.allocate(3 * mebi);
    CHECK(watched_memory::blocks == 2);
    CHECK(first[0] == 42);
    CHECK(memory.capacity() >= 4 * mebi);
    CHECK(memory.in_use() >= 3 * mebi);
  }
  CHECK(watched_memory::blocks == 0);
}

TEST_CASE("runtime/arena: a rewind across blocks uses them again") {
  ss::arena<watched_memory> memory;
  memory.allocate(100);
  auto const mark = memory.here();
  void* const big = memory.allocate(2 * mebi);
  for (int pass = 0; pass < 5; ++pass) {
    memory.rewind(mark);
    CHECK(memory.allocate(2 * mebi) == big);
  }
  CHECK(watched_memory::blocks == 2);
}

TEST_CASE("runtime/arena: coalesce makes one block, and the same pass fits into it") {
  ss::arena<watched_memory> memory;
  auto const pass = [&] {
    for (std::size_t n : {mebi / 2, mebi, 3 * mebi, mebi / 3}) memory.allocate(n);
    memory.rewind({});
    memory.coalesce();
  };
  pass();
  CHECK(watched_memory::blocks == 1);
  auto const capacity = memory.capacity();
  void* const start = memory.allocate(1);
  memory.rewind({});
  for (int i = 0; i < 3; ++i) pass();
  CHECK(memory.capacity() == capacity);
  CHECK(memory.allocate(1) == start);  // not even a new block of the same size
}

TEST_CASE("runtime/arena: a refused block leaves everything as it was") {
  ss::arena<watched_memory> memory;
  auto* const kept = static_cast<unsigned char*>(memory.allocate(100));
  kept[0] = 7;
  auto const used = memory.in_use();
  watched_memory::limit = 2 * mebi;
  CHECK_THROWS_AS(memory.allocate(5 * mebi), std::bad_alloc);
  watched_memory::limit = ~std::size_t{0};
  CHECK(kept[0] == 7);
  CHECK(memory.allocate(1) != nullptr);
  CHECK(memory.in_use() >= used);
  CHECK_NOTHROW(memory.allocate(5 * mebi));
}

TEST_CASE("runtime/arena: coalescing ends contexts, so a refusal is not thrown out of it") {
  ss::arena<watched_memory> memory;
  memory.allocate(mebi);
  memory.allocate(2 * mebi);
  memory.rewind({});
  watched_memory::limit = 2 * mebi;
  memory.coalesce();
  CHECK(watched_memory::blocks == 0);
  CHECK_NOTHROW(memory.allocate(mebi));
  CHECK_THROWS_AS(memory.allocate(3 * mebi), std::bad_alloc);
  watched_memory::limit = ~std::size_t{0};
  CHECK_NOTHROW(memory.allocate(3 * mebi));
}

TEST_CASE("runtime/memory: a move may overlap, sizes round up to lines") {
  CHECK(ss::aligned(0) == 0);
  CHECK(ss::aligned(1) == 64);
  CHECK(ss::aligned(64) == 64);
  char text[] = "abcdef";
  ss::host_memory::move(text, text + 1, 5);
  CHECK(std::string(text) == "bcdeff");
  ss::host_memory::copy_in(nullptr, nullptr, 0);  // nothing is nothing
  ss::host_memory::copy_out(nullptr, nullptr, 0);
}
