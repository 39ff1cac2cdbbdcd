#include "spearstorm/nn/rms_norm.hpp"

#include "check_op.hpp"
#include "golden.hpp"

using namespace test;
using namespace ss::axes;

namespace {

void compare_with_package(std::string const& name, double offset) {
  golden const file(name);
  auto const within = ss::tolerance_of<float>(ss::computed::reduction);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(name << " on " << policy);
    ss::workspace<Exec> work;
    ss::nn::rms_norm<ss::dynamic, Exec> norm{work, 7, offset};
    norm.gamma.assign_(file.get<float, dim<>>("param.gamma").values());
    ss::recording<Exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(file.get<float, batch<>, frames<>, dim<>>("input.x")));
    auto const y = norm(ctx, x);
    auto g = ctx.gradients(ss::ops::sum(ctx, y * ctx.upload(file.get<float, batch<>, frames<>, dim<>>("grad_out"))));
    auto const same = [&](std::string const& what, auto const& found) {
      auto const expected = file.read<rows<>>(what, {found.size()});
      test::detail::compare(what, {found.begin(), found.end()}, {expected.begin(), expected.end()}, within);
    };
    same("output.y", ctx.download(y));
    same("grad_in.x", ctx.download(g.of(x)));
    same("grad.gamma", g.to_host(norm.gamma));
  });
}

}  // namespace

TEST_CASE("nn/rms_norm: output and gradients equal gateloop_transformer's and hyper_connections' RMSNorm") {
  compare_with_package("op_rms_norm", 0);
  compare_with_package("op_rms_norm_offset", 1);
}

TEST_CASE("nn/rms_norm: it starts as a factor of one, whatever the offset") {
  ss::workspace<fastest> work;
  ss::inference<fastest> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 1, 2}, {3, 4}));
  for (double offset : {0.0, 1.0, 0.5}) {
    INFO("offset " << offset);
    ss::nn::rms_norm<2, fastest> const norm{work, 2, offset};
    auto const y = ctx.download(norm(ctx, ss::view<batch<>, frames<>, dim<2>>(x)));
    CHECK(y(0, 0, 0) == Approx(0.6 * std::sqrt(2.0)));
    CHECK(y(0, 0, 1) == Approx(0.8 * std::sqrt(2.0)));
  }
}
