#include "spearstorm/nn/block_list.hpp"

#include <utility>

#include "catch.hpp"

namespace ss = spearstorm;
using ss::index;
using ids = std::vector<std::int32_t>;

namespace {
struct copies {
  std::vector<std::pair<std::int32_t, std::int32_t>>* made;
  void operator()(std::int32_t from, std::int32_t to) const { made->emplace_back(from, to); }
};
}  // namespace

TEST_CASE("nn/block_list: rows grow block by block, forks share, the one that writes first copies the last block") {
  ss::nn::block_list list(4);
  std::vector<std::pair<std::int32_t, std::int32_t>> made;
  auto const grow = [&](index n) { list.reserve_(n, copies{&made}), list.advance_(n); };
  list.add_rows_(1);
  grow(6);
  CHECK(list.blocks(0) == ids{0, 1});
  list.fork_(std::vector<index>{0, 0, 0});
  CHECK(list.in_use() == 2);
  grow(1);  // three rows write frame 6: two copies, the last holder keeps its block
  CHECK(made == std::vector<std::pair<std::int32_t, std::int32_t>>{{1, 2}, {1, 3}});
  CHECK(list.blocks(0) == ids{0, 2});
  CHECK(list.blocks(1) == ids{0, 3});
  CHECK(list.blocks(2) == ids{0, 1});
  grow(1);
  made.clear();
  list.fork_(std::vector<index>{1, 1});  // 8 frames: all blocks full, nothing to copy
  CHECK(list.in_use() == 2);
  grow(1);
  CHECK(made.empty());
  CHECK(list.in_use() == 4);
  CHECK(list.blocks(0)[2] != list.blocks(1)[2]);
  CHECK(list.high_water() == 4);  // freed blocks were used again
}

TEST_CASE("nn/block_list: truncation frees blocks; a shared full block that is cut open is copied before it is written") {
  ss::nn::block_list list(2);
  std::vector<std::pair<std::int32_t, std::int32_t>> made;
  list.add_rows_(1);
  list.reserve_(5, copies{&made}), list.advance_(4);
  CHECK(list.in_use() == 3);
  list.truncate_(0, 4);  // reserved, never written
  CHECK(list.in_use() == 2);
  list.fork_(std::vector<index>{0, 0});
  list.truncate_(0, 3);
  CHECK(list.in_use() == 2);
  list.reserve_(1, copies{&made});
  CHECK(made == std::vector<std::pair<std::int32_t, std::int32_t>>{{1, 2}});
  CHECK(list.blocks(0) == ids{0, 2});
  CHECK(list.blocks(1)[1] == 1);
  list.truncate_(0, 0);
  CHECK(list.blocks(0).empty());
  list.fork_({});
  CHECK(list.rows() == 0);
  CHECK(list.in_use() == 0);
}

TEST_CASE("nn/block_list: what it refuses") {
  ss::nn::block_list list(2);
  list.add_rows_(1);
  CHECK_THROWS_WITH(list.advance_(1), "block_list: advance: count = 1, expected 0 to 0");
  CHECK_THROWS_WITH(list.truncate_(0, 1), "block_list: truncate: length = 1, expected 0 to 0");
  CHECK_THROWS_WITH(list.fork_(std::vector<index>{1}), "block_list: fork: a parent = 1, expected 0 to 0");
  CHECK_THROWS_WITH(list.length(1), "block_list: row = 1, expected 0 to 0");
  CHECK_THROWS_WITH(ss::nn::block_list(0), "block_list: block_frames = 0, expected 1 to 1048576");
}
