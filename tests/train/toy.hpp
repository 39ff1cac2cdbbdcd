#pragma once
// A model that trains in microseconds: a linear map is to become a known one, seen through noise that is drawn in each pass.

#include "spearstorm/nn/linear.hpp"
#include "spearstorm/ops/sum.hpp"
#include "support/policies.hpp"

namespace test_train {

namespace ss = spearstorm;
using namespace ss::axes;
using exec = test::fastest;

struct toy_batch {
  ss::array<float, rows<>, dim<>> x, y;
};

struct toy_source {
  float poison_at = -1;  ///< the batch that holds a value that is not finite

  struct item {
    toy_batch batch;
    ss::index first_example, tokens;
  };
  item at(ss::index k) const {
    ss::random_stream const draws{7, static_cast<std::uint32_t>(k), 0};
    item made{{ss::array<float, rows<>, dim<>>({4, 3}), ss::array<float, rows<>, dim<>>({4, 2})}, 4 * k, 4};
    for (std::uint32_t i = 0; i < 12; ++i) made.batch.x.data()[i] = draws.normal(0, i);
    for (ss::index r = 0; r < 4; ++r) made.batch.y(r, 0) = made.batch.x(r, 0) - made.batch.x(r, 2), made.batch.y(r, 1) = 0.5f;
    if (static_cast<float>(k) == poison_at) made.batch.y(0, 0) = std::numeric_limits<float>::infinity();
    return made;
  }
};

struct toy_model {
  ss::nn::linear<3, 2, exec> map;

  explicit toy_model(ss::workspace<exec>& work) : map(work) {}

  auto loss(ss::context<exec> auto& ctx, toy_batch const& batch, double noise = 0.1) const {
    auto const draws = ctx.stream("toy/noise");
    double const n = ctx.options().stochastic ? noise * (draws.uniform(ctx.options().first_example, 0) - 0.5) : 0.0;
    auto const miss = ctx.eval(map(ctx, ctx.upload(batch.x)) - ctx.upload(batch.y) + n);  // (rows, dim)
    return ss::ops::mean(ctx, miss * miss);                                        // ()
  }
  static void visit(auto& self, auto&& each) { each("map", self.map); }
};

inline std::vector<float> values_of(auto const& model) {
  std::vector<float> all;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    all.insert(all.end(), host.begin(), host.end());
  });
  return all;
}

}  // namespace test_train
