// Row programs that the threads of a block share, run by the host twin of CUDA's blocks. tests/tsan/block_rows.cpp looks for races in them.
#include "policies.hpp"
#if defined(SPEARSTORM_TEST_THRUST)
#include <limits>

#include "check_op.hpp"
#include "numbers.hpp"
#include "row_programs.hpp"
#include "thrust_blocks.hpp"

namespace test {

namespace {

/// Every call of the lanes, each of which reads what other threads have stored in the one before.
template <class T>
struct shared_row {
  T const* x;
  T *backwards, *sums, *most, *calls;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    T *const to = backwards + row * cols, *const from = to + cols - 1;
    Lanes::each(cols, [&](auto at) { at.store(to, at.load(x + row * cols)); });
    T const sum = Lanes::sum(cols, [&](auto at) { return at.generate([&](index i) { return from[-i] * static_cast<T>(i + 1); }); });
    T const high = Lanes::max(cols, std::numeric_limits<T>::lowest(), [&](auto at) { return at.load(to); });
    Lanes::once([&] {
      calls[row] += T(1);
      sums[row] = sum, most[row] = high;
      if (cols > 0) *from = high;
    });
    T const found = most[row];
    Lanes::each_position(cols, [&](index i) { to[i] += found; });
  }
};

template <class T>
void check_lanes(index threads, index cols) {
  index const rows = 3;
  auto const x = numbers<T>(rows * cols);
  std::vector<T> kept(x.size() + 1, T(99)), sums(rows), most(rows), calls(rows);
  ss::backend::host_block::each_row<T>(threads, rows, shared_row<T>{x.data(), kept.data(), sums.data(), most.data(), calls.data(), cols});
  std::vector<double> want_kept(x.size() + 1, 99), want_sums(rows), want_most(rows, static_cast<double>(std::numeric_limits<T>::lowest()));
  for (std::size_t row = 0; row < 3; ++row) {
    auto const n = static_cast<std::size_t>(cols);
    for (std::size_t i = 0; i < n; ++i) {
      want_sums[row] += static_cast<double>(x[row * n + n - 1 - i]) * static_cast<double>(i + 1);
      want_most[row] = std::max(want_most[row], static_cast<double>(x[row * n + i]));
    }
    for (std::size_t i = 0; i < n; ++i)
      want_kept[row * n + i] = (i + 1 == n ? want_most[row] : static_cast<double>(x[row * n + i])) + want_most[row];
  }
  INFO(threads << " threads, " << cols << " columns of " << sizeof(T) << " bytes");
  CHECK(disagreements(kept, want_kept, ss::computed::element) == 0);  // and the element behind the end is untouched
  CHECK(disagreements(sums, want_sums, ss::computed::reduction) == 0);
  CHECK(disagreements(most, want_most, ss::computed::element) == 0);
  CHECK(calls == std::vector<T>(rows, T(1)));
}

}  // namespace

TEST_CASE("backend/block_rows: each, each_position, sum, max and once, and what threads read of each other") {
  for (index threads : {1, 2, 3, 16, 17, 40})  // of more than 16, the first ones put the others' sums together
    for (index cols : {0, 1, 2, 5, 16, 41, 100}) {
      check_lanes<float>(threads, cols);
      check_lanes<double>(threads, cols);
    }
}

TEST_CASE("backend/block_rows: a sum depends on the number of threads alone") {
  auto const x = numbers<float>(1000);
  std::vector<float> first(7), again(7);
  for (auto* sums : {&first, &again}) {
    std::vector<float> kept(1000), most(1), calls(1);
    std::size_t at = 0;
    for (index threads : {1, 2, 3, 5, 17, 20, 33})
      ss::backend::host_block::each_row<float>(
          threads, 1, shared_row<float>{x.data(), kept.data(), sums->data() + at++, most.data(), calls.data(), 1000});
  }
  CHECK(first == again);
}

TEST_CASE("backend/block_rows: the ops' row programs give a single thread's values and gradients") {
  using reference = ss::cpu::scalar<ss::f64>;
  using blocks = thrust_blocks<ss::f32>;
  for_each_row_op([](char const* name, auto const& op, auto const&... inputs) {
    detail::compare(name, detail::run<blocks>(op, {.seed = 7, .threads = 1}, inputs...),
                    detail::run<reference>(op, {.seed = 7, .threads = 1}, inputs...), ss::tolerance_of<float>(ss::computed::reduction));
  });
  detail::compare("attend_blocks", decoded<blocks>(), decoded<reference>(), ss::tolerance_of<float>(ss::computed::reduction));
  detail::compare("sample_rows", sampled<blocks>(), sampled<reference>(), ss::tolerance_of<float>(ss::computed::reduction));
  CHECK(norm<blocks>() == Approx(norm<reference>()).epsilon(1e-5));
}

}  // namespace test
#endif
