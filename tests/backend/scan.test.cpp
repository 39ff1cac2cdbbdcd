// scan_rows on every policy, against the recurrence written as it is read.
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/backend/verbs.hpp"

#include "numbers.hpp"

namespace test {

namespace {

using ss::backend::scan_call;

/// The recurrence for one column at a time, in double.
template <class T>
std::vector<double> expected_scan(scan_call const& call, std::vector<T> const& a, std::vector<T> const& x, T const* start) {
  std::vector<double> made(x.size());
  for (index b = 0; b < call.batches; ++b)
    for (index j = 0; j < call.cols; ++j) {
      double state = start ? static_cast<double>(start[b * call.cols + j]) : 0;
      for (index i = 0; i < call.frames; ++i) {
        index const frame = b * call.frames + (call.reverse ? call.frames - 1 - i : i);
        bool const live = !call.live || call.live[frame];
        auto const at = static_cast<std::size_t>(frame * call.cols + j);
        double const gate = live ? static_cast<double>(a[at]) : 1, in = live ? static_cast<double>(x[at]) : 0;
        made[at] = call.late ? state + in : gate * state + in;
        state = call.late ? gate * made[at] : made[at];
      }
    }
  return made;
}

/// Numbers of (batches, frames, cols), and a mask with a hole, a padded end and a padded start.
template <class T>
struct problem {
  index batches, frames, cols;
  std::vector<T> a, x, start;
  std::vector<ss::flag> live;
  problem(index b, index f, index c)
      : batches(b), frames(f), cols(c), a(numbers<T>(b * f * c, 1)), x(numbers<T>(b * f * c, 2)), start(numbers<T>(b * c, 3)) {
    for (index i = 0; i < b * f; ++i) live.push_back(static_cast<ss::flag>(i % f != 1 && (i / f == 0 ? i % f < f - 2 : i % f > 0)));
  }
};

}  // namespace

TEST_CASE("backend/scan: two columns that can be checked by hand") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    std::vector<T> const a{T(0.5), 2, T(0.5), 2, T(0.5), 2}, x{8, 1, 4, 1, 2, 1};
    std::vector<T> out(6);
    T const* const none = nullptr;
    ss::verbs::scan_rows(exec, {.batches = 1, .frames = 3, .cols = 2}, a.data(), x.data(), none, out.data());
    CHECK(out == std::vector<T>{8, 1, 8, 3, 6, 7});
    std::vector<T> const start{16, 1};
    ss::verbs::scan_rows(exec, {.batches = 1, .frames = 3, .cols = 2, .reverse = true}, a.data(), x.data(), start.data(), out.data());
    CHECK(out == std::vector<T>{T(12.5), 15, 9, 7, 10, 3});
  });
}

TEST_CASE("backend/scan: all directions, starts and masks on every policy") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    T const* const none = nullptr;
    for (auto const& [batches, frames, cols] : {std::array<index, 3>{2, 7, 5}, {1, 1, 1}, {3, 40, 67}, {2, 5, 130}, {1, 3, 64}}) {
      problem<T> const p(batches, frames, cols);
      for (bool reverse : {false, true})
        for (bool late : {false, true})
          for (auto const* live : {static_cast<ss::flag const*>(nullptr), p.live.data()})
            for (auto const* start : {none, p.start.data()}) {
              INFO(batches << " x " << frames << " x " << cols << " reverse " << reverse << " late " << late << " masked "
                           << (live != nullptr) << " started " << (start != nullptr));
              scan_call const call{batches, frames, cols, reverse, late, live};
              std::vector<T> out(p.x.size() + 1, T(-7));
              ss::verbs::scan_rows(exec, call, p.a.data(), p.x.data(), start, out.data());
              CHECK(out.back() == T(-7));
              out.pop_back();
              CHECK(disagreements(out, expected_scan(call, p.a, p.x, start), ss::computed::reduction) == 0);
            }
    }
  });
}

TEST_CASE("backend/scan: what masked frames hold changes nothing, not a bit") {
  with_policies([]<class Exec>(Exec& exec) {
    using T = typename Exec::value_type;
    problem<T> p(2, 9, 70);
    T const* const none = nullptr;
    for (bool reverse : {false, true})
      for (bool late : {false, true}) {
        scan_call const call{2, 9, 70, reverse, late, p.live.data()};
        std::vector<T> clean(p.x.size()), other(p.x.size());
        ss::verbs::scan_rows(exec, call, p.a.data(), p.x.data(), none, clean.data());
        for (index i = 0; i < 2 * 9 * 70; ++i) {
          auto const at = static_cast<std::size_t>(i);
          if (!p.live[at / 70]) p.a[at] = T(1e30), p.x[at] = std::numeric_limits<T>::quiet_NaN();
        }
        ss::verbs::scan_rows(exec, call, p.a.data(), p.x.data(), none, other.data());
        CHECK(clean == other);
      }
  });
}

TEST_CASE("backend/scan: the same bits with any number of threads") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    problem<float> const p(3, 300, 200);
    auto const run = [&](index threads) {
      alone<Exec> with(threads);
      std::vector<float> out(p.x.size());
      ss::verbs::scan_rows(with.exec, {3, 300, 200}, p.a.data(), p.x.data(), p.start.data(), out.data());
      return out;
    };
    auto const one = run(1);
    CHECK(run(2) == one);
    CHECK(run(3) == one);
  });
}

TEST_CASE("backend/scan: nothing to scan, and an account of what was") {
  alone<ss::counted<ss::cpu::scalar<>>> with;
  std::vector<float> const a(12, 1), x(12, 1);
  std::vector<float> out(12);
  float const* const none = nullptr;
  ss::verbs::scan_rows(with.exec, {.batches = 2, .frames = 0, .cols = 3}, a.data(), x.data(), none, out.data());
  ss::verbs::scan_rows(with.exec, {.batches = 0, .frames = 2, .cols = 3}, a.data(), x.data(), none, out.data());
  CHECK(with.exec.counts->calls == 0);
  ss::verbs::scan_rows(with.exec, {.batches = 2, .frames = 2, .cols = 3}, a.data(), x.data(), none, out.data());
  CHECK(with.exec.counts->calls == 1);
  CHECK(with.exec.counts->bytes == 48);
  CHECK(out == std::vector<float>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
}

}  // namespace test
