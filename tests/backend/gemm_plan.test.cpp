#include "spearstorm/backend/gemm_plan.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using ss::index;
using ss::backend::gemm_call;
using ss::backend::gemm_plan;
using ss::backend::plan;

TEST_CASE("backend/gemm_plan: operands change places, sizes and transposes with them") {
  // C (2, 3) = A (2, 5) B (5, 3), row-major; cuBLAS sees C^T (3, 2) = B^T (3, 5) A^T (5, 2), column-major, of the same memory.
  gemm_call const call{.m = 2, .n = 3, .k = 5, .lda = 5, .ldb = 3, .ldc = 3};
  CHECK(plan(call) == gemm_plan{.m = 3, .n = 2, .k = 5, .lda = 3, .ldb = 5, .ldc = 3});
}

TEST_CASE("backend/gemm_plan: the table of transposes") {
  struct row {
    bool call_a, call_b;
    index lda, ldb;  // of the call; rows have two elements to spare
  };
  for (row const r : {row{false, false, 7, 5}, row{false, true, 7, 7}, row{true, false, 4, 5}, row{true, true, 4, 7}}) {
    auto const p = plan({.m = 2, .n = 3, .k = 5, .trans_a = r.call_a, .trans_b = r.call_b, .lda = r.lda, .ldb = r.ldb, .ldc = 6});
    CHECK(p == gemm_plan{.trans_a = r.call_b, .trans_b = r.call_a, .m = 3, .n = 2, .k = 5, .lda = r.ldb, .ldb = r.lda, .ldc = 6});
  }
}

TEST_CASE("backend/gemm_plan: leading dimensions satisfy the library where a matrix is one row") {
  auto const p = plan({.m = 1, .n = 3, .k = 5, .lda = 0, .ldb = 3, .ldc = 1});
  CHECK(p.ldb == 5);  // A is one row of 5
  CHECK(p.ldc == 3);
  CHECK(p.lda == 3);
  CHECK(plan({.m = 4, .n = 1, .k = 1, .trans_b = true, .lda = 1, .ldb = 0, .ldc = 1}).lda == 1);
  CHECK(plan({.m = 4, .n = 3, .k = 2, .lda = 1, .ldb = 3, .ldc = 3}).ldb == 1);  // overlapping rows are the caller's word
}

TEST_CASE("backend/gemm_plan: heads are one strided call, batches repeat it") {
  gemm_call call{.m = 2, .n = 3, .k = 4, .lda = 12, .ldb = 9, .ldc = 9, .batches = 5, .heads = 3};
  call.a_batch = 24, call.a_head = 4, call.b_batch = 36, call.b_head = 3, call.c_batch = 18, call.c_head = 3;
  auto const p = plan(call);
  CHECK(p.count == 3);
  CHECK(p.stride_a == 3);
  CHECK(p.stride_b == 4);
  CHECK(p.stride_c == 3);
  CHECK(p.repeats == 5);
  CHECK(p.repeat_a == 36);
  CHECK(p.repeat_b == 24);
  CHECK(p.repeat_c == 18);
}

TEST_CASE("backend/gemm_plan: batches without heads, and evenly spaced items, are one call") {
  gemm_call batches{.m = 2, .n = 3, .k = 4, .lda = 4, .ldb = 3, .ldc = 3, .batches = 7};
  batches.a_batch = 8, batches.c_batch = 6;  // b is shared
  auto const one = plan(batches);
  CHECK(one.count == 7);
  CHECK(one.repeats == 1);
  CHECK(one.stride_a == 0);
  CHECK(one.stride_b == 8);
  CHECK(one.stride_c == 6);

  gemm_call even{.m = 2, .n = 3, .k = 4, .lda = 4, .ldb = 3, .ldc = 3, .batches = 7, .heads = 2};
  even.a_head = 8, even.b_head = 12, even.c_head = 6, even.a_batch = 16, even.b_batch = 24, even.c_batch = 12;
  auto const all = plan(even);
  CHECK(all.count == 14);
  CHECK(all.repeats == 1);
  CHECK(all.stride_a == 12);
  CHECK(all.stride_b == 8);
  CHECK(all.stride_c == 6);

  even.c_batch = 13;  // one uneven operand is enough
  CHECK(plan(even).count == 2);
  CHECK(plan(even).repeats == 7);
}

TEST_CASE("backend/gemm_plan: every item of a call is visited at its own offsets") {
  for (index batches : {1, 2, 3})
    for (index heads : {1, 2, 4})
      for (index spread : {0, 5}) {
        gemm_call call{.m = 1, .n = 1, .k = 1, .lda = 1, .ldb = 1, .ldc = 1, .batches = batches, .heads = heads};
        call.a_head = 2, call.b_head = 3, call.c_head = 7;
        call.a_batch = heads * 2 + spread, call.b_batch = heads * 3, call.c_batch = heads * 7 + spread;
        auto const p = plan(call);
        REQUIRE(p.count * p.repeats == batches * heads);
        for (index item = 0; item < batches * heads; ++item) {
          index const repeat = item / p.count, at = item % p.count;
          CHECK(repeat * p.repeat_a + at * p.stride_a == call.b_offset(item));
          CHECK(repeat * p.repeat_b + at * p.stride_b == call.a_offset(item));
          CHECK(repeat * p.repeat_c + at * p.stride_c == call.c_offset(item));
        }
      }
}
