// Row programs on every policy's lanes: each, sum and max at every length from 0 on, so every tail is met.
#include "spearstorm/backend/lanes.hpp"

#include <limits>

#include "numbers.hpp"

namespace test {

namespace {

/// out row = 2 x + position, sums (row) = the sum of x * x, most (row) = the largest x.
template <class T>
struct everything_row {
  T const* x;
  T *out, *sums, *most;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    Lanes::each(cols, [&](auto at) {
      at.store(out + row * cols, pack(2) * at.load(from) + at.generate([](index i) { return static_cast<T>(i); }));
    });
    sums[row] = Lanes::sum(cols, [&](auto at) { return pack(at.load(from) * at.load(from)); });
    most[row] = Lanes::max(cols, std::numeric_limits<T>::lowest(), [&](auto at) { return at.load(from); });
  }
};

/// The largest of the first `row` values, at least -1.
template <class T>
struct max_row {
  T const* x;
  T* out;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    out[row] = Lanes::max(row, T(-1), [&](auto at) { return at.load(x); });
  }
};

/// From and to another type than the lanes compute in.
template <class T>
struct other_types_row {
  std::int32_t const* ids;
  ss::flag const* mask;
  std::int32_t* to;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    Lanes::each(cols, [&](auto at) { at.store(to + row * cols, at.load(ids + row * cols) * at.load(mask + row * cols)); });
  }
};

}  // namespace

TEST_CASE("backend/lanes: three numbers by hand") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    std::vector<T> const x{-3, 2, -1};
    std::vector<T> out(3), sum(1), most(1);
    ss::verbs::each_row<T>(exec, 1, 3, everything_row<T>{x.data(), out.data(), sum.data(), most.data(), 3});
    CHECK(out == std::vector<T>{-6, 5, 0});
    CHECK(sum[0] == 14);
    CHECK(most[0] == 2);
  });
}

TEST_CASE("backend/lanes: every length from 0 to 70") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    index const rows = 3;
    for (index cols = 0; cols <= 70; ++cols) {
      auto const x = numbers<T>(rows * cols);
      std::vector<T> out(x.size() + 1, T(99)), sum(rows, T(99)), most(rows, T(99));
      ss::verbs::each_row<T>(exec, rows, cols, everything_row<T>{x.data(), out.data(), sum.data(), most.data(), cols});
      std::vector<double> want(x.size() + 1, 99.0), want_sum(rows, 0.0),
          want_most(rows, static_cast<double>(std::numeric_limits<T>::lowest()));
      for (std::size_t i = 0; i < x.size(); ++i) {
        double const v = static_cast<double>(x[i]);
        auto const row = i / static_cast<std::size_t>(cols);
        want[i] = 2 * v + static_cast<double>(i % static_cast<std::size_t>(cols));
        want_sum[row] += v * v;
        want_most[row] = std::max(want_most[row], v);
      }
      INFO("cols " << cols);
      CHECK(disagreements(out, want, ss::computed::element) == 0);  // and the element behind the end is untouched
      CHECK(disagreements(sum, want_sum, ss::computed::reduction) == 0);
      CHECK(disagreements(most, want_most, ss::computed::element) == 0);
    }
  });
}

TEST_CASE("backend/lanes: max returns the least where all values lie below it") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    std::vector<T> const x(40, T(-2));
    std::vector<T> out(40);
    ss::verbs::each_row<T>(exec, 40, 40, max_row<T>{x.data(), out.data()});
    CHECK(out == std::vector<T>(40, T(-1)));  // also where the padded zeros of a tail would win
  });
}

TEST_CASE("backend/lanes: ids and flags are loaded and stored as numbers") {
  with_policies([]<class Exec>(Exec& exec) {
    for (index cols : {1, 15, 16, 17, 41}) {
      std::vector<std::int32_t> ids, want, out(static_cast<std::size_t>(2 * cols), -1);
      std::vector<ss::flag> mask;
      for (index i = 0; i < 2 * cols; ++i) {
        ids.push_back(static_cast<std::int32_t>(1000 - 7 * i));
        mask.push_back(i % 3 == 0);
        want.push_back(i % 3 == 0 ? ids.back() : 0);
      }
      ss::verbs::each_row<typename Exec::value_type>(exec, 2, cols,
                                                     other_types_row<typename Exec::value_type>{ids.data(), mask.data(), out.data(), cols});
      CHECK(out == want);
    }
  });
}

}  // namespace test
