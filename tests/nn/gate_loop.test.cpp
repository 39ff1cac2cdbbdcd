#include "spearstorm/nn/gate_loop.hpp"

#include "check_op.hpp"
#include "golden.hpp"

using namespace test;
using namespace ss::axes;

namespace {

template <class Exec>
using layer_of = ss::nn::gate_loop<ss::dynamic, Exec>;

/// A third of to_qkva's rows.
std::vector<float> third(golden const& file, std::string const& name, ss::index which) {
  auto const whole = file.get<float, out<>, in<>>(name);
  auto const size = whole.size() / 3;
  return {whole.begin() + which * size, whole.begin() + (which + 1) * size};
}

void compare_with_package(std::string const& name, ss::nn::gate_loop_options options) {
  golden const file(name);
  auto const within = ss::tolerance_of<float>(ss::computed::whole_model);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(name << " on " << policy);
    ss::workspace<Exec> work;
    layer_of<Exec> layer{work, 11, options};
    layer.to_q.weight.assign_(third(file, "param.to_qkva.0.weight", 0));
    layer.to_kv.weight.assign_(third(file, "param.to_qkva.0.weight", 1));
    layer.to_a.weight.assign_(third(file, "param.to_qkva.0.weight", 2));
    if (options.prenorm) layer.norm->gamma.assign_(file.get<float, dim<>>("param.norm.gamma").values());
    if (options.post_ln) {
      layer.post_ln->gamma.assign_(file.get<float, dim<>>("param.maybe_post_ln.weight").values());
      layer.post_ln->beta.assign_(file.get<float, dim<>>("param.maybe_post_ln.bias").values());
    }

    ss::recording<Exec> ctx{work};
    auto const x = ctx.leaf(ctx.upload(file.get<float, batch<>, frames<>, dim<>>("input.x")));
    auto const y = layer(ctx, x);
    auto g = ctx.gradients(ss::ops::sum(ctx, y * ctx.upload(file.get<float, batch<>, frames<>, dim<>>("grad_out"))));
    auto const same = [&](std::string const& what, auto const& found, auto const& expected) {
      test::detail::compare(what, {found.begin(), found.end()}, {expected.begin(), expected.end()}, within);
    };
    auto const vector = [&](std::string const& what) { return file.get<float, dim<>>(what); };
    same("output", ctx.download(y), file.get<float, batch<>, frames<>, dim<>>("output.y"));
    same("input gradient", ctx.download(g.of(x)), file.get<float, batch<>, frames<>, dim<>>("grad_in.x"));
    same("to_q", g.to_host(layer.to_q.weight), third(file, "grad.to_qkva.0.weight", 0));
    same("to_kv", g.to_host(layer.to_kv.weight), third(file, "grad.to_qkva.0.weight", 1));
    same("to_a", g.to_host(layer.to_a.weight), third(file, "grad.to_qkva.0.weight", 2));
    if (options.prenorm) same("norm.gamma", g.to_host(layer.norm->gamma), vector("grad.norm.gamma"));
    if (options.post_ln) {
      same("post_ln.gamma", g.to_host(layer.post_ln->gamma), vector("grad.maybe_post_ln.weight"));
      same("post_ln.beta", g.to_host(layer.post_ln->beta), vector("grad.maybe_post_ln.bias"));
    }
  });
}

}  // namespace

TEST_CASE("nn/gate_loop: output and gradients equal SimpleGateLoopLayer") {
  compare_with_package("layer_gate_loop", {});
  compare_with_package("layer_gate_loop_reverse", {.reverse = true});
  compare_with_package("layer_gate_loop_post_ln", {.prenorm = false, .post_ln = true});
}

TEST_CASE("nn/gate_loop: frame after frame with the state handed on gives the full pass") {
  ss::workspace<fastest> work{{.seed = 4}};
  layer_of<fastest> const layer{work, 19, {.post_ln = true}};
  ss::inference<fastest> ctx{work};
  auto const host = random_array<batch<>, frames<>, dim<>>({2, 6, 19}, 5);
  auto const full = ctx.download(layer(ctx, ctx.upload(host)));
  std::optional<layer_of<fastest>::state> state;
  ss::index first = 0;
  for (ss::index count : {1, 3, 1, 1}) {
    ss::array<double, batch<>, frames<>, dim<>> part({2, count, 19});
    for (ss::index b = 0; b < 2; ++b)
      for (ss::index t = 0; t < count; ++t)
        for (ss::index j = 0; j < 19; ++j) part(b, t, j) = host(b, first + t, j);
    auto const made = layer.step(ctx, ctx.upload(part), state);
    auto const y = ctx.download(made.y);
    ss::index wrong = 0;
    for (ss::index b = 0; b < 2; ++b)
      for (ss::index t = 0; t < count; ++t)
        for (ss::index j = 0; j < 19; ++j)
          wrong += !ss::agree(y(b, t, j), full(b, first + t, j), ss::tolerance_of<float>(ss::computed::reduction));
    CHECK(wrong == 0);
    state = made.state;
    first += count;
  }
}

TEST_CASE("nn/gate_loop: forth and back are mirror images") {
  ss::workspace<fastest> work{{.seed = 4}}, same{{.seed = 4}};
  layer_of<fastest> const forth{work, 8}, back{same, 8, {.reverse = true}};
  auto const host = random_array<batch<>, frames<>, dim<>>({1, 5, 8}, 5);
  auto mirrored = host;
  for (ss::index t = 0; t < 5; ++t)
    for (ss::index j = 0; j < 8; ++j) mirrored(0, t, j) = host(0, 4 - t, j);
  ss::inference<fastest> one{work}, other{same};
  auto const y = one.download(forth(one, one.upload(host))), z = other.download(back(other, other.upload(mirrored)));
  ss::index wrong = 0;
  for (ss::index t = 0; t < 5; ++t)
    for (ss::index j = 0; j < 8; ++j) wrong += !ss::agree(y(0, t, j), z(0, 4 - t, j), ss::tolerance_of<float>(ss::computed::reduction));
  CHECK(wrong == 0);
}

TEST_CASE("nn/gate_loop: what padded frames hold changes no real frame, by no bit") {
  for (bool reverse : {false, true}) {
    ss::workspace<fastest> work{{.seed = 4}};
    layer_of<fastest> const layer{work, 8, {.reverse = reverse}};
    auto const run = [&](double filler) {
      auto host = random_array<batch<>, frames<>, dim<>>({2, 5, 8}, 5);
      for (ss::index t = 3; t < 5; ++t)
        for (ss::index j = 0; j < 8; ++j) host(1, t, j) = filler;
      ss::inference<fastest> ctx{work};
      auto const mask = ctx.upload(ss::array<ss::flag, batch<>, frames<>>({2, 5}, {1, 1, 1, 1, 1, 1, 1, 1, 0, 0}));
      auto const y = ctx.download(layer(ctx, ctx.upload(host), mask));
      return std::vector<float>(y.begin(), y.end());
    };
    CHECK(run(0.5) == run(-1e3));
  }
}

TEST_CASE("nn/gate_loop: a cached step backwards is named, and so is a size that the type contradicts") {
  ss::workspace<fastest> work;
  layer_of<fastest> const layer{work, 4, {.reverse = true}};
  ss::inference<fastest> ctx{work};
  auto const x = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 4}));
  CHECK_THROWS_WITH(layer.step(ctx, x), "gate_loop: a cached step with reverse = true, expected false: the last frame comes first");
  CHECK_THROWS_WITH((ss::nn::gate_loop<6, fastest>{work, 4}), "gate_loop: dim = 4, its type says 6");
}
