#include "spearstorm/train/epoch_order.hpp"

#include <set>

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::train;

namespace {
using batches_list = std::vector<std::vector<ss::index>>;
auto const by_row = [](ss::index row) { return row; };
}  // namespace

TEST_CASE("train/epoch_order: unshuffled rows follow each other, similar ones together within the window") {
  order_options options{.batch = 2, .shuffle = false, .window = 1};
  CHECK(epoch_order(5, 0, options, by_row) == batches_list{{0, 1}, {2, 3}, {4}});
  options.drop_last = true;
  CHECK(epoch_order(5, 3, options, by_row) == batches_list{{0, 1}, {2, 3}});
  options.drop_last = false;
  options.window = 2;  // four rows a time
  CHECK(epoch_order(6, 0, options, [](ss::index row) { return 10 - row; }) == batches_list{{3, 2}, {1, 0}, {5, 4}});
  CHECK(batches_of(4, options) == 2);
}

TEST_CASE("train/epoch_order: each epoch holds each row once, in an order of its own, over hundreds of shapes") {
  ss::random_stream const shapes{.seed = 2};
  for (std::uint32_t trial = 0; trial < 300; ++trial) {
    ss::index const rows = 1 + shapes.below(60, trial, 0);
    order_options const options{.batch = 1 + shapes.below(9, trial, 1),
                                .seed = trial,
                                .drop_last = shapes.below(2, trial, 2) > 0,
                                .window = 1 + shapes.below(4, trial, 3)};
    auto const cut = epoch_order(rows, trial, options, by_row);
    REQUIRE(static_cast<ss::index>(cut.size()) == batches_of(rows, options));
    std::set<ss::index> seen;
    std::size_t count = 0, full = 0;
    for (auto const& batch : cut) {
      count += batch.size();
      full += static_cast<ss::index>(batch.size()) == options.batch;
      seen.insert(batch.begin(), batch.end());
      if (options.window > 1) REQUIRE(std::ranges::is_sorted(batch));
    }
    REQUIRE(seen.size() == count);
    REQUIRE(static_cast<ss::index>(count) == (options.drop_last ? rows - rows % options.batch : rows));
    REQUIRE(full >= cut.size() - (options.drop_last ? 0 : 1));
    REQUIRE(cut == epoch_order(rows, trial, options, by_row));
  }
  order_options const options{.batch = 4};
  CHECK(epoch_order(40, 0, options, by_row) != epoch_order(40, 1, options, by_row));
}
