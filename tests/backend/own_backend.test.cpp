// A user's backend in its own namespace: one verb is overridden, all others fall through.
#include "numbers.hpp"

namespace mine {

struct tag : spearstorm::backend::generic_tag {};
inline int fills = 0, rows = 0;

template <class Exec, class T>
void fill(tag, Exec&, T* out, spearstorm::index n, T value) {
  ++fills;
  for (spearstorm::index i = 0; i < n; ++i) out[i] = value;
}

struct policy : spearstorm::cpu::scalar<> {
  using scalar::scalar;
  using tag = mine::tag;
};

/// A second one overrides the verb that others stand on, and derives from a backend that overrides others.
struct rows_tag : tag {};

template <class T, class Exec, class Program>
void each_row(rows_tag, Exec&, spearstorm::index count, spearstorm::index, Program const& program) {
  for (spearstorm::index row = count; row-- > 0; ++rows) program(spearstorm::backend::scalar_lanes<T>{}, row);
}

struct rows_policy : spearstorm::cpu::scalar<> {
  using scalar::scalar;
  using tag = mine::rows_tag;
};

}  // namespace mine

namespace test {

TEST_CASE("backend/own_backend: one verb is picked up, the others fall through") {
  alone<mine::policy> with;
  std::vector<float> x(3), y(3);
  mine::fills = 0;
  ss::verbs::fill(with.exec, x.data(), 3, 2.0f);
  CHECK(mine::fills == 1);
  CHECK(x == std::vector<float>{2, 2, 2});
  ss::verbs::copy_rows(with.exec, 1, 3, x.data(), 3, y.data(), 3);
  CHECK(y == x);
  float c = 0;
  ss::verbs::gemm(with.exec, {.m = 1, .n = 1, .k = 3, .lda = 3, .ldb = 1, .ldc = 1}, x.data(), y.data(), &c);
  CHECK(c == 12);
  std::vector<std::int32_t> const keys{2, 1};
  std::vector<std::int32_t> sorted(2), order(2);
  ss::verbs::argsort(with.exec, 2, keys.data(), sorted.data(), order.data());
  CHECK(order == std::vector<std::int32_t>{1, 0});
  CHECK(mine::fills == 1);
}

TEST_CASE("backend/own_backend: what stands on an overridden verb uses it, and tags inherit overrides") {
  alone<mine::rows_policy> with;
  std::vector<float> const x{1, 2, 3, 4, 5, 6};
  std::vector<float> y(6);
  mine::rows = mine::fills = 0;
  ss::verbs::copy_rows(with.exec, 3, 2, x.data(), 2, y.data(), 2);
  CHECK(y == x);
  CHECK(mine::rows == 3);
  std::vector<ss::bfloat16> narrow(6);
  ss::verbs::convert(with.exec, x.data(), narrow.data(), 6);  // one row of transform's
  CHECK(mine::rows == 4);
  ss::verbs::fill(with.exec, y.data(), 6, 0.0f);
  CHECK(mine::fills == 1);
  CHECK(mine::rows == 4);
}

}  // namespace test
