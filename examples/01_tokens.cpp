// 1. Tokens: what a codec makes of audio, and what training hides of it.

#include <cstdio>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;

int main() {
  // Two clips of five frames with three levels each, coarse to fine; a codebook of 8 codes per level.
  ss::token::code_array codes({2, 5, 3});
  for (ss::index i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::int32_t>(i * 5 % 8);

  // A draw is a pure function of seed, step and example: the same here, on a GPU, and on the second of two machines.
  ss::random_stream const stream{.seed = 1, .step = 0, .stream = ss::stream_id("example")};
  auto const drawn = ss::token::draw_mask(codes, 8, {}, stream, 0);

  for (ss::index b = 0; b < 2; ++b) {
    std::printf("clip %td: prompt of %td frames, level %td is drawn\n", b, drawn.prompt[std::size_t(b)], drawn.level[std::size_t(b)]);
    for (ss::index level = 0; level < 3; ++level) {
      for (ss::index t = 0; t < 5; ++t) {
        auto const id = drawn.input(b, t, level);
        bool const guess = level == drawn.level[std::size_t(b)] && drawn.target_mask(b, t);
        std::printf("%s%s", id == 8 ? "  ." : ("  " + std::to_string(id)).c_str(), guess ? "?" : " ");
      }
      std::printf("\n");
    }
  }
  auto const chosen = ss::token::chosen_rows(drawn);
  std::printf("%td tokens (?) enter the loss; the rest is shown, or hidden (.) because it is finer than the drawn level\n",
              chosen.rows.size());
  return chosen.rows.size() > 0 ? 0 : 1;
}
