// The network with products of bfloat16: near the packages' values in float, and as good to train.
#include "golden_model.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/soundstorm/model.hpp"

using namespace test;
using namespace ss::axes;

#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)

namespace {

using mixed = ss::cpu::simd<ss::bf16_mixed>;

constexpr ss::soundstorm_shape small{.codebook_size = 16,
                                     .num_quantizers = 2,
                                     .body = {.dim = 32, .depth = 2, .dim_head = 16, .heads = 2, .ff_mult = 2, .conv_kernel_size = 5}};

/// |found - expected| / |expected| over all elements.
double relative_distance(std::vector<float> const& found, std::vector<float> const& expected) {
  double apart = 0, all = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const want = static_cast<double>(expected[i]), is = static_cast<double>(found[i]);
    apart += (is - want) * (is - want), all += want * want;
  }
  return std::sqrt(apart / all);
}

/// Codes that can be learned: each level counts up from a start of its own, at one of four speeds.
ss::token::code_array counting(ss::index batch, ss::index step) {
  ss::token::code_array codes({batch, 24, 2});
  ss::random_stream const draws{7, 0, static_cast<std::uint32_t>(step)};
  for (ss::index b = 0; b < batch; ++b) {
    auto const speed = 1 + draws.below(4, 0, static_cast<std::uint32_t>(2 * b)),
               start = draws.below(16, 0, static_cast<std::uint32_t>(2 * b + 1));
    for (ss::index t = 0; t < 24; ++t)
      for (ss::index q = 0; q < 2; ++q)
        codes(b, t, q) = static_cast<std::int32_t>((start + speed * static_cast<std::uint32_t>(t * (q + 1))) % 16);
  }
  return codes;
}

/// The mean loss over the last 100 of 600 steps.
template <class Exec>
double train() {
  ss::workspace<Exec> work{{.seed = 3}};
  ss::soundstorm::model<ss::dynamic_soundstorm, Exec> model{work, small};
  ss::optim::adamw<Exec> adam{{.rate = 3e-3}};
  double late = 0;
  for (ss::index step = 0; step < 600; ++step) {
    ss::recording<Exec> ctx{work};
    auto const loss = model.loss(ctx, ss::soundstorm::token_batch{counting(8, step)});
    auto gradients = ctx.gradients(loss.total);
    adam.step_(work, model, gradients);
    if (step >= 500) late += ctx.item(loss.total) / 100;
  }
  return late;
}

}  // namespace

TEST_CASE("soundstorm/bf16_mixed: logits, loss and gradients lie near soundstorm-pytorch 0.4.11 in float") {
  golden_model const file("conformer_wrapper");
  auto const codes = file.get<std::int32_t, batch<>, frames<>, levels<>>("input.codes");
  auto const expected = file.get<float, batch<>, frames<>, levels<>, vocab<>>("output.logits");
  ss::workspace<mixed> work;
  ss::soundstorm::network<ss::dynamic_soundstorm, mixed> net{
      work,
      {.codebook_size = 11,
       .num_quantizers = 3,
       .body = {.dim = 16, .depth = 2, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}}};
  file.load(net);
  ss::index const n = codes.extent(0) * codes.extent(1);
  ss::array<std::int32_t, rows<>> all({3 * n});
  for (ss::index i = 0; i < all.size(); ++i) all(i) = static_cast<std::int32_t>(i % n);
  std::vector<ss::index> const offsets{0, n, 2 * n, 3 * n};
  ss::inference<mixed> ctx{work};
  auto const logits = ctx.download(net.logits(ctx, net.trunk(ctx, ctx.upload(codes)), ctx.upload(all), offsets));
  double apart = 0;
  for (ss::index level = 0; level < 3; ++level)
    for (ss::index i = 0; i < n; ++i)
      for (ss::index v = 0; v < 11; ++v) {
        double const found = logits(level * n + i, v), want = expected.data()[(i * 3 + level) * 11 + v];
        CHECK(ss::agree(found, want, ss::tolerance_of<float>(ss::computed::mixed_model)));
        apart = std::max(apart, std::abs(found - want));
      }
  CHECK(apart > 1e-5);  // the factors are rounded indeed
}

TEST_CASE("soundstorm/bf16_mixed: gradients point where those of float do") {
  auto const gradients_of = []<class Exec>(std::type_identity<Exec>) {
    ss::workspace<Exec> work{{.seed = 3}};
    ss::soundstorm::model<ss::dynamic_soundstorm, Exec> model{work, small};
    ss::recording<Exec> ctx{work};
    auto const loss = model.loss(ctx, ss::soundstorm::token_batch{counting(8, 0)});
    auto gradients = ctx.gradients(loss.total);
    std::vector<float> all;
    ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
      if (auto const* const g = gradients.of(p)) all.insert(all.end(), g, g + p.size());
    });
    return all;
  };
  auto const found = gradients_of(std::type_identity<mixed>{}), wanted = gradients_of(std::type_identity<fastest>{});
  REQUIRE(found.size() == wanted.size());
  double const apart = relative_distance(found, wanted);
  CHECK(apart < 0.02);
  CHECK(apart > 1e-5);
}

TEST_CASE("soundstorm/bf16_mixed: a training run ends within one percent of the loss in float") {
  double const wide = train<fastest>(), narrow = train<mixed>();
  INFO("float " << wide << " bf16_mixed " << narrow);
  CHECK(wide < 2.0);  // log 16 is 2.77, and much of it must stay where most is masked
  CHECK(std::abs(narrow - wide) < 0.01 * wide);
}

#endif
