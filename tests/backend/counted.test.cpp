#include "spearstorm/backend/counted.hpp"

#include "numbers.hpp"

namespace test {

namespace {
struct nothing {
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index) const {}
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index, index) const {}
};
}  // namespace

TEST_CASE("backend/counted: a product by hand, and the right result with it") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    alone<ss::counted<Exec>> with;
    std::vector<float> const a{1, 2, 3, 4, 5, 6}, b{1, 0, 0, 1, 1, 1};
    std::vector<float> c(4);
    ss::verbs::gemm(with.exec, {.m = 2, .n = 2, .k = 3, .lda = 3, .ldb = 2, .ldc = 2}, a.data(), b.data(), c.data());
    CHECK(c == std::vector<float>{4, 5, 10, 11});
    CHECK(with.exec.counts->calls == 1);
    CHECK(with.exec.counts->flops == 2 * 2 * 2 * 3);
    CHECK(with.exec.counts->bytes == 4 * (6 + 6 + 4));
  });
}

TEST_CASE("backend/counted: each verb counts once, whatever it is composed of") {
  for_each_policy<ss::f64>([]<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    alone<ss::counted<Exec>> with;
    auto& exec = with.exec;
    std::vector<double> x(12), y(12);
    std::vector<std::int32_t> keys(5), sorted(5), order(5);
    std::vector<ss::bfloat16> narrow(12);
    auto const spent = [&](auto const& call) {
      *exec.counts = {};
      call();
      return std::pair{exec.counts->calls, exec.counts->bytes};
    };
    CHECK(spent([&] { ss::verbs::each_row<double>(exec, 3, 4, nothing{}); }) == std::pair{index{1}, 96.0});
    CHECK(spent([&] { ss::verbs::transform<double>(exec, 12, 4, nothing{}); }) == std::pair{index{1}, 96.0});
    CHECK(spent([&] { ss::verbs::fill(exec, x.data(), 10, 1.0); }) == std::pair{index{1}, 80.0});
    CHECK(spent([&] { ss::verbs::copy_rows(exec, 2, 3, x.data(), 4, y.data(), 4); }) == std::pair{index{1}, 48.0});
    CHECK(spent([&] { ss::verbs::convert(exec, x.data(), narrow.data(), 12); }) == std::pair{index{1}, 96.0});
    CHECK(spent([&] { ss::verbs::argsort(exec, 5, keys.data(), sorted.data(), order.data()); }) == std::pair{index{1}, 20.0});
    CHECK(spent([&] { ss::verbs::each_row<double>(exec, 0, 4, nothing{}); }) == std::pair{index{0}, 0.0});
    ss::backend::gemm_call const heads{.m = 2, .n = 3, .k = 1, .lda = 1, .ldb = 3, .ldc = 3, .batches = 1, .heads = 2, .c_head = 6};
    CHECK(spent([&] { ss::verbs::gemm(exec, heads, x.data(), x.data(), y.data()); }) == std::pair{index{1}, 2 * 8.0 * (2 + 3 + 6)});
    CHECK(exec.counts->flops == 2 * 2 * 2 * 3 * 1);
  });
}

TEST_CASE("backend/counted: the counters belong to one policy object") {
  alone<ss::counted<ss::cpu::scalar<>>> first, second;
  float x = 0;
  ss::verbs::fill(first.exec, &x, 1, 1.0f);
  CHECK(first.exec.counts->calls == 1);
  CHECK(second.exec.counts->calls == 0);
}

TEST_CASE("backend/counted: the least time on a machine, by hand") {
  alone<ss::counted<ss::cpu::scalar<>>> with;
  with.exec.counts->machine = {.flops_per_second = 100, .bytes_per_second = 8, .launch_seconds = 0.5, .operands = 2};
  std::vector<float> x(16), y(16), z(16);
  ss::verbs::fill(with.exec, x.data(), 6, 1.0f);  // 24 bytes, touched twice: 6 s
  CHECK(with.exec.counts->element_seconds == 0.5 + 6);
  ss::verbs::gemm(with.exec, {.m = 2, .n = 2, .k = 4, .lda = 4, .ldb = 2, .ldc = 2}, x.data(), y.data(), z.data());  // 80 bytes, 32 FLOPs
  CHECK(with.exec.counts->product_seconds == 0.5 + 10);
  with.exec.counts->machine.flops_per_second = 2;
  ss::verbs::gemm(with.exec, {.m = 2, .n = 2, .k = 4, .lda = 4, .ldb = 2, .ldc = 2}, x.data(), y.data(), z.data());
  CHECK(with.exec.counts->product_seconds == 0.5 + 10 + 0.5 + 16);
}

}  // namespace test
