// 2. Embedding: every code of a frame becomes a row of one table; a frame is the sum over its levels.

#include <cstdio>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

int main() {
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work{{.seed = 1}};
  ss::parameter<exec, vocab<>, dim<2>> table(work, {2 * 4, 2}, ss::initialiser::zeros());  // 2 levels of 3 codes and a mask each
  table.assign_(std::vector<float>{1, 0, 2, 0, 3, 0, 0, 0,                                 // level 0: codes 0, 1, 2, mask
                                   0, 1, 0, 2, 0, 3, 0, 9});                               // level 1

  ss::inference<exec> ctx{work};
  auto const ids = ctx.upload(ss::token::code_array({1, 2, 2}, {0, 2, 2, 3}));     // (batch, frames, levels)
  auto const x = ctx.download(ss::ops::embed_sum(ctx, table, ids, {.stride = 4}));  // (batch, frames, dim)
  std::printf("frame 0: (%g, %g)   frame 1, its second level masked: (%g, %g)\n", x(0, 0, 0), x(0, 0, 1), x(0, 1, 0), x(0, 1, 1));
  return x(0, 0, 0) == 1 && x(0, 0, 1) == 3 && x(0, 1, 0) == 3 && x(0, 1, 1) == 9 ? 0 : 1;
}
