// The ops' row programs run by blocks of host threads under the thread sanitizer: a store outside of each, each_position and once, or a
// load that no barrier parts from another thread's store, is a race and told. The values are compared, too.

#include <cstdio>

#include "row_programs.hpp"
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/core/tolerance.hpp"
#include "thrust_blocks.hpp"

using blocks = test::thrust_blocks<>;
using reference = test::ss::cpu::scalar<>;

namespace {

int differences = 0;

void compare(char const* name, std::vector<double> const& found, std::vector<double> const& expected) {
  bool equal = found.size() == expected.size();
  for (std::size_t i = 0; equal && i < found.size(); ++i)
    equal = test::ss::agree(found[i], expected[i], test::ss::tolerance_of<float>(test::ss::computed::reduction));
  if (!equal) std::printf("%s: DIFFERENT\n", name), ++differences;
}

}  // namespace

int main() {
  int ops = 0;
  test::for_each_row_op([&](char const* name, auto const& op, auto const&... inputs) {
    auto const found = test::detail::run<blocks>(op, {.seed = 7, .threads = 1}, inputs...);
    auto const expected = test::detail::run<reference>(op, {.seed = 7, .threads = 1}, inputs...);
    compare(name, found.output, expected.output);
    for (std::size_t i = 0; i < expected.gradients.size(); ++i) compare(name, found.gradients[i], expected.gradients[i]);
    ++ops;
  });
  compare("attend_blocks", test::decoded<blocks>(), test::decoded<reference>());
  compare("sample_rows", test::sampled<blocks>(), test::sampled<reference>());
  compare("gradient_norm", {test::norm<blocks>()}, {test::norm<reference>()});
  std::printf("%d ops and what has no gradient by blocks of %td threads: %d different\n", ops, test::threads_of_block, differences);
  return differences == 0 ? 0 : 1;
}
