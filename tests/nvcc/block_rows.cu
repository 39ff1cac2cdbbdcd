// Every op with row programs of its own on CUDA, whose long rows are blocks' work, on a stream of our own: compiled and linked, and where
// there is a device compared with the host.

#include <cstdio>

#include "row_programs.hpp"
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/backend/thrust/thrust.hpp"
#include "spearstorm/core/tolerance.hpp"

namespace ss = spearstorm;

namespace {

int differences = 0;

void compare(char const* name, std::vector<double> const& found, std::vector<double> const& expected) {
  bool equal = found.size() == expected.size();
  for (std::size_t i = 0; equal && i < found.size(); ++i)
    equal = ss::agree(found[i], expected[i], ss::tolerance_of<float>(ss::computed::reduction));
  if (!equal) std::printf("%s: DIFFERENT\n", name), ++differences;
}

/// Rows of this width are long enough for blocks.
void compare_long_rows() {
  using namespace ss::axes;
  auto const x = test::random_array<rows<>, vocab<>>({3, 1000}, 1);
  ss::array<std::int32_t, rows<>> const targets({3}, {999, -1, 0});
  auto const losses = [](auto& ctx, auto const& logits, auto const& at) { return ss::ops::cross_entropy_rows(ctx, logits, at); };
  auto const found = test::detail::run<ss::thrust_device<>>(losses, {.threads = 1}, x, targets);
  auto const expected = test::detail::run<ss::cpu::scalar<>>(losses, {.threads = 1}, x, targets);
  compare("cross_entropy of 1000 codes", found.output, expected.output);
  compare("its gradient", found.gradients[0], expected.gradients[0]);
}

}  // namespace

int main() {
  try {
    compare_long_rows();
    cudaStream_t stream = nullptr;
    cudaStreamCreate(&stream);
    ss::use_stream(stream);
    test::for_each_row_op([](char const* name, auto const& op, auto const&... inputs) {
      auto const found = test::detail::run<ss::thrust_device<>>(op, {.seed = 7, .threads = 1}, inputs...);
      auto const expected = test::detail::run<ss::cpu::scalar<>>(op, {.seed = 7, .threads = 1}, inputs...);
      compare(name, found.output, expected.output);
      for (std::size_t i = 0; i < expected.gradients.size(); ++i) compare(name, found.gradients[i], expected.gradients[i]);
    });
    compare("attend_blocks", test::decoded<ss::thrust_device<>>(), test::decoded<ss::cpu::scalar<>>());
    compare("sample_rows", test::sampled<ss::thrust_device<>>(), test::sampled<ss::cpu::scalar<>>());
    compare("gradient_norm", {test::norm<ss::thrust_device<>>()}, {test::norm<ss::cpu::scalar<>>()});
  } catch (ss::device_error const& none) {
    std::printf("%s\n", none.what());
  }
  return differences == 0 ? 0 : 1;
}
