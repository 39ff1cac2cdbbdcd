#include "spearstorm/codec/kmeans.hpp"

#include "catch.hpp"

using namespace spearstorm;

namespace {

/// `groups` clouds of `each` points of deviation 0.1 around corners 3 apart, in turns.
std::vector<float> clouds(std::uint32_t groups, std::uint32_t each) {
  random_stream const draws{.seed = 9};
  std::vector<float> rows;
  for (std::uint32_t i = 0; i < each * groups; ++i) {
    std::uint32_t const group = i % groups;
    rows.push_back(3.0f * static_cast<float>(group % 4) + 0.1f * draws.normal(0, i));
    rows.push_back(3.0f * static_cast<float>(group / 4) + 0.1f * draws.normal(1, i));
  }
  return rows;
}

}  // namespace

TEST_CASE("codec/kmeans: two pairs of points by hand") {
  std::vector<float> const rows{0, 2, 10, 12};
  thread_team team(1);
  auto const found = codec::kmeans(rows, 1, {.codebook_size = 2, .iterations = 3}, team);
  std::vector<float> codes(found.codebook.begin(), found.codebook.end());
  std::ranges::sort(codes);
  CHECK(codes == std::vector<float>{1, 11});
  CHECK(found.counts == std::vector<std::ptrdiff_t>{2, 2});
  CHECK(found.distortion == Approx(1));  // each point lies 1 from its code
}

TEST_CASE("codec/kmeans: finds the clouds") {
  auto const rows = clouds(12, 100);
  thread_team team(1);
  int complete = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    auto const found = codec::kmeans(rows, 2, {.codebook_size = 12, .iterations = 6, .seed = seed}, team);
    CHECK(found.distortion < 0.9);  // a cloud missed adds about 9 / 12 to the 2 * 0.1^2 within clouds; a uniform start misses four
    complete += found.distortion < 0.025 && std::ranges::count(found.counts, 100) == 12;
  }
  CHECK(complete >= 5);
}

TEST_CASE("codec/kmeans: one sample's worth of rows is enough, and is drawn from all of them") {
  auto const rows = clouds(12, 200);
  thread_team team(1);
  auto const found = codec::kmeans(rows, 2, {.codebook_size = 12, .iterations = 6, .sample_rows = 300}, team);
  std::ptrdiff_t total = 0;
  for (auto count : found.counts) total += count;
  CHECK(total == 300);
  CHECK(found.distortion < 0.025);
}

TEST_CASE("codec/kmeans: dead codes come back to life") {
  // 20 points at each of 4 places: 8 codes; without replacement, four duplicates of nothing would keep no row
  std::vector<float> rows;
  for (int i = 0; i < 80; ++i) rows.push_back(static_cast<float>(i % 4));
  for (int i = 0; i < 8; ++i) rows.push_back(100.0f + static_cast<float>(i));  // the crowd that a bad start misses
  thread_team team(1);
  auto const found = codec::kmeans(rows, 1, {.codebook_size = 8, .iterations = 40, .dead_below = 1}, team);
  std::ptrdiff_t alive = 0;
  for (auto count : found.counts) alive += count > 0;
  CHECK(alive == 8);
}

TEST_CASE("codec/kmeans: the same bits for any number of threads, others for another seed") {
  auto const rows = clouds(12, 150);
  thread_team one(1), three(3);
  codec::kmeans_options const options{.codebook_size = 16, .iterations = 4, .seed = 5};
  auto const a = codec::kmeans(rows, 2, options, one), b = codec::kmeans(rows, 2, options, three);
  CHECK(a.codebook == b.codebook);
  CHECK(a.distortion == b.distortion);
  codec::kmeans_options other = options;
  other.seed = 6;
  CHECK_FALSE(codec::kmeans(rows, 2, other, one).codebook == a.codebook);
}

TEST_CASE("codec/kmeans: errors") {
  std::vector<float> const rows(10);
  thread_team team(1);
  CHECK_THROWS_AS(codec::kmeans(rows, 3, {.codebook_size = 2}, team), shape_error);
  CHECK_THROWS_AS(codec::kmeans(rows, 2, {.codebook_size = 6}, team), value_error);
  CHECK_THROWS_AS(codec::kmeans(rows, 2, {.codebook_size = 0}, team), value_error);
  CHECK_NOTHROW(codec::kmeans(rows, 2, {.codebook_size = 5}, team));  // all rows equal
}
