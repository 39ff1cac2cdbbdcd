// 4. Logits: heads per level, and only the rows that are asked for.

#include <cstdio>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;
using namespace ss::axes;

int main() {
  using exec = ss::counted<ss::cpu::simd<>>;  // a policy that keeps account
  constexpr ss::soundstorm_shape shape{
      .codebook_size = 16, .num_quantizers = 3, .body = {.dim = 32, .depth = 1, .dim_head = 8, .heads = 4, .conv_kernel_size = 5}};
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::network<shape, exec> const net{work};

  ss::inference<exec> ctx{work};
  auto const codes = ctx.upload(ss::token::code_array({1, 20, 3}, 16));            // (batch, frames, levels), all masked
  auto const features = net.trunk(ctx, codes);                                     // (batch, frames, dim)
  auto const rows = ctx.upload(ss::array<std::int32_t, ss::axes::rows<>>({4}, {0, 7, 3, 19}));
  auto const logits = net.logits(ctx, features, rows, {0, 2, 2, 4});               // (rows, vocab): two of level 0, two of level 2
  std::printf("%td rows of %td logits, instead of %d\n", work.exec().counts->logit_rows, logits.cols(), 20 * 3);
  return work.exec().counts->logit_rows == 4 && logits.cols() == 16 ? 0 : 1;
}
