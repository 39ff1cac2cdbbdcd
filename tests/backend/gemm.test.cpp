#include "spearstorm/backend/gemm_call.hpp"

#include <limits>
#include <string_view>

#include "gemm_definition.hpp"
#include "numbers.hpp"

namespace test {
using ss::backend::gemm_call;

namespace {

/// How many elements a matrix operand of the call spans, all items included.
struct extent {
  index a, b, c;
  explicit extent(gemm_call const& call) {
    auto const last = [&](index batch, index head) { return (call.batches - 1) * batch + (call.heads - 1) * head; };
    a = last(call.a_batch, call.a_head) + (call.trans_a ? call.k : call.m) * call.lda;
    b = last(call.b_batch, call.b_head) + (call.trans_b ? call.n : call.k) * call.ldb;
    c = last(call.c_batch, call.c_head) + call.m * call.ldc;
  }
};

/// Runs the call on every policy and compares all of C, also what lies between its rows.
void check_gemm(gemm_call const& call) {
  with_policies([&]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    extent const size(call);
    auto const a = numbers<T>(size.a, 1), b = numbers<T>(size.b, 2);
    auto c = numbers<T>(size.c, 3);
    auto const want = expected(call, a, b, c);
    ss::verbs::gemm(exec, call, a.data(), b.data(), c.data());
    INFO("m " << call.m << " n " << call.n << " k " << call.k << " transposes " << call.trans_a << call.trans_b);
    CHECK(disagreements(c, want, ss::computed::reduction) == 0);
  });
}

/// Row strides with two elements to spare.
gemm_call product(index m, index n, index k, bool trans_a, bool trans_b) {
  return {.m = m,
          .n = n,
          .k = k,
          .trans_a = trans_a,
          .trans_b = trans_b,
          .lda = (trans_a ? m : k) + 2,
          .ldb = (trans_b ? k : n) + 2,
          .ldc = n + 2};
}

}  // namespace

TEST_CASE("backend/gemm: two by two by hand") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    std::vector<T> const a{1, 2, 3, 4}, b{5, 6, 7, 8};
    std::vector<T> c(4);
    ss::verbs::gemm(exec, {.m = 2, .n = 2, .k = 2, .lda = 2, .ldb = 2, .ldc = 2}, a.data(), b.data(), c.data());
    CHECK(c == std::vector<T>{19, 22, 43, 50});
    ss::verbs::gemm(exec, {.m = 2, .n = 2, .k = 2, .trans_a = true, .lda = 2, .ldb = 2, .ldc = 2}, a.data(), b.data(), c.data());
    CHECK(c == std::vector<T>{26, 30, 38, 44});
    ss::verbs::gemm(exec, {.m = 2, .n = 2, .k = 2, .trans_b = true, .lda = 2, .ldb = 2, .ldc = 2}, a.data(), b.data(), c.data());
    CHECK(c == std::vector<T>{17, 23, 39, 53});
    ss::verbs::gemm(exec, {.m = 2, .n = 2, .k = 2, .trans_a = true, .trans_b = true, .lda = 2, .ldb = 2, .ldc = 2}, a.data(), b.data(),
                    c.data());
    CHECK(c == std::vector<T>{23, 31, 34, 46});
  });
}

TEST_CASE("backend/gemm: tf32 rounds both factors to 10 bits and adds in float; cpu::simd does not round") {
  for_each_policy<ss::tf32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    bool const rounds = std::string_view(name) != "simd";
    auto const factor = [&](float x) { return rounds ? static_cast<float>(ss::tfloat32(x)) : x; };
    alone<Exec> with;
    float const tie = 1 + 1.0f / 2048, c_of_tie = rounds ? 1 + 1.0f / 1024 : tie;
    std::vector<float> const left{tie, 1}, right{1, tie};
    std::vector<float> one(1);
    ss::verbs::gemm(with.exec, {.m = 1, .n = 1, .k = 2, .lda = 2, .ldb = 1, .ldc = 1}, left.data(), right.data(), one.data());
    CHECK(one[0] == 2 * c_of_tie);

    for (int flags = 0; flags < 4; ++flags) {
      auto const call = product(5, 21, 300, flags & 1, flags & 2);
      extent const size(call);
      auto a = numbers<float>(size.a, 1), b = numbers<float>(size.b, 2), c = std::vector<float>(static_cast<std::size_t>(size.c));
      auto const before = c;
      ss::verbs::gemm(with.exec, call, a.data(), b.data(), c.data());
      for (auto* const values : {&a, &b})
        for (float& x : *values) x = factor(x);
      CHECK(disagreements(c, expected(call, a, b, before), ss::computed::reduction) == 0);
    }
  });
}

TEST_CASE("backend/gemm: every transpose with one row, a few rows, odd sizes, several tiles") {
  for (int flags = 0; flags < 4; ++flags) {
    bool const ta = flags & 1, tb = flags & 2;
    check_gemm(product(1, 7, 5, ta, tb));
    check_gemm(product(8, 33, 17, ta, tb));
    check_gemm(product(13, 1, 1, ta, tb));
    check_gemm(product(31, 300, 3, ta, tb));    // several tiles of columns
    check_gemm(product(200, 5, 6, ta, tb));     // several tiles of rows
    check_gemm(product(193, 1027, 2, ta, tb));  // and of both
  }
}

TEST_CASE("backend/gemm: alpha and beta, with every transpose") {
  for (int flags = 0; flags < 4; ++flags)
    for (auto const& [alpha, beta] : {std::pair{2.0, 0.0}, {1.0, 1.0}, {0.5, -0.25}, {0.0, 2.0}}) {
      auto call = product(9, 10, 11, flags & 1, flags & 2);
      call.alpha = alpha, call.beta = beta;
      check_gemm(call);
    }
}

TEST_CASE("backend/gemm: beta = 0 does not read C, also where there are no terms") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    std::vector<T> const one{1}, two{2};
    std::vector<T> c{std::numeric_limits<T>::quiet_NaN()};
    ss::verbs::gemm(exec, {.m = 1, .n = 1, .k = 1, .lda = 1, .ldb = 1, .ldc = 1}, one.data(), two.data(), c.data());
    CHECK(c[0] == 2);
    c[0] = std::numeric_limits<T>::quiet_NaN();
    ss::verbs::gemm(exec, {.m = 1, .n = 1, .k = 0, .lda = 1, .ldb = 1, .ldc = 1}, one.data(), two.data(), c.data());
    CHECK(c[0] == 0);
  });
}

TEST_CASE("backend/gemm: no terms scale C, no rows or columns leave it alone") {
  for (int flags = 0; flags < 4; ++flags) {
    auto call = product(3, 4, 0, flags & 1, flags & 2);
    call.beta = 0.5;
    call.batches = 2, call.heads = 2;
    call.c_batch = 64, call.c_head = 32;
    check_gemm(call);
    check_gemm(product(0, 4, 3, flags & 1, flags & 2));
    check_gemm(product(4, 0, 3, flags & 1, flags & 2));
  }
}

TEST_CASE("backend/gemm: heads inside (batch, frames, heads * dim) need no copy") {
  index const batches = 2, heads = 3, frames = 5, dim = 4, width = heads * dim;
  gemm_call scores{.m = frames,
                   .n = frames,
                   .k = dim,
                   .trans_b = true,
                   .lda = width,
                   .ldb = width,
                   .ldc = frames,
                   .alpha = 0.5,
                   .batches = batches,
                   .heads = heads};
  scores.a_batch = scores.b_batch = frames * width, scores.a_head = scores.b_head = dim;
  scores.c_batch = heads * frames * frames, scores.c_head = frames * frames;
  check_gemm(scores);
  gemm_call mixed{.m = frames, .n = dim, .k = frames, .lda = frames, .ldb = width, .ldc = width, .batches = batches, .heads = heads};
  mixed.a_batch = heads * frames * frames, mixed.a_head = frames * frames;
  mixed.b_batch = mixed.c_batch = frames * width, mixed.b_head = mixed.c_head = dim;
  check_gemm(mixed);
}

TEST_CASE("backend/gemm: one operand shared by all batches, batches without heads, evenly spaced items") {
  auto shared = product(4, 6, 5, false, false);
  shared.batches = 3, shared.a_batch = 4 * shared.lda, shared.c_batch = 4 * shared.ldc;  // b_batch = 0
  check_gemm(shared);
  auto even = product(4, 6, 5, true, false);
  even.batches = 2, even.heads = 3;
  even.a_head = 5 * even.lda, even.b_head = 5 * even.ldb, even.c_head = 4 * even.ldc;
  even.a_batch = 3 * even.a_head, even.b_batch = 3 * even.b_head, even.c_batch = 3 * even.c_head;
  check_gemm(even);
}

}  // namespace test
