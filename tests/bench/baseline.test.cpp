#include "spearstorm/bench/baseline.hpp"

#include "../io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::bench;

TEST_CASE("bench/baseline: kept timings are read back by the next run, to the last bit") {
  test_io::scratch const folder;
  timing const first{"a name, 3 x 4", 5, 0.1, 0.05, 1.0 / 3, 2.0 / 3}, second{"b", 9, 1, 1, 1, 1};
  {
    baseline kept(folder / "kept.txt");
    CHECK(kept.before("b") == nullptr);
    kept.keep_(second);
    kept.keep_(first);
    CHECK(kept.before("b") == nullptr);  // of this run
  }
  baseline const kept(folder / "kept.txt");
  auto const* const found = kept.before("a name, 3 x 4");
  REQUIRE(found != nullptr);
  CHECK(found->runs == 5);
  CHECK(found->median == first.median);
  CHECK(found->least == first.least);
  CHECK(found->low == first.low);
  CHECK(found->high == first.high);
  CHECK(kept.before("b")->runs == 9);
}

TEST_CASE("bench/baseline: a run that measures one thing keeps the others") {
  test_io::scratch const folder;
  test_io::put(folder / "kept.txt", "1 1 1 1 5 old\n2 2 2 2 5 both\n");
  {
    baseline kept(folder / "kept.txt");
    kept.keep_({"both", 6, 3, 3, 3, 3});
    CHECK(kept.before("both")->median == 2);
  }
  CHECK(test_io::content(folder / "kept.txt") == "3 3 3 3 6 both\n1 1 1 1 5 old\n");
}

TEST_CASE("bench/baseline: what cannot be read or kept is named") {
  test_io::scratch const folder;
  test_io::put(folder / "bad.txt", "1 1 1 1 5 good\n1 1 fast\n");
  CHECK_THAT(test_io::what_of<ss::format_error>([&] { baseline{folder / "bad.txt"}; }),
             test_io::contains("bad.txt', line 2: found '1 1 fast'"));
  baseline kept(folder / "new.txt");
  CHECK_THROWS_AS(kept.keep_({"two\nlines", 1, 1, 1, 1, 1}), ss::value_error);
  CHECK_THROWS_AS(kept.keep_({"", 1, 1, 1, 1, 1}), ss::value_error);
}
