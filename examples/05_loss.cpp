// 5. Loss: cross-entropy on the masked tokens of the drawn level. Before training it is ln(codebook).

#include <cmath>
#include <cstdio>

#include "spearstorm/soundstorm.hpp"

namespace ss = spearstorm;

int main() {
  using exec = ss::cpu::simd<>;
  constexpr ss::soundstorm_shape shape{
      .codebook_size = 64, .num_quantizers = 3, .body = {.dim = 64, .depth = 2, .dim_head = 16, .heads = 4, .conv_kernel_size = 5}};
  ss::workspace<exec> work{{.seed = 1}};
  ss::soundstorm::model<shape, exec> const model{work};

  ss::soundstorm::token_batch batch{.codes = ss::token::code_array({4, 50, 3})};
  ss::random_stream const draws{.seed = 3};
  for (ss::index i = 0; i < batch.codes.size(); ++i)
    batch.codes.data()[i] = static_cast<std::int32_t>(draws.below(64, 0, std::uint32_t(i)));

  ss::inference<exec> ctx{work};
  auto const loss = model.loss(ctx, batch);
  double const found = ctx.item(loss.total), expected = std::log(64.0);
  std::printf("loss %.3f on %td tokens, ln(64) = %.3f\n", found, loss.chosen.rows.size(), expected);
  return std::abs(found / expected - 1) < 0.1 ? 0 : 1;
}
