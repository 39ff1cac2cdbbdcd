#include "spearstorm/ops/scatter.hpp"

#include "check_op.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// scatter_add of host arrays under a policy.
template <class Exec, class T>
std::vector<T> scattered(ss::index threads, std::vector<std::int32_t> const& ids, ss::index cols, std::vector<T> const& from,
                         ss::index table_rows, ss::index repeat = 1) {
  ss::workspace<Exec> work{{.threads = threads}};
  ss::inference<Exec> ctx{work};
  auto const n = static_cast<ss::index>(ids.size());
  auto const at = ctx.upload(ss::array<std::int32_t, rows<>>({n}, ids));
  auto const rows_in = ctx.upload(ss::array<T, rows<>, dim<>>({n / repeat, cols}, from));
  T* const to = ctx.template allocate<T>(table_rows * cols);
  ss::detail::scatter_add(
      ctx.exec(), [&](ss::index count) { return ctx.template allocate<std::int32_t>(count); }, n, at.data(), cols, rows_in.data(),
      table_rows, to, repeat);
  auto const host = ctx.download(ctx.template wrap<ss::axis_list<rows<>, dim<>>>(to, ss::sizes<2>{table_rows, cols}));
  return {host.begin(), host.end()};
}

}  // namespace

TEST_CASE("ops/scatter: four rows into a table of three, by hand") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    std::vector<float> const from{1, 10, 2, 20, 3, 30, 4, 40};
    CHECK(scattered<Exec, float>(1, {2, 0, 2, 0}, 2, from, 3) == std::vector<float>{6, 60, 0, 0, 4, 40});
    CHECK(scattered<Exec, float>(1, {2, -1, 3, 1}, 2, from, 3) == std::vector<float>{0, 0, 4, 40, 1, 10});  // -1 and 3 are no rows of it
    CHECK(scattered<Exec, float>(1, {0, 1, 1, 0, 0, 0, 1, 1}, 2, from, 2, 2) == std::vector<float>{1 + 2 + 3 + 3, 90, 1 + 2 + 4 + 4, 110});
    CHECK(scattered<Exec, float>(1, {}, 2, {}, 2) == std::vector<float>(4, 0.0f));
  });
}

TEST_CASE("ops/scatter: equal ids add in the order of position") {
  // 1e8 swallows a 1 that follows it and keeps nothing of one that came before: the order shows in the bits.
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    CHECK(scattered<Exec, float>(2, {0, 0, 0}, 1, {1e8f, -1e8f, 1}, 1) == std::vector<float>{1});
    CHECK(scattered<Exec, float>(2, {0, 0, 0}, 1, {1e8f, 1, -1e8f}, 1) == std::vector<float>{0});
  });
}

TEST_CASE("ops/scatter: the same bits for any number of threads and when run again, one id being most of them") {
  std::vector<std::int32_t> ids;
  ss::random_stream const draws{3, 0, 0};
  for (std::uint32_t i = 0; i < 700; ++i) ids.push_back(draws.uniform(0, i) < 0.5f ? 7 : static_cast<std::int32_t>(draws.below(40, 1, i)));
  auto const host = random_array<rows<>, dim<>>({700, 150}, 5);
  std::vector<float> const from(host.begin(), host.end());
  std::vector<double> expected(40 * 150, 0.0);
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (std::size_t c = 0; c < 150; ++c) expected[static_cast<std::size_t>(ids[i]) * 150 + c] += static_cast<double>(from[i * 150 + c]);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    auto const one = scattered<Exec, float>(1, ids, 150, from, 40);
    CHECK(scattered<Exec, float>(1, ids, 150, from, 40) == one);
    CHECK(scattered<Exec, float>(2, ids, 150, from, 40) == one);
    CHECK(scattered<Exec, float>(3, ids, 150, from, 40) == one);
    test::detail::compare(name, {one.begin(), one.end()}, expected, {1e-4, 1e-4});
  });
}
