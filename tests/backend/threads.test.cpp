// The same bits for 1, 2 and 3 threads: what a task computes depends on its number alone.
#include "spearstorm/backend/verbs.hpp"

#include "numbers.hpp"

namespace test {

namespace {

template <class T>
struct normalise_row {
  T const* x;
  T* y;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const total = Lanes::sum(cols, [&](auto at) { return at.load(x + row * cols); });
    Lanes::each(cols, [&](auto at) { at.store(y + row * cols, at.load(x + row * cols) - pack(total)); });
  }
};

/// One after the other: rows, elements, a product with many tiles.
template <class Exec>
auto results(index threads) {
  using T = typename Exec::value_type;
  alone<Exec> with(threads);
  index const rows = 500, cols = 211;  // several tasks, and tails
  auto const x = numbers<T>(rows * cols);
  std::vector<T> y(x.size()), c(static_cast<std::size_t>(rows * rows));
  ss::verbs::each_row<T>(with.exec, rows, cols, normalise_row<T>{x.data(), y.data(), cols});
  ss::verbs::gemm(with.exec, {.m = rows, .n = rows, .k = cols, .trans_b = true, .lda = cols, .ldb = cols, .ldc = rows}, x.data(), y.data(),
                  c.data());
  y.insert(y.end(), c.begin(), c.end());
  return y;
}

}  // namespace

TEST_CASE("backend/threads: bit-equal for 1, 2 and 3 threads") {
  auto const check = []<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    auto const one = results<Exec>(1);
    CHECK(results<Exec>(2) == one);
    CHECK(results<Exec>(3) == one);
  };
  for_each_policy<ss::f32>(check);
  for_each_policy<ss::f64>(check);
}

}  // namespace test
