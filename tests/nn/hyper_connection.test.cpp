#include "spearstorm/nn/hyper_connection.hpp"

#include "check_op.hpp"
#include "golden.hpp"

using namespace test;
using namespace ss::axes;

using reference = ss::cpu::scalar<ss::f64>;

TEST_CASE("nn/hyper_connection: as it starts, the branch reads one stream and is added to all") {
  ss::workspace<reference> work;
  ss::nn::hyper_connection<ss::dynamic, reference> const connection{work, 2, 3, 4};  // reads stream 4 % 3 = 1
  ss::inference<reference> ctx{work};
  auto const x = ctx.upload(ss::array<double, batch<>, frames<>, streams<>, dim<>>({1, 1, 3, 2}, {1, 2, 3, 4, 5, 6}));
  auto const wide = connection.width(ctx, x);
  auto const read = ctx.download(wide.branch_input);
  CHECK(read.data()[0] == 3);
  CHECK(read.data()[1] == 4);
  auto const branch = ctx.upload(ss::array<double, batch<>, frames<>, dim<>>({1, 1, 2}, {10, 20}));
  auto const y = ctx.download(connection.depth(ctx, branch, wide));
  auto const* at = y.data();
  for (double expected : {11, 22, 13, 24, 15, 26}) CHECK(*at++ == expected);
}

TEST_CASE("nn/hyper_connection: outputs and gradients equal hyper_connections.HyperConnections") {
  golden const file("layer_hyper_connection");
  auto const within = ss::tolerance_of<float>(ss::computed::whole_model);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(policy);
    ss::workspace<Exec> work;
    ss::nn::hyper_connection<ss::dynamic, Exec> layer{work, 10, 3, 0};
    /// Ours is (out, in), the package's (in, out).
    auto const transposed = [](ss::array<float, in<>, out<>> const& theirs) {
      std::vector<float> made;
      for (ss::index o = 0; o < theirs.extent(1); ++o)
        for (ss::index i = 0; i < theirs.extent(0); ++i) made.push_back(theirs(i, o));
      return made;
    };
    auto const matrix = [&](std::string const& name) { return file.get<float, in<>, out<>>(name); };
    auto const vector = [&](std::string const& name) { return file.get<float, rows<>>(name); };
    layer.norm.gamma.assign_(vector("param.norm.gamma").values());
    layer.static_alpha.assign_(matrix("param.static_alpha").values());
    layer.dynamic_alpha_fn.assign_(transposed(matrix("param.dynamic_alpha_fn")));
    layer.dynamic_alpha_scale.assign_(vector("param.dynamic_alpha_scale").values());
    layer.static_beta.assign_(vector("param.static_beta").values());
    layer.dynamic_beta_fn.assign_(vector("param.dynamic_beta_fn").values());
    layer.dynamic_beta_scale.assign_(vector("param.dynamic_beta_scale").values());

    ss::recording<Exec> ctx{work};
    auto const get = [&](std::string const& name) { return file.get<float, batch<>, frames<>, dim<>>(name); };
    auto const get_wide = [&](std::string const& name) { return file.get<float, batch<>, frames<>, streams<>, dim<>>(name); };
    auto const x = ctx.leaf(ctx.upload(get_wide("input.x")));
    auto const branch = ctx.leaf(ctx.upload(get("input.branch")));
    auto const wide = layer.width(ctx, x);
    auto const y = layer.depth(ctx, branch, wide);
    auto const loss = ctx.eval(ss::ops::sum(ctx, wide.branch_input * ctx.upload(get("input.grad_branch_input"))) +
                               ss::ops::sum(ctx, y * ctx.upload(get_wide("grad_out"))));
    auto g = ctx.gradients(loss);
    auto const same = [&](std::string const& what, auto const& found, auto const& expected) {
      test::detail::compare(what, {found.begin(), found.end()}, {expected.begin(), expected.end()}, within);
    };
    same("branch_input", ctx.download(wide.branch_input), get("output.branch_input"));
    auto const none = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>(branch.extents()));
    same("residuals", ctx.download(layer.depth(ctx, none, wide)), get_wide("output.residuals"));
    auto const weights = ctx.download(wide.weights);
    std::vector<float> beta;
    for (ss::index i = 4; i < weights.size(); i += 5) beta.push_back(weights.data()[i]);
    same("beta", beta, get("output.beta"));
    same("y", ctx.download(y), get_wide("output.y"));
    same("gradient of x", ctx.download(g.of(x)), get_wide("grad_in.x"));
    same("gradient of branch", ctx.download(g.of(branch)), get("grad_in.branch"));
    same("norm.gamma", g.to_host(layer.norm.gamma), vector("grad.norm.gamma"));
    same("static_alpha", g.to_host(layer.static_alpha), matrix("grad.static_alpha"));
    same("dynamic_alpha_fn", g.to_host(layer.dynamic_alpha_fn), transposed(matrix("grad.dynamic_alpha_fn")));
    same("dynamic_alpha_scale", g.to_host(layer.dynamic_alpha_scale), vector("grad.dynamic_alpha_scale"));
    same("static_beta", g.to_host(layer.static_beta), vector("grad.static_beta"));
    same("dynamic_beta_fn", g.to_host(layer.dynamic_beta_fn), vector("grad.dynamic_beta_fn"));
    same("dynamic_beta_scale", g.to_host(layer.dynamic_beta_scale), vector("grad.dynamic_beta_scale"));
  });
}

TEST_CASE("nn/hyper_connection: frames do not see each other") {
  ss::workspace<fastest> work{{.seed = 3}};
  ss::nn::hyper_connection<ss::dynamic, fastest> layer{work, 9, 2, 1};
  auto const noise = random_array<rows<>>({27}, 8, 0.3);
  layer.dynamic_alpha_fn.assign_(std::vector<float>(noise.begin(), noise.end()));
  layer.dynamic_beta_fn.assign_(std::vector<float>(noise.begin(), noise.begin() + 9));
  auto const run = [&](double last) {
    auto host = random_array<batch<>, frames<>, streams<>, dim<>>({1, 3, 2, 9}, 2);
    for (ss::index i = 36; i < 54; ++i) host.data()[i] = last;
    ss::inference<fastest> ctx{work};
    auto const wide = layer.width(ctx, ctx.upload(host));
    auto const y = ctx.download(layer.depth(ctx, wide.branch_input, wide));
    return std::vector<float>(y.begin(), y.begin() + 36);
  };
  CHECK(run(1) == run(-50));
}

TEST_CASE("nn/hyper_connection: another number of streams and sizes below one are named") {
  ss::workspace<fastest> work;
  ss::nn::hyper_connection<ss::dynamic, fastest> const layer{work, 4, 3, 0};
  ss::inference<fastest> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, streams<>, dim<>>({1, 1, 2, 4}));
  CHECK_THROWS_WITH(layer.width(ctx, x), "hyper_connection: residuals has streams = 2, the layer expects streams = 3");
  CHECK_THROWS_WITH((ss::nn::hyper_connection<ss::dynamic, fastest>{work, 4, 0, 0}), "hyper_connection: streams = 0, expected 1 or more");
  CHECK_THROWS_WITH((ss::nn::hyper_connection<ss::dynamic, fastest>{work, 4, 2, -1}), "hyper_connection: layer = -1, expected 0 or more");
}
