#pragma once
// Goldens of attention: (batch, heads, frames, width) in the file, (batch, frames, heads * width) here.

#include "check_op.hpp"
#include "golden.hpp"

namespace test {

/// Moves the heads beside the width.
inline auto read_heads(golden const& file, std::string const& name, ss::sizes<4> shape) {
  auto const [b, h, n, w] = shape;
  auto const flat = file.read<ss::axes::rows<>>(name, {b * h * n * w});
  ss::array<float, ss::axes::batch<>, ss::axes::frames<>, ss::axes::dim<>> made({b, n, h * w});
  for (ss::index i = 0; i < made.size(); ++i) {
    ss::index const item = i / (n * h * w), frame = i / (h * w) % n, head = i / w % h;
    made.data()[i] = flat.data()[((item * h + head) * n + frame) * w + i % w];
  }
  return made;
}

/// Every element within the tolerance of a whole model in float.
template <class A, class B>
void check_golden(std::string const& what, A const& found, B const& expected) {
  detail::compare(what, {found.begin(), found.end()}, {expected.begin(), expected.end()},
                  ss::tolerance_of<float>(ss::computed::whole_model));
}

}  // namespace test
