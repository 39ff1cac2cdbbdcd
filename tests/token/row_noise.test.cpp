#include "spearstorm/token/row_noise.hpp"

#include <algorithm>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using row = std::vector<float>;

namespace {

float const gone = -std::numeric_limits<float>::infinity();
ss::random_stream const stream{.seed = 0x123456789abcdefull, .step = 7, .stream = 99};

/// What noisy_argmax stands for: all noise exact.
std::int32_t by_all_logarithms(row noisy, std::uint32_t example, std::uint32_t position) {
  for (std::size_t v = 0; v < noisy.size(); ++v)
    if (noisy[v] != gone) noisy[v] += stream.gumbel(example, position + static_cast<std::uint32_t>(v));
  return static_cast<std::int32_t>(std::max_element(noisy.begin(), noisy.end()) - noisy.begin());
}

row logits_of(std::size_t size, std::uint32_t example, float scale) {
  ss::random_stream const draws{3, 1, 4};
  row made;
  for (std::size_t v = 0; v < size; ++v) made.push_back(scale * draws.normal(example, static_cast<std::uint32_t>(v)));
  for (std::size_t v = 0; v < size; v += 3) made[v] = gone;
  made[size / 2] = scale;
  return made;
}

}  // namespace

TEST_CASE("token/row_noise: 64 draws at once are those of the stream") {
  std::uint32_t found[64];
  for (std::uint32_t block : {0u, 5u, 0x3ffffff0u}) {
    token::detail::draw_64(stream, 11, block, found);
    for (std::uint32_t i = 0; i < 64; ++i) CHECK(found[i] == stream.bits(11, 4 * block + i));
  }
}

TEST_CASE("token/row_noise: estimates are near the noise, from the smallest to the largest") {
  auto const exact = [](std::uint32_t bits) { return -std::log(-std::log(ss::random_stream::inside_unit(bits))); };
  float worst = 0;
  for (std::uint32_t bits = 0; bits < 0xfff00000u; bits += 0xfffffu)
    worst = std::max(worst, std::fabs(token::detail::rough_gumbel(bits) - exact(bits)));
  for (std::uint32_t high = 0xfff000u; high <= 0xffffffu; ++high)
    worst = std::max(worst, std::fabs(token::detail::rough_gumbel(high << 8) - exact(high << 8)));
  CHECK(worst < 1e-4f);
}

TEST_CASE("token/row_noise: the winner is that of exact noise, at any length, position and scale") {
  for (std::size_t size : {1u, 5u, 64u, 500u, 1024u})
    for (float scale : {0.0f, 1e-4f, 1.0f, 1e4f, 1e30f, 3e38f})
      for (std::uint32_t draw = 0; draw < 40; ++draw) {
        auto const logits = logits_of(size, draw, scale);
        CHECK(token::detail::noisy_argmax(logits, stream, draw, 977 * draw) == by_all_logarithms(logits, draw, 977 * draw));
      }
  CHECK(token::detail::noisy_argmax(row(70, gone), stream, 0, 0) == 0);
}

TEST_CASE("token/row_noise: of tokens that differ by rounding alone the exact noise decides") {
  for (std::uint32_t draw = 0; draw < 40; ++draw) {
    row logits;
    for (std::uint32_t v = 0; v < 100; ++v) logits.push_back(5.0f - stream.gumbel(draw, v));
    CHECK(token::detail::noisy_argmax(logits, stream, draw, 0) == by_all_logarithms(logits, draw, 0));
  }
}

TEST_CASE("token/row_noise: a draw of the highest 24 bits is the largest noise, not an infinite one") {
  std::uint32_t at = 0;
  while (stream.bits(0, at) < 0xffffff00u) ++at;
  CHECK(stream.gumbel(0, at) == Approx(16.63).epsilon(1e-3));
  std::uint32_t const first = at - std::min(at, 30u);
  auto logits = logits_of(64, 0, 1.0f);
  for (float of_it : {-100.0f, 1.0f, gone}) {
    logits[at - first] = of_it;
    auto const winner = token::detail::noisy_argmax(logits, stream, 0, first);
    CHECK(winner == by_all_logarithms(logits, 0, first));
    CHECK((winner == static_cast<std::int32_t>(at - first)) == (of_it == 1.0f));
  }
}
