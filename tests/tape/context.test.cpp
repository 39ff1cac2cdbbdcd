#include "spearstorm/tape/context.hpp"

#include <memory>

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;
using exec = ss::cpu::scalar<ss::f64>;
using vector = ss::array<double, dim<>>;

TEST_CASE("tape/context: the gradient of a square, by hand") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({2}, {3, -1})));
  auto const g = ctx.gradients(ss::ops::sum(ctx, x * x));
  CHECK(ctx.download(g.of(x)) == vector({2}, {6, -2}));
}

TEST_CASE("tape/context: one root at a time, children last in, first out") {
  ss::workspace<exec> work;
  {
    ss::recording<exec> ctx{work};
    CHECK_THROWS_AS(ss::inference<exec>(work), ss::context_error);
    auto const x = ctx.upload(vector({2}, {1, 2}));
    {
      auto child = ctx.no_record();
      CHECK(ctx.download(x).size() == 2);  // reading is free
      CHECK_THROWS_AS(ctx.upload(vector({1})), ss::context_error);
      CHECK_THROWS_AS(ctx.eval(x + x), ss::context_error);
      CHECK_THROWS_AS(ctx.no_record(), ss::context_error);
      CHECK(child.download(x + x) == vector({2}, {2, 4}));
    }
    CHECK(ctx.download(x + x) == vector({2}, {2, 4}));
  }
  CHECK_FALSE(work.busy());
  ss::inference<exec> again{work};
  CHECK(again.step() == 1);  // the root that was refused began no step
}

TEST_CASE("tape/context: a child that outlives its parent takes nothing with it") {
  ss::workspace<exec> work;
  std::unique_ptr<ss::inference<exec>> child;
  {
    ss::inference<exec> ctx{work};
    child = std::make_unique<ss::inference<exec>>(ctx, 0u);
  }
  CHECK_THROWS_AS(child->upload(vector({1})), ss::context_error);
  ss::inference<exec> next{work};
  auto const x = next.upload(vector({2}, {1, 2}));
  child.reset();
  CHECK(work.busy());
  auto const y = next.eval(x * 2);
  CHECK(next.download(x) == vector({2}, {1, 2}));
  CHECK(next.download(y) == vector({2}, {2, 4}));
}

TEST_CASE("tape/context: stale tensors are found out") {
  ss::workspace<exec> work, other;
  ss::tensor<double, dim<>> gone;
  {
    ss::inference<exec> ctx{work};
    gone = ctx.upload(vector({2}));
  }
  ss::inference<exec> ctx{work};
  CHECK_THROWS_AS(ctx.eval(gone), ss::stale_tensor);
  CHECK_THROWS_AS(ctx.eval(gone * 2.0 + 1.0), ss::stale_tensor);
  CHECK_THROWS_AS(ctx.download(gone), ss::stale_tensor);
  CHECK_THROWS_AS(ctx.eval(ss::tensor<double, dim<>>{}), ss::stale_tensor);
  {
    auto child = ctx.no_record();
    gone = child.upload(vector({2}));
  }
  CHECK_THROWS_AS(ctx.eval(gone), ss::stale_tensor);
  ss::inference<exec> elsewhere{other};
  CHECK_THROWS_AS(ctx.eval(elsewhere.upload(vector({2}))), ss::stale_tensor);
}

TEST_CASE("tape/context: a tensor of the parent is a constant in its child") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({2}, {3, 5})));
  {
    ss::recording<exec> child{ctx, 0u};
    auto const z = child.leaf(child.upload(vector({2}, {1, 1})));
    auto const own = child.leaf(x);  // unless it is asked for
    auto const loss = ss::ops::sum(child, x * z + own * own);
    auto const g = child.gradients(loss);
    CHECK(child.download(g.of(z)) == vector({2}, {3, 5}));
    CHECK(child.download(g.of(own)) == vector({2}, {6, 10}));
    CHECK_THROWS_AS(child.gradients(ss::ops::sum(child, x * 2.0)), ss::value_error);
  }
  auto const g = ctx.gradients(ss::ops::sum(ctx, x * 4.0));
  CHECK(ctx.download(g.of(x)) == vector({2}, {4, 4}));
}

TEST_CASE("tape/context: frames, when nothing is recorded, give their memory back") {
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  auto const x = ctx.upload(vector({100}, 1.0));
  auto const before = work.values().in_use();
  ss::tensor<double, dim<>> lost;
  auto const block = [&](auto const& in) {
    auto f = ctx.frame();
    auto const a = ctx.eval(in + 1.0);
    auto const b = ctx.eval(a * 2.0);
    lost = a;
    return f.keep(b);
  };
  auto const y = block(x);
  CHECK(work.values().in_use() == before + 832);  // 100 doubles on cache lines: the result and nothing else
  CHECK(ctx.download(y) == vector({100}, 4.0));
  CHECK_THROWS_AS(ctx.eval(lost), ss::stale_tensor);
  CHECK(ctx.download(block(y)) == vector({100}, 10.0));
  auto const unkept = [&] {
    auto f = ctx.frame();
    return ctx.eval(x + 1.0);
  };
  CHECK_THROWS_AS(ctx.eval(unkept()), ss::stale_tensor);
}

TEST_CASE("tape/context: a kept tensor may overlap its old place, and what the frame was given") {
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  vector host({3000});
  for (ss::index i = 0; i < host.size(); ++i) host.data()[i] = static_cast<double>(i);
  auto const kept = [&] {
    auto f = ctx.frame();
    ctx.upload(vector({9}));
    return f.keep(ctx.upload(host));  // moves down by less than its own length
  }();
  CHECK(ctx.download(kept) == host);
  auto const passed = [&] {
    auto f = ctx.frame();
    return f.keep(kept);
  }();
  CHECK(ctx.download(passed) == host);
}

TEST_CASE("tape/context: frames while recording keep what the tape needs") {
  ss::workspace<exec> work;
  ss::recording<exec> ctx{work};
  auto const x = ctx.leaf(ctx.upload(vector({2}, {2, 3})));
  auto const y = [&] {
    auto f = ctx.frame();
    auto const a = ctx.eval(x * x);
    return f.keep(ctx.eval(a * x));
  }();
  auto const g = ctx.gradients(ss::ops::sum(ctx, y));
  CHECK(ctx.download(g.of(x)) == vector({2}, {12, 27}));
}

TEST_CASE("tape/context: keep is called once, on the innermost frame") {
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  auto const x = ctx.upload(vector({2}));
  auto outer = ctx.frame();
  {
    auto inner = ctx.frame();
    CHECK_THROWS_AS(outer.keep(x), ss::context_error);
    auto const y = inner.keep(ctx.eval(x + 1.0));
    CHECK_THROWS_AS(inner.keep(y), ss::context_error);
  }
  CHECK(ctx.download(outer.keep(x)) == vector({2}));
}

TEST_CASE("tape/context: a random stream differs from draw to draw, and repeats with the seed") {
  auto const draw = [](std::uint64_t seed) {
    ss::workspace<exec> work{{.seed = seed}};
    ss::inference<exec> ctx{work};
    std::vector<std::uint32_t> bits{ctx.stream("a").bits(0, 0), ctx.stream("a").bits(0, 0), ctx.stream("b").bits(0, 0)};
    auto child = ctx.no_record();
    bits.push_back(child.stream("a").bits(0, 0));
    return bits;
  };
  auto const one = draw(1);
  CHECK(one == draw(1));
  CHECK(one != draw(2));
  for (std::size_t i = 0; i < one.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(one[i] != one[j]);
}

TEST_CASE("tape/context: item is for one element") {
  ss::workspace<exec> work;
  ss::inference<exec> ctx{work};
  CHECK(ctx.item(ctx.upload(vector({1}, 2.5)) * 2) == 5);
  CHECK_THROWS_AS(ctx.item(ctx.upload(vector({2}))), ss::shape_error);
}
