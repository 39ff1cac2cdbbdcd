#include "spearstorm/ops/rotary_positions.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

TEST_CASE("ops/rotary_positions: the bits of ops/rotary at the same position, on every policy") {
  auto const run = []<class Precision>(std::type_identity<Precision>) {
    for_each_policy<Precision>([]<class Exec>(std::type_identity<Exec>, char const* name) {
      INFO(name);
      ss::workspace<Exec> work;
      ss::inference<Exec> ctx{work};
      auto const x = random_array<batch<>, frames<>, dim<>>({1, 40, 18}, 1);
      for (bool interleaved : {false, true}) {
        auto const all = ctx.download(ss::ops::rotary(ctx, ctx.upload(x), {.heads = 3, .theta = 50, .interleaved = interleaved}));
        ss::array<std::int32_t, batch<>, frames<>> const positions({2, 3}, {0, 7, 39, 38, 12, 7});
        ss::array<double, batch<>, frames<>, dim<>> chosen({2, 3, 18});
        for (ss::index i = 0; i < 6; ++i) std::copy_n(x.data() + positions.data()[i] * 18, 18, chosen.data() + i * 18);
        auto const angles = ss::ops::rotary_positions(ctx, ctx.upload(positions), 6, 50);
        auto const y = ctx.download(ss::ops::rotary_at(ctx, ctx.upload(chosen), angles, 3, interleaved));
        for (ss::index i = 0; i < 6; ++i)
          CHECK(std::equal(y.data() + i * 18, y.data() + (i + 1) * 18, all.data() + positions.data()[i] * 18));
      }
    });
  };
  run(std::type_identity<ss::f32>{});
  run(std::type_identity<ss::f64>{});
}

TEST_CASE("ops/rotary_positions: what does not fit is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const at = ctx.upload(ss::array<std::int32_t, batch<>, frames<>>({1, 2}, {0, 3}));
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 8}));
  CHECK_THROWS_WITH(ss::ops::rotary_positions(ctx, at, 5), "rotary_positions: dim_head = 5, expected an even number");
  CHECK_THROWS_WITH(ss::ops::rotary_positions(ctx, at, 4, 0), "rotary_positions: theta = 0, expected more than 0");
  CHECK_THROWS_WITH(ss::ops::rotary_at(ctx, x, ss::ops::rotary_positions(ctx, at, 6), 1),
                    "rotary_at: input has dim = 8, the angles expects dim = 6");
  auto const negative = ctx.upload(ss::array<std::int32_t, batch<>, frames<>>({1, 1}, -1));
  CHECK_THROWS_AS(ss::ops::rotary_positions(ctx, negative, 4), ss::value_error);
}
