// Products in float and bfloat16 by packed factors: shapes that need several blocks, every kernel of the processor, kept weights.
#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "gemm_definition.hpp"
#include "numbers.hpp"
#include "spearstorm/runtime/parameter.hpp"
#include "spearstorm/tape/context.hpp"

namespace test {

namespace {

using ss::backend::gemm_call;

gemm_call product(index m, index n, index k, bool trans_a = false, bool trans_b = true) {
  return {.m = m, .n = n, .k = k, .trans_a = trans_a, .trans_b = trans_b, .lda = trans_a ? m : k, .ldb = trans_b ? k : n, .ldc = n};
}

float rounded(float x) { return static_cast<float>(ss::bfloat16(x)); }

/// The definition of one item, of factors rounded where asked for.
std::vector<double> expected(gemm_call const& call, std::vector<float> a, std::vector<float> b, bool round) {
  if (round)
    for (auto* const factor : {&a, &b}) std::transform(factor->begin(), factor->end(), factor->begin(), rounded);
  return test::expected(call, a, b, std::vector<float>(static_cast<std::size_t>(call.m * call.n)));
}

template <class Exec>
std::vector<float> multiply(Exec& exec, gemm_call const& call, std::vector<float> const& a, float const* b) {
  std::vector<float> c(static_cast<std::size_t>(call.m * call.n), std::numeric_limits<float>::quiet_NaN());
  ss::verbs::gemm(exec, call, a.data(), b, c.data());
  return c;
}
template <class Exec>
std::vector<float> multiply(Exec& exec, gemm_call const& call, std::vector<float> const& a, std::vector<float> const& b) {
  return multiply(exec, call, a, b.data());
}

/// Adds one, and counts how often it was asked to.
struct add_one {
  float* c;
  std::int32_t* times;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count) const {
    Lanes::each(count, [&](auto at) {
      float* const to = c + row * cols + first;
      at.store(to, at.load(to) + typename Lanes::pack(1.0f));
    });
    for (index i = first; i < first + count; ++i) ++times[row * cols + i];
  }
};

/// Sums of up to some thousand numbers of either sign.
constexpr ss::tolerance long_sums{2e-4, 2e-5};

index apart(std::vector<float> const& found, std::vector<double> const& want, ss::tolerance within = long_sums) {
  return disagreements(found, want, within);
}

}  // namespace

TEST_CASE("backend/packed_gemm: bf16_mixed rounds both factors and adds in float, on every policy") {
  for_each_policy<ss::bf16_mixed>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    alone<Exec> with;
    for (int flags = 0; flags < 4; ++flags)
      for (auto const& [m, n, k] : {std::array<index, 3>{1, 7, 5}, {8, 33, 17}, {13, 65, 64}, {31, 300, 3}, {200, 5, 6}}) {
        auto const call = product(m, n, k, flags & 1, flags & 2);
        auto const a = numbers<float>(m * k, 1), b = numbers<float>(n * k, 2);
        INFO(name << ": m " << m << " n " << n << " k " << k << " transposes " << call.trans_a << call.trans_b);
        CHECK(apart(multiply(with.exec, call, a, b), expected(call, a, b, true), ss::tolerance_of<float>(ss::computed::reduction)) == 0);
      }
  });
}

TEST_CASE("backend/packed_gemm: what follows a product runs once over each row") {
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    if (!Exec::memory::on_host) return;
    alone<Exec> with;
    auto const call = product(150, 530, 40);
    auto const a = numbers<float>(call.m * call.k, 1), b = numbers<float>(call.n * call.k, 2);
    std::vector<float> c(static_cast<std::size_t>(call.m * call.n));
    std::vector<std::int32_t> times(c.size());
    ss::verbs::gemm_then(with.exec, call, a.data(), b.data(), c.data(), add_one{c.data(), times.data(), call.n});
    auto want = expected(call, a, b, false);
    for (auto& x : want) x += 1;
    INFO(name);
    CHECK(apart(c, want) == 0);
    CHECK(std::count(times.begin(), times.end(), 1) == call.m * call.n);
  });
}

#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)

namespace {

template <class F>
void with_simd(F const& f) {
  f(std::type_identity<ss::cpu::simd<ss::f32>>{}, false);
  f(std::type_identity<ss::cpu::simd<ss::bf16_mixed>>{}, true);
}

}  // namespace

TEST_CASE("backend/packed_gemm: several blocks of the depth, tiles of both sides, right factors packed in parts") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool round) {
    alone<Exec> with;
    for (auto const& [m, n, k] : {std::array<index, 3>{150, 530, 40}, {5, 40, 1300}, {3, 520, 4200}, {290, 33, 513}})
      for (int flags = 0; flags < 4; ++flags) {
        auto const call = product(m, n, k, flags & 1, flags & 2);
        auto const a = numbers<float>(m * k, 1), b = numbers<float>(n * k, 2);
        INFO("m " << m << " n " << n << " k " << k << " transposes " << call.trans_a << call.trans_b << " rounded " << round);
        CHECK(apart(multiply(with.exec, call, a, b), expected(call, a, b, round)) == 0);
      }
  });
}

TEST_CASE("backend/packed_gemm: more items than are packed at once") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool round) {
    alone<Exec> with;
    auto call = product(2, 64, 1024);
    call.batches = 3, call.heads = 13;  // 39 items of 64 K or 32 K units
    call.a_head = call.m * call.k, call.a_batch = call.heads * call.a_head;
    call.b_head = call.n * call.k, call.b_batch = call.heads * call.b_head;
    call.c_head = call.m * call.n, call.c_batch = call.heads * call.c_head;
    index const items = call.batches * call.heads;
    auto const a = numbers<float>(items * call.a_head, 1), b = numbers<float>(items * call.b_head, 2);
    std::vector<float> c(static_cast<std::size_t>(items * call.c_head));
    ss::verbs::gemm(with.exec, call, a.data(), b.data(), c.data());
    for (index item = 0; item < items; ++item) {
      auto const part = [&](std::vector<float> const& of, index size) {
        return std::vector<float>(of.begin() + item * size, of.begin() + (item + 1) * size);
      };
      CHECK(apart(part(c, call.c_head), expected(product(2, 64, 1024), part(a, call.a_head), part(b, call.b_head), round)) == 0);
    }
  });
}

TEST_CASE("backend/packed_gemm: tiles beside each other share the left factor, of several items too, and not where it is large") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool round) {
    alone<Exec> with;
    auto const one = product(60, 200, 300);
    auto call = one;
    call.batches = 2, call.heads = 2;
    call.a_head = call.m * call.k, call.a_batch = 2 * call.a_head;
    call.b_head = call.n * call.k, call.b_batch = 2 * call.b_head;
    call.c_head = call.m * call.n, call.c_batch = 2 * call.c_head;
    auto const a = numbers<float>(4 * call.a_head, 1), b = numbers<float>(4 * call.b_head, 2);
    std::vector<float> c(static_cast<std::size_t>(4 * call.c_head));
    ss::verbs::gemm(with.exec, call, a.data(), b.data(), c.data());
    for (index item = 0; item < 4; ++item) {
      auto const part = [&](std::vector<float> const& of, index size) {
        return std::vector<float>(of.begin() + item * size, of.begin() + (item + 1) * size);
      };
      CHECK(apart(part(c, call.c_head), expected(one, part(a, call.a_head), part(b, call.b_head), round)) == 0);
    }
    for (auto const& whole : {product(60, 520, 2100), product(300, 140, 4100)}) {  // as floats: in parts of the depth; 1.5 M units
      auto const x = numbers<float>(whole.m * whole.k, 3), w = numbers<float>(whole.n * whole.k, 4);
      auto const found = multiply(with.exec, whole, x, w);
      std::vector<double> by_few_rows;  // too few to share
      for (index i = 0; i < whole.m; i += 20) {
        std::vector<float> const rows(x.begin() + i * whole.k, x.begin() + (i + 20) * whole.k);
        auto const part = multiply(with.exec, product(20, whole.n, whole.k), rows, w);
        by_few_rows.insert(by_few_rows.end(), part.begin(), part.end());
      }
      CHECK(apart(found, by_few_rows) == 0);
    }
  });
}

namespace {

/// Rows of twice what is stored.
struct doubled_rows {
  float const* x;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row, index first, index count, float* to) const {
    Lanes::each(count, [&](auto at) {
      auto const v = at.load(x + row * cols + first);
      at.store(to, v + v);
    });
  }
};

/// Sums a row that has to be whole, and counts how often it was asked to.
struct sum_whole {
  float const* c;
  float* sums;
  std::int32_t* times;
  index cols;
  template <class Lanes>
  void operator()(Lanes, index row) const {
    sums[row] = Lanes::sum(cols, [&](auto at) { return at.load(c + row * cols); });
    ++times[row];
  }
};

constexpr std::array<std::array<index, 3>, 9> made_shapes = {{{1, 300, 70},
                                                              {5, 40, 1300},
                                                              {48, 33, 20},
                                                              {49, 33, 20},
                                                              {150, 530, 40},
                                                              {300, 140, 4100},
                                                              {60, 520, 2100},
                                                              {200, 17, 1},
                                                              {130, 1, 50}}};

std::vector<float> twice(std::vector<float> x) {
  for (auto& v : x) v += v;
  return x;
}

}  // namespace

TEST_CASE("backend/packed_gemm: rows that are made where they are packed give the bits of rows that are stored, from either side") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool round) {
    for (auto const& [m, n, k] : made_shapes)
      for (index threads : {1, 3}) {
        alone<Exec> with(threads);
        auto const a = numbers<float>(m * k, 1), b = numbers<float>(n * k, 2);
        std::vector<float> c(static_cast<std::size_t>(m * n), -1);
        INFO("m " << m << " n " << n << " k " << k << " rounded " << round << " threads " << threads);
        auto const forward = product(m, n, k);
        ss::verbs::gemm_rows(with.exec, forward, doubled_rows{a.data(), k}, b.data(), c.data(), ss::backend::nothing_more{});
        CHECK(c == multiply(with.exec, forward, twice(a), b));
        auto const gradient = product(n, k, m, true, false);                       // (rows n, cols k) of m rows that are made
        auto const dy = numbers<float>(m * n, 3);
        std::vector<float> dw(static_cast<std::size_t>(n * k), -1);
        ss::verbs::gemm_by_rows(with.exec, gradient, dy.data(), doubled_rows{a.data(), k}, dw.data());
        CHECK(dw == multiply(with.exec, gradient, dy, twice(a)));
      }
  });
}

TEST_CASE("backend/packed_gemm: a program over whole rows meets each once, behind the program over its parts") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool) {
    auto shapes = std::vector<std::array<index, 3>>(made_shapes.begin(), made_shapes.end());
    shapes.push_back({60, 520, 0});  // a sum without terms is followed too
    for (auto const& [m, n, k] : shapes)
      for (index threads : {1, 2, 3}) {
        alone<Exec> with(threads);
        auto const call = product(m, n, k);
        auto const a = numbers<float>(m * k, 1), b = numbers<float>(n * k, 2);
        std::vector<float> c(static_cast<std::size_t>(m * n)), sums(static_cast<std::size_t>(m));
        std::vector<std::int32_t> parts(c.size()), times(sums.size());
        ss::verbs::gemm_rows(with.exec, call, a.data(), b.data(), c.data(), add_one{c.data(), parts.data(), n},
                             sum_whole{c.data(), sums.data(), times.data(), n});
        std::vector<float> want(sums.size());
        for (index i = 0; i < m; ++i)
          sum_whole{c.data(), want.data(), parts.data(), n}(ss::backend::simd_lanes<float, ss::cpu::native>{}, i);
        INFO("m " << m << " n " << n << " k " << k << " threads " << threads);
        CHECK(std::count(times.begin(), times.end(), 1) == m);
        CHECK(sums == want);
      }
  });
}

TEST_CASE("backend/packed_gemm: a row of floats alone has the bits that it has among others") {
  alone<ss::cpu::simd<ss::f32>> with;
  for (auto const& [n, k] : {std::array<index, 2>{7, 5}, {64, 30}, {100, 300}, {530, 600}}) {
    auto const a = numbers<float>(2 * k, 1), b = numbers<float>(n * k, 2);
    auto const both = multiply(with.exec, product(2, n, k), a, b);
    auto const first = multiply(with.exec, product(1, n, k), a, b);
    INFO("n " << n << " k " << k);
    CHECK(std::equal(first.begin(), first.end(), both.begin()));
  }
}

TEST_CASE("backend/packed_gemm: the same bits for any number of threads") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool) {
    auto const call = product(170, 700, 300);
    auto const a = numbers<float>(call.m * call.k, 1), b = numbers<float>(call.n * call.k, 2);
    alone<Exec> one(1), three(3);
    CHECK(multiply(one.exec, call, a, b) == multiply(three.exec, call, a, b));
  });
}

TEST_CASE("backend/packed_gemm: every kernel of this processor multiplies bfloat16") {
  using arch = ss::cpu::native;
  namespace packing = ss::backend::packing;
  auto const kernels = ss::backend::bfloat16_kernels<arch>();
  CHECK(kernels.back().name == "portable");
  index constexpr columns = ss::backend::bfloat16_columns;
  for (auto const& kernel : kernels)
    for (index const rows : {1, 2, 3, 7, 12, 31}) {
      index const k = 77, units = packing::units_of<ss::bfloat16>(k);
      auto const a = numbers<float>(rows * k, 1), b = numbers<float>(columns * k, 2);
      index const tall = (rows + kernel.together - 1) / kernel.together * kernel.together;
      ss::buffer<packing::unit> left(tall * packing::block_stride), right(packing::padded(units) * columns);
      packing::left<ss::bfloat16>({a.data(), rows, k, k, 1}, left.data());
      packing::panels<ss::bfloat16, columns>({b.data(), columns, k, k, 1}, 1, packing::padded(units), 0, packing::padded(units),
                                             right.data());
      std::vector<float> c(static_cast<std::size_t>(rows * columns), std::numeric_limits<float>::quiet_NaN());
      ss::backend::kernel_in_use const in_use(kernel);
      kernel.run(rows, units, left.data(), right.data(), c.data(), columns, false);
      auto want = expected(product(rows, columns, k), a, b, true);
      INFO(kernel.name << " with " << rows << " rows");
      CHECK(apart(c, want) == 0);
      kernel.run(rows, units, left.data(), right.data(), c.data(), columns, true);
      for (auto& x : want) x *= 2;
      CHECK(apart(c, want) == 0);
    }
}

TEST_CASE("backend/packed_gemm: SPEARSTORM_BF16 chooses among this processor's kernels") {
  ss::backend::panel_kernel const first{"first", nullptr}, second{"second", nullptr};
  CHECK(ss::backend::chosen_kernel({first, second}, nullptr).name == "first");
  CHECK(ss::backend::chosen_kernel({first, second}, "second").name == "second");
  CHECK_THROWS_WITH(ss::backend::chosen_kernel({first, second}, "third"),
                    "SPEARSTORM_BF16 = third, expected one of this processor's kernels: first, second");
}

TEST_CASE("backend/packed_gemm: memory of a parameter that has ended is no parameter's") {
  ss::backend::packed_weights packs;
  ss::thread_team team(1);
  auto const call = product(3, 8, 20);
  auto const x = numbers<float>(3 * 20, 1);
  auto w = numbers<float>(8 * 20, 2);
  auto const run = [&] {
    std::vector<float> c(24);
    ss::backend::packed_gemm<ss::f32, ss::cpu::native>(team, packs, call, x.data(), w.data(), c.data());
    return c;
  };
  auto life = std::make_shared<char>();
  packs.note(w.data(), 8 * 20, 1, 1, life);
  auto const first = run();
  CHECK(packs.copies() == 1);
  for (float& v : w) v = -v;
  CHECK(run() == first);  // no new version was noted
  life.reset();
  CHECK(apart(run(), expected(call, x, w, false)) == 0);
}

TEST_CASE("backend/packed_gemm: int8_weights round a kept weight and few rows to eight bits, and nothing else") {
  using exec = ss::cpu::simd<ss::int8_weights>;
  ss::workspace<exec> work{{.threads = 2}};
  ss::parameter<exec, ss::axes::out<>, ss::axes::in<>> weight(work, {150, 200}, ss::initialiser::normal(0.1));
  auto const host = weight.to_host();
  std::vector<float> const w(host.begin(), host.end());
  for (index const m : {1, 3, 8, 16, 17}) {
    auto const call = product(m, 150, 200);
    auto const x = numbers<float>(m * 200, 3);
    ss::inference<exec> ctx{work};
    auto const found = multiply(work.exec(), call, x, ctx.use(weight).data());
    auto const exact = expected(call, x, w, false);
    double apart_by = 0, all = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) apart_by += (found[i] - exact[i]) * (found[i] - exact[i]), all += exact[i] * exact[i];
    INFO(m << " rows: " << std::sqrt(apart_by / all));
    CHECK(std::sqrt(apart_by / all) < 0.012);
    CHECK(std::sqrt(apart_by / all) > 1e-4);
    CHECK((apart(found, expected(call, x, w, true)) == 0) == (m > ss::backend::int8::most_rows));
    CHECK(apart(multiply(work.exec(), call, x, w), expected(call, x, w, true)) == 0);  // no parameter
  }
}

TEST_CASE("backend/packed_gemm: the kernels for eight bits agree") {
  namespace int8 = ss::backend::int8;
  index const k = 150, groups = int8::groups_of(k);
  auto const a = numbers<float>(7 * k, 1), b = numbers<float>(int8::columns * k, 2);
  std::vector<int8::panel_group> panel(static_cast<std::size_t>(groups));
  int8::pack_panel({b.data(), int8::columns, k, k, 1}, 0, panel.data());
  for (index const rows : {1, 4, 7}) {
    int8::rows left;
    left.pack_({a.data(), rows, k, k, 1});
    auto const run = [&](int8::kernel kernel) {
      std::vector<float> c(static_cast<std::size_t>(rows * int8::columns));
      kernel(rows, groups, left.values.data(), left.scales.data(), panel.data(), c.data(), int8::columns);
      return c;
    };
    auto const plain = run(int8::portable), best = run(int8::best());
    CHECK(apart(best, {plain.begin(), plain.end()}, ss::tolerance_of<float>(ss::computed::element)) == 0);
  }
}

TEST_CASE("backend/packed_gemm: bfloat16 keeps infinities and NaN, rounds ties to even") {
  alone<ss::cpu::simd<ss::bf16_mixed>> with;
  float const infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> a{1.00390625f, 1.01171875f, infinity, -3e38f, 1e-20f}, b(1, 1.0f);  // 1 + 1/256 and 1 + 3/256 lie between two
  auto const call = product(5, 1, 1);
  CHECK(multiply(with.exec, call, a, b) == std::vector<float>{1.0f, 1.015625f, infinity, rounded(-3e38f), rounded(1e-20f)});
  a[0] = nan;
  CHECK(std::isnan(multiply(with.exec, call, a, b)[0]));
}

TEST_CASE("backend/packed_gemm: a parameter is packed once a version, anew when it changes, given up when idle") {
  with_simd([]<class Exec>(std::type_identity<Exec>, bool round) {
    ss::workspace<Exec> work{{.threads = 2}};
    ss::parameter<Exec, ss::axes::out<>, ss::axes::in<>> weight(work, {40, 70}, ss::initialiser::uniform(1));
    auto const x = numbers<float>(9 * 70, 3);
    auto const call = product(9, 40, 70);
    auto const product_of = [&] {
      auto const host = weight.to_host();
      return expected(call, x, {host.begin(), host.end()}, round);
    };
    auto const run = [&] {
      ss::inference<Exec> ctx{work};
      return multiply(work.exec(), call, x, ctx.use(weight).data());
    };
    auto& packs = work.exec().packs;
    CHECK(apart(run(), product_of()) == 0);
    auto const kept = packs.bytes();
    CHECK(apart(run(), product_of()) == 0);
    CHECK(packs.bytes() == kept);
    auto changed = weight.to_host();
    for (auto& v : changed.values()) v = -v * 0.5f;
    weight.assign_(changed.values());
    CHECK(apart(run(), product_of()) == 0);
    CHECK(packs.copies() == 1);
    for (int step = 0; step < 20; ++step) ss::inference<Exec>{work};
    CHECK(packs.copies() == 0);
  });
}

#endif

}  // namespace test
