#include "spearstorm/codec/residual_kmeans.hpp"

#include "catch.hpp"

using namespace spearstorm;

namespace {
codec::residual_kmeans tens_and_ones() {
  return codec::residual_kmeans(codec::residual_kmeans::codebooks_type({2, 3, 1}, {0, 10, 20, -1, 0, 1}));
}
}  // namespace

TEST_CASE("codec/residual_kmeans: tens and ones by hand") {
  auto const quantizer = tens_and_ones();
  std::vector<float> const rows{11, 9.2f, 20.1f, -3};
  auto const codes = quantizer.encode(rows);
  CHECK(codes == codec::audio_codes({4, 2}, {1, 2, 1, 0, 2, 1, 0, 0}));
  CHECK(quantizer.decode(codes, 2) == std::vector<float>{11, 9, 20, -1});
  CHECK(quantizer.decode(codes, 1) == std::vector<float>{10, 10, 20, 0});
}

TEST_CASE("codec/residual_kmeans: each learned level brings rows closer") {
  random_stream const draws{.seed = 4};
  std::vector<float> rows(600 * 6);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = draws.normal(0, static_cast<std::uint32_t>(i));
  thread_team team(2);
  auto const quantizer = codec::residual_kmeans::learn(rows, 6, 4, {.codebook_size = 16, .iterations = 5}, team);
  REQUIRE(quantizer.levels() == 4);
  auto const codes = quantizer.encode(rows);
  double before = 1;
  for (std::ptrdiff_t levels = 1; levels <= 4; ++levels) {
    auto const found = quantizer.decode(codes, levels);
    double error = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) error += static_cast<double>((found[i] - rows[i]) * (found[i] - rows[i]));
    error /= static_cast<double>(rows.size());
    INFO(levels << " levels: " << error);
    CHECK(error < 0.75 * before);  // 4 bits over 6 dimensions: 2^(-2 * 4 / 6) = 0.4 at best
    before = error;
  }
  thread_team one(1);
  CHECK(codec::residual_kmeans::learn(rows, 6, 4, {.codebook_size = 16, .iterations = 5}, one).codebooks() == quantizer.codebooks());
}

TEST_CASE("codec/residual_kmeans: errors") {
  auto const quantizer = tens_and_ones();
  CHECK_THROWS_AS(quantizer.decode(codec::audio_codes({1, 2}), 3), value_error);
  CHECK_THROWS_AS(quantizer.decode(codec::audio_codes({1, 1}), 2), shape_error);
  CHECK_THROWS_WITH(quantizer.decode(codec::audio_codes({1, 1}, 3), 1), "residual_kmeans::decode: id = 3, expected 0 to 2");
  CHECK_THROWS_AS(quantizer.decode(codec::audio_codes({1, 1}, -1), 1), value_error);
  CHECK_THROWS_AS(codec::residual_kmeans(codec::residual_kmeans::codebooks_type({0, 3, 1})), value_error);
  CHECK_THROWS_AS(codec::residual_kmeans(codec::residual_kmeans::codebooks_type({1, 1, 1}, NAN)), value_error);
  CHECK(quantizer.encode({}).extent(0) == 0);
}
