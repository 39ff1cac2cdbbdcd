// transform, fill, copy_rows, convert and argsort on every policy, against loops written here.
#include "spearstorm/backend/verbs.hpp"

#include <algorithm>
#include <numeric>

#include "numbers.hpp"

namespace test {

namespace {

/// Counts its visits and notes where a part crosses a multiple of cols.
template <class T>
struct visit_elements {
  T* visits;
  T* crossed;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    if (count < 1 || first / cols != (first + count - 1) / cols) crossed[first] = 1;
    Lanes::each(count, [&](auto at) { at.store(visits + first, at.load(visits + first) + typename Lanes::pack(1)); });
  }
};

}  // namespace

TEST_CASE("backend/verbs: transform visits every position once, in parts that end with the rows") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    for (index n : {0, 1, 5, 64, 1000, 40000})
      for (index cols : {1, 7, 64, 4096}) {
        std::vector<T> visits(static_cast<std::size_t>(n)), crossed(visits.size());
        ss::verbs::transform<T>(exec, n, cols, visit_elements<T>{visits.data(), crossed.data(), cols});
        INFO("n " << n << " cols " << cols);
        CHECK(visits == std::vector<T>(visits.size(), T(1)));
        CHECK(crossed == std::vector<T>(visits.size(), T(0)));
      }
  });
}

TEST_CASE("backend/verbs: fill sets n elements of any type and no more") {
  with_policies([](auto& exec) {
    for (index n : {0, 1, 17, 5000}) {
      auto const count = static_cast<std::size_t>(n);
      std::vector<float> floats(count + 1, -1);
      ss::verbs::fill(exec, floats.data(), n, 2.5f);
      CHECK(std::count(floats.begin(), floats.end(), 2.5f) == n);
      CHECK(floats.back() == -1);
      std::vector<std::int32_t> ids(count + 1, -1);
      ss::verbs::fill(exec, ids.data(), n, std::int32_t{16777217});  // no float holds it
      CHECK(std::count(ids.begin(), ids.end(), 16777217) == n);
      CHECK(ids.back() == -1);
    }
  });
}

TEST_CASE("backend/verbs: copy_rows keeps what lies between the rows") {
  with_policies([](auto& exec) {
    std::vector<int> const in{1, 2, 3, 0, 4, 5, 6, 0};
    std::vector<int> out(10, -1);
    ss::verbs::copy_rows(exec, 2, 3, in.data(), 4, out.data(), 5);
    CHECK(out == std::vector<int>{1, 2, 3, -1, -1, 4, 5, 6, -1, -1});
    ss::verbs::copy_rows(exec, 0, 3, in.data(), 4, out.data(), 5);
    ss::verbs::copy_rows(exec, 2, 0, in.data() + 1, 4, out.data(), 5);
    CHECK(out == std::vector<int>{1, 2, 3, -1, -1, 4, 5, 6, -1, -1});

    std::vector<double> const from = numbers<double>(70 * 33);
    std::vector<double> to(70 * 31, 9), want(70 * 31, 9);
    ss::verbs::copy_rows(exec, 70, 30, from.data(), 33, to.data(), 31);
    for (std::size_t row = 0; row < 70; ++row)
      for (std::size_t col = 0; col < 30; ++col) want[row * 31 + col] = from[row * 33 + col];
    CHECK(to == want);
  });
}

TEST_CASE("backend/verbs: convert to bfloat16 and back rounds once") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    std::vector<T> const in{1, T(-2.5), T(1.00390625), T(1.01171875), T(3e38), 0};  // two ties: to even below, to even above
    std::vector<T> const want{1, T(-2.5), 1, T(1.015625), T(ss::bfloat16(3e38f).operator float()), 0};
    std::vector<ss::bfloat16> narrow(6);
    std::vector<T> back(6);
    ss::verbs::convert(exec, in.data(), narrow.data(), 6);
    ss::verbs::convert(exec, narrow.data(), back.data(), 6);
    CHECK(back == want);
    auto const many = numbers<T>(5001);
    std::vector<ss::bfloat16> halves(many.size());
    std::vector<T> once(many.size()), twice(many.size());
    ss::verbs::convert(exec, many.data(), halves.data(), 5001);
    ss::verbs::convert(exec, halves.data(), once.data(), 5001);
    ss::verbs::convert(exec, once.data(), halves.data(), 5001);
    ss::verbs::convert(exec, halves.data(), twice.data(), 5001);
    CHECK(once == twice);
    for (std::size_t i = 0; i < many.size(); ++i) REQUIRE(std::abs(once[i] - many[i]) <= std::abs(many[i]) / 256);
  });
}

TEST_CASE("backend/verbs: argsort is stable") {
  with_policies([](auto& exec) {
    std::vector<std::int32_t> const keys{3, -1, 3, 0, -1, 3};
    std::vector<std::int32_t> sorted(6), order(6);
    ss::verbs::argsort(exec, 6, keys.data(), sorted.data(), order.data());
    CHECK(sorted == std::vector<std::int32_t>{-1, -1, 0, 3, 3, 3});
    CHECK(order == std::vector<std::int32_t>{1, 4, 3, 0, 2, 5});

    ss::random_stream const draws{7, 0, 0};
    for (index n : {0, 1, 2, 1000, 20000}) {
      std::vector<std::int32_t> many, by_key(static_cast<std::size_t>(n)), positions(by_key.size()), want(by_key.size());
      for (index i = 0; i < n; ++i) many.push_back(static_cast<std::int32_t>(draws.below(50, 0, static_cast<std::uint32_t>(i))) - 25);
      ss::verbs::argsort(exec, n, many.data(), by_key.data(), positions.data());
      std::iota(want.begin(), want.end(), 0);
      std::stable_sort(want.begin(), want.end(),
                       [&](auto a, auto b) { return many[static_cast<std::size_t>(a)] < many[static_cast<std::size_t>(b)]; });
      CHECK(positions == want);
      for (std::size_t i = 0; i < by_key.size(); ++i) REQUIRE(by_key[i] == many[static_cast<std::size_t>(want[i])]);
    }
  });
}

}  // namespace test
