#include "spearstorm/dsp/mfcc.hpp"

#include "catch.hpp"

using namespace spearstorm;

TEST_CASE("dsp/mfcc: two bands by hand") {
  dsp::cosine_transform const transform(2, 2);
  std::vector<float> const frames{3, 1, 5, 5};
  std::vector<float> cepstra(4);
  transform.apply(frames, cepstra);
  float const half = std::sqrt(0.5f);  // of (a, b): (a + b) / sqrt 2 and (a - b) / sqrt 2
  CHECK(cepstra[0] == Approx(4 * half));
  CHECK(cepstra[1] == Approx(2 * half));
  CHECK(cepstra[2] == Approx(10 * half));
  CHECK(cepstra[3] == Approx(0).margin(1e-6));
}

TEST_CASE("dsp/mfcc: the whole transform keeps lengths, fewer coefficients are its first ones") {
  dsp::cosine_transform const whole(40, 40), few(40, 13);
  std::vector<float> frame(40), all(40), some(13);
  float length = 0, kept = 0;
  for (std::size_t m = 0; m < 40; ++m) frame[m] = std::sin(1.3f * static_cast<float>(m * m)), length += frame[m] * frame[m];
  whole.apply(frame, all);
  few.apply(frame, some);
  for (float c : all) kept += c * c;
  CHECK(kept == Approx(length).epsilon(1e-5));
  for (std::size_t k = 0; k < 13; ++k) CHECK(some[k] == all[k]);

  // A cosine of one of its frequencies has one coefficient: that one.
  for (std::size_t m = 0; m < 40; ++m)
    frame[m] = static_cast<float>(std::cos(3.14159265358979 * 7 * (2 * static_cast<double>(m) + 1) / 80));
  whole.apply(frame, all);
  for (std::size_t k = 0; k < 40; ++k) CHECK(all[k] == Approx(k == 7 ? std::sqrt(20.0f) : 0.0f).margin(1e-5));
}

TEST_CASE("dsp/mfcc: deltas by hand") {
  std::vector<float> const rows{0, 1, 4, 9, 16};
  CHECK(dsp::deltas(rows, 1, 1) == std::vector<float>{0.5f, 2, 4, 6, 3.5f});  // half the difference of the neighbours
  auto const wide = dsp::deltas(rows, 1, 2);
  CHECK(wide[2] == Approx((1 * (9 - 1) + 2 * (16 - 0)) / 10.0));
  CHECK(wide[0] == Approx((1 * (1 - 0) + 2 * (4 - 0)) / 10.0));
  CHECK(dsp::deltas(std::vector<float>{}, 3).empty());
  CHECK(dsp::deltas(std::vector<float>{5, 6}, 2) == std::vector<float>{0, 0});  // one frame has no slope
}

TEST_CASE("dsp/mfcc: deltas of a line are its slope, whatever the radius, away from the ends") {
  std::vector<float> rows;
  for (int t = 0; t < 30; ++t) rows.push_back(0.25f * static_cast<float>(t)), rows.push_back(7 - static_cast<float>(t));
  for (spearstorm::index radius : {1, 2, 5}) {
    auto const slopes = dsp::deltas(rows, 2, radius);
    for (std::size_t t = static_cast<std::size_t>(radius); t + static_cast<std::size_t>(radius) < 30; ++t) {
      CHECK(slopes[2 * t] == Approx(0.25));
      CHECK(slopes[2 * t + 1] == Approx(-1));
    }
  }
}

TEST_CASE("dsp/mfcc: errors") {
  CHECK_THROWS_WITH(dsp::cosine_transform(20, 21), "cosine_transform: coefficients = 21, expected 1 to 20");
  CHECK_THROWS_AS(dsp::cosine_transform(0, 1), value_error);
  dsp::cosine_transform const transform(4, 2);
  std::vector<float> const frames(6), whole(8);
  std::vector<float> cepstra(3);
  CHECK_THROWS_AS(transform.apply(frames, cepstra), shape_error);
  CHECK_THROWS_WITH(transform.apply(whole, cepstra), "cosine_transform: cepstra has size = 3, frames expects size = 4");
  CHECK_THROWS_WITH(dsp::deltas(frames, 2, 0), "deltas: radius = 0, expected 1 to 65536");
  CHECK_THROWS_AS(dsp::deltas(frames, 4), shape_error);
}
