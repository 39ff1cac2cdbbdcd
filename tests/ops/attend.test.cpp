#include "spearstorm/ops/attend.hpp"

#include "attention_golden.hpp"

using namespace test;
using namespace ss::axes;

namespace {

using host_tensor = ss::array<double, batch<>, frames<>, dim<>>;

/// Tiles of 3 queries and 4 keys, so that few frames already make several.
ss::ops::attend_options small_tiles(ss::ops::attend_options options = {}) {
  options.heads = 2;
  options.query_tile = 3;
  options.key_tile = 4;
  return options;
}

struct inputs {
  host_tensor q, k, v;
  inputs(ss::index queries, ss::index key_frames, ss::index items = 2)
      : q(random_array<batch<>, frames<>, dim<>>({items, queries, 6}, 1)),
        k(random_array<batch<>, frames<>, dim<>>({items, key_frames, 6}, 2)),
        v(random_array<batch<>, frames<>, dim<>>({items, key_frames, 6}, 3)) {}
};

void check(inputs const& x, ss::ops::attend_options options, auto const&... bias) {
  check_op([options](auto& ctx, auto const&... args) { return ss::ops::attend(ctx, args..., small_tiles(options)); }, x.q, x.k, x.v,
           bias...);
}

}  // namespace

TEST_CASE("ops/attend: one head of one feature, by hand") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  float const log3 = std::log(3.f);
  auto const q = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 1}, {1, 0}));
  auto const k = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 1}, {0, log3}));
  auto const v = ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({1, 2, 1}, {8, 16}));
  auto const y = ctx.download(ss::ops::attend(ctx, q, k, v, {.heads = 1}));
  CHECK(y.data()[0] == Approx(14));  // weights 1/4, 3/4
  CHECK(y.data()[1] == Approx(12));  // both alike
  auto const causal = ctx.download(ss::ops::attend(ctx, q, k, v, {.heads = 1, .causal = true}));
  CHECK(causal.data()[0] == Approx(8));
  CHECK(causal.data()[1] == Approx(12));
  auto const tripled = ctx.download(ss::ops::attend(ctx, q, k, v, {.heads = 1, .scale = 2}));  // weights 1/10, 9/10
  CHECK(tripled.data()[0] == Approx(15.2));
  auto const bias = ctx.upload(ss::array<float, heads<>, offsets<>>({1, 3}, {0, 0, log3}));  // key behind the query: three times
  CHECK(ctx.download(ss::ops::attend(ctx, q, k, v, bias, {.heads = 1})).data()[0] == Approx(15.2));
}

TEST_CASE("ops/attend: all policies, gradients, threads, expressions") {
  inputs const x(10, 10);
  SECTION("plain") { check(x, {}); }
  SECTION("in one tile") {
    check_op([](auto& ctx, auto const&... args) { return ss::ops::attend(ctx, args..., {.heads = 3}); }, x.q, x.k, x.v);
  }
  SECTION("causal") { check(x, {.causal = true}); }
  SECTION("a window") { check(x, {.window = 2}); }
  SECTION("a causal window and a scale") { check(x, {.scale = 0.3, .causal = true, .window = 5}); }
  SECTION("one frame") { check(inputs(1, 1), {}); }
  SECTION("fewer keys than queries") { check(inputs(5, 3), {}); }
  SECTION("more keys than queries, causal") { check(inputs(2, 9), {.causal = true}); }
  SECTION("queries whose window ends before the keys begin") { check(inputs(9, 3), {.window = 2}); }
}

TEST_CASE("ops/attend: query heads share the heads of keys: head h reads h % kv_heads") {
  auto const q = random_array<batch<>, frames<>, dim<>>({2, 5, 12}, 1);  // four heads of three
  auto const k = random_array<batch<>, frames<>, dim<>>({2, 7, 6}, 2), v = random_array<batch<>, frames<>, dim<>>({2, 7, 6}, 3);
  ss::ops::attend_options const shared{.heads = 4, .kv_heads = 2, .causal = true, .query_tile = 3, .key_tile = 4};
  check_op([&](auto& ctx, auto const&... args) { return ss::ops::attend(ctx, args..., shared); }, q, k, v);

  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const twice = [](host_tensor const& x) {  // its two heads once more
    host_tensor wide({2, 7, 12});
    for (ss::index i = 0; i < wide.size(); ++i) wide.data()[i] = x.data()[i / 12 * 6 + i % 6];
    return wide;
  };
  auto const found = ctx.download(ss::ops::attend(ctx, ctx.upload(q), ctx.upload(k), ctx.upload(v), shared));
  auto alone = shared;
  alone.kv_heads = 0;
  auto const expected = ctx.download(ss::ops::attend(ctx, ctx.upload(q), ctx.upload(twice(k)), ctx.upload(twice(v)), alone));
  CHECK(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));

  auto const x = ctx.upload(q), keys = ctx.upload(k);
  CHECK_THROWS_WITH(ss::ops::attend(ctx, x, keys, keys, {.heads = 4, .kv_heads = 3}),
                    "attend: kv_heads = 3, expected a number that divides heads = 4");
  CHECK_THROWS_WITH(ss::ops::attend(ctx, x, keys, keys, {.heads = 4, .kv_heads = 1}), "attend: keys has dim = 6, queries expects dim = 3");
}

TEST_CASE("ops/attend: masked keys") {
  inputs const x(5, 10);
  ss::array<ss::flag, batch<>, frames<>> mask(
      {2, 10}, {1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0});  // the second item: a masked tile first
  check_op([](auto& ctx, auto const& q, auto const& k, auto const& v,
              auto const& m) { return ss::ops::attend(ctx, q, k, v, small_tiles({.keys = m})); },
           x.q, x.k, x.v, mask);
}

TEST_CASE("ops/attend: a bias over key - query, a table larger than needed, a full bias") {
  inputs const x(9, 9);
  check(x, {}, random_array<heads<>, offsets<>>({2, 17}, 4));
  check(inputs(7, 4), {.causal = true}, random_array<heads<>, offsets<>>({2, 19}, 5));
  check(x, {.window = 3}, random_array<heads<>, rows<>, keys<>>({2, 9, 9}, 6));
  check(inputs(4, 7), {}, random_array<heads<>, rows<>, keys<>>({2, 4, 7}, 7));
  auto const bucket_bias = [](auto& ctx, auto const& q, auto const& k, auto const& v, auto const& weight) {
    return ss::ops::attend(ctx, q, k, v, ss::ops::relative_bias(ctx, weight, 9, {.max_distance = 6}), small_tiles());
  };
  check_op(bucket_bias, x.q, x.k, x.v, random_array<buckets<>, heads<>>({8, 2}, 8));
}

TEST_CASE("ops/attend: tiles as large as a head's lanes and larger give what one tile gives") {
  auto const q = random_array<batch<>, frames<>, dim<>>({1, 70, 32}, 1), k = random_array<batch<>, frames<>, dim<>>({1, 70, 32}, 2);
  auto const bias = random_array<heads<>, offsets<>>({2, 139}, 3);
  auto const with = [&](ss::index query_tile, ss::index key_tile) {
    auto const f = [=](auto& ctx, auto const& a, auto const& b, auto const& c) {
      return ss::ops::attend(ctx, a, b, b, c, {.heads = 2, .query_tile = query_tile, .key_tile = key_tile});
    };
    return test::detail::run<fastest>(f, {.threads = 2}, q, k, bias);
  };
  auto const whole = with(1000, 1000);
  for (auto [rows_of, keys_of] : {std::pair{32, 33}, {7, 64}, {70, 17}})
    test::detail::compare("tiles", with(rows_of, keys_of), whole, ss::tolerance_of<float>(ss::computed::whole_model));
}

TEST_CASE("ops/attend: a query without any key gives zeros and no gradient, on all policies") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    ss::workspace<Exec> work;
    ss::recording<Exec> ctx{work};
    inputs const x(9, 9);
    auto const q = ctx.leaf(ctx.upload(x.q)), k = ctx.leaf(ctx.upload(x.k)), v = ctx.leaf(ctx.upload(x.v));
    ss::array<ss::flag, batch<>, frames<>> mask({2, 9});
    std::fill(mask.begin() + 9, mask.end(), ss::flag{1});
    auto const y = ss::ops::attend(ctx, q, k, v, small_tiles({.keys = ctx.upload(mask)}));
    auto const loss = ss::ops::sum(ctx, y * y + y);
    auto const g = ctx.gradients(loss);
    auto const host = ctx.download(y);
    CHECK(std::all_of(host.begin(), host.begin() + 54, [](float a) { return a == 0; }));
    CHECK(std::all_of(host.begin() + 54, host.end(), [](float a) { return std::isfinite(a) && a != 0; }));
    for (auto const& leaf : {q, k, v}) {
      auto const d = ctx.download(g.of(leaf));
      CHECK(std::all_of(d.begin(), d.begin() + 54, [](float a) { return a == 0; }));
      CHECK(std::all_of(d.begin() + 54, d.end(), [](float a) { return std::isfinite(a); }));
    }
  });
}

TEST_CASE("ops/attend: masked keys of any size change no bit") {
  auto const run = [](double content) {
    inputs x(6, 6, 1);
    for (ss::index i = 24; i < 36; ++i) x.k.data()[i] = x.v.data()[i] = content;
    ss::array<ss::flag, batch<>, frames<>> mask({1, 6}, {1, 1, 1, 1, 0, 0});
    ss::workspace<fastest> work;
    ss::inference<fastest> ctx{work};
    return ctx.download(ss::ops::attend(ctx, ctx.upload(x.q), ctx.upload(x.k), ctx.upload(x.v), small_tiles({.keys = ctx.upload(mask)})));
  };
  CHECK(run(0) == run(1e15));
}

TEST_CASE("ops/attend: soundstorm-pytorch's outputs and gradients") {
  ss::sizes<4> const small = {2, 3, 7, 4}, longer = {1, 1, 67, 4};
  for (char const* name : {"op_attention", "op_attention_mask", "op_attention_mask_bias", "op_attention_long"}) {
    auto const shape = name == std::string("op_attention_long") ? longer : small;
    INFO(name);
    golden const file(name);
    for (ss::index tile : {3, 128}) {
      ss::workspace<fastest> work;
      ss::recording<fastest> ctx{work};
      auto const q = ctx.leaf(ctx.upload(read_heads(file, "input.q", shape))), k = ctx.leaf(ctx.upload(read_heads(file, "input.k", shape))),
                 v = ctx.leaf(ctx.upload(read_heads(file, "input.v", shape)));
      ss::ops::attend_options options{.heads = shape[1], .scale = 0.5, .query_tile = tile, .key_tile = tile};
      if (file.contains("input.mask"))
        options.keys = ctx.upload(file.read_as<ss::flag, batch<>, frames<>>("input.mask", {shape[0], shape[2]}));
      auto const compare = [&](auto const& y, auto const& more) {
        auto const loss = ss::ops::sum(ctx, y * ctx.upload(read_heads(file, "grad_out", shape)));
        auto const g = ctx.gradients(loss);
        check_golden("output", ctx.download(y), read_heads(file, "output.y", shape));
        check_golden("gradient of q", ctx.download(g.of(q)), read_heads(file, "grad_in.q", shape));
        check_golden("gradient of k", ctx.download(g.of(k)), read_heads(file, "grad_in.k", shape));
        check_golden("gradient of v", ctx.download(g.of(v)), read_heads(file, "grad_in.v", shape));
        more(g);
      };
      if (file.contains("input.bias")) {
        auto const bias = ctx.leaf(ctx.upload(file.read<heads<>, rows<>, keys<>>("input.bias", {3, 7, 7})));
        compare(ss::ops::attend(ctx, q, k, v, bias, options), [&](auto const& g) {
          check_golden("gradient of bias", ctx.download(g.of(bias)), file.read<heads<>, rows<>, keys<>>("grad_in.bias", {3, 7, 7}));
        });
      } else {
        compare(ss::ops::attend(ctx, q, k, v, options), [](auto const&) {});
      }
    }
  }
}

TEST_CASE("ops/attend: memory grows with the frames, not with their square") {
  auto const bytes = [](ss::index n) {
    ss::workspace<fastest> work;
    ss::recording<fastest> ctx{work};
    auto const x = ctx.leaf(ctx.upload(random_array<batch<>, frames<>, dim<>>({1, n, 8}, 1)));
    auto const bias = ctx.leaf(ctx.upload(random_array<heads<>, offsets<>>({2, 2 * n - 1}, 2)));
    auto const loss = ss::ops::sum(ctx, ss::ops::attend(ctx, x, x, x, bias, {.heads = 2}));
    (void)ctx.gradients(loss);
    return work.values().high_water();
  };
  std::size_t const half = bytes(2048), whole = bytes(4096);
  CHECK(whole < 3 * half);  // blocks of the arena double, so growth is not exact
  CHECK(whole < 4096 * 4096 * sizeof(float) / 8);
}

TEST_CASE("ops/attend: what does not fit is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const tensor = [&](ss::index b, ss::index n, ss::index d) {
    return ctx.upload(ss::array<float, batch<>, frames<>, dim<>>({b, n, d}));
  };
  auto const q = tensor(2, 5, 6);
  using namespace ss::ops;
  CHECK_THROWS_WITH(attend(ctx, q, q, q, {.heads = 4}), "attend: queries have dim = 6, 4 heads expect a multiple of 4");
  CHECK_THROWS_WITH(attend(ctx, q, q, q, {.heads = 0}), "attend: heads = 0, expected at least 1");
  CHECK_THROWS_WITH(attend(ctx, q, q, q, {.heads = 2, .window = -1}), "attend: window = -1, expected at least 0");
  CHECK_THROWS_WITH(attend(ctx, q, q, q, {.heads = 2, .key_tile = -1}), "attend: query_tile = 0 and key_tile = -1, expected 0 or more");
  CHECK_THROWS_WITH(attend(ctx, q, tensor(1, 5, 6), q, {.heads = 2}), "attend: keys has batch = 1, queries expects batch = 2");
  CHECK_THROWS_WITH(attend(ctx, q, tensor(2, 4, 6), q, {.heads = 2}), "attend: values has frames = 5, keys expects frames = 4");
  CHECK_THROWS_WITH(attend(ctx, q, q, tensor(2, 5, 8), {.heads = 2}), "attend: values has dim = 8, queries expects dim = 6");
  auto const mask = ctx.upload(ss::array<ss::flag, batch<>, frames<>>({2, 4}));
  CHECK_THROWS_WITH(attend(ctx, q, q, q, {.heads = 2, .keys = mask}), "attend: mask has frames = 4, keys expects frames = 5");
  auto const table = [&](ss::index h, ss::index n) { return ctx.upload(ss::array<float, heads<>, offsets<>>({h, n})); };
  CHECK_THROWS_WITH(attend(ctx, q, q, q, table(2, 7), {.heads = 2}),
                    "attend: bias has offsets = 7, 5 frames expect an odd number of at least 9");
  CHECK_THROWS_WITH(attend(ctx, q, q, q, table(3, 9), {.heads = 2}), "attend: bias has heads = 3, options expects heads = 2");
  auto const full = ctx.upload(ss::array<float, heads<>, rows<>, keys<>>({2, 5, 4}));
  CHECK_THROWS_WITH(attend(ctx, q, q, q, full, {.heads = 2}), "attend: bias has keys = 4, keys expects keys = 5");
}
