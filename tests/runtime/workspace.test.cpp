#include "spearstorm/runtime/workspace.hpp"

#include "catch.hpp"
#include "policies.hpp"

namespace ss = spearstorm;
using exec = ss::cpu::scalar<>;

TEST_CASE("runtime/workspace: serials nest, and end with the one around them") {
  ss::workspace<exec> work;
  CHECK_FALSE(work.busy());
  auto const outer = work.open(), inner = work.open();
  CHECK(outer != inner);
  CHECK(work.busy());
  CHECK(work.position(outer) == 0);
  CHECK(work.position(inner) == 1);
  CHECK(work.is_innermost(inner));
  CHECK_FALSE(work.is_innermost(outer));
  work.close(inner);
  CHECK(work.position(inner) == -1);
  CHECK(work.is_innermost(outer));
  auto const again = work.open();
  CHECK(again != inner);  // never twice: a stale handle is not mistaken for a new one
  work.close(outer);
  CHECK(work.position(again) == -1);
  CHECK_FALSE(work.busy());
}

TEST_CASE("runtime/workspace: serials of two workspaces differ") {
  ss::workspace<exec> first, second;
  auto const a = first.open(), b = second.open();
  CHECK(a != b);
  CHECK(first.position(b) == -1);
  CHECK(second.position(a) == -1);
}

TEST_CASE("runtime/workspace: closing what is not open changes nothing") {
  ss::workspace<exec> work;
  auto const open = work.open(), gone = work.open();
  work.close(gone);
  work.close(gone);
  CHECK(work.position(open) == 0);
}

TEST_CASE("runtime/workspace: the random state steps, repeats and is restored") {
  ss::workspace<exec> work{{.seed = 5}};
  CHECK(work.random() == ss::random_state{5, 0, 0});
  CHECK(work.begin_step() == 0);
  CHECK(work.begin_step() == 1);
  auto const first = work.next_initialiser(), second = work.next_initialiser();
  CHECK(first.stream != second.stream);
  auto const saved = work.random();
  CHECK(saved == ss::random_state{5, 2, 2});
  work.begin_step();
  work.restore_(saved);
  CHECK(work.begin_step() == 2);
  ss::workspace<exec> other{{.seed = 5}};
  CHECK(other.next_initialiser().bits(0, 0) == first.bits(0, 0));
}

TEST_CASE("runtime/workspace: the policies are policies") {
  STATIC_REQUIRE(ss::execution_policy<exec>);
  STATIC_REQUIRE_FALSE(ss::execution_policy<int>);
  CHECK(ss::workspace<exec>{{.threads = 3}}.team().size() == 3);
}
