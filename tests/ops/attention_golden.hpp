#pragma once
// Reads goldens of attention: (batch, heads, frames, width) in the file, (batch, frames, heads * width) here.

#include <string>

#include "spearstorm/io/safetensors.hpp"
#include "spearstorm/runtime/array.hpp"

namespace test {

namespace ss = spearstorm;

class attention_golden {
 public:
  explicit attention_golden(std::string const& name) : file_(std::string(SPEARSTORM_GOLDEN_DIR) + "/" + name + ".safetensors") {}

  /// A tensor as it lies in the file.
  template <class T, ss::axis_type... Axes>
  ss::array<T, Axes...> read(std::string const& name, ss::sizes<sizeof...(Axes)> extents) const {
    ss::array<T, Axes...> made(extents);
    file_.template read<T>(name, made.values());
    return made;
  }
  /// (batch, heads, frames, width) with the heads moved beside the width.
  auto read_heads(std::string const& name) const {
    auto const& shape = file_.info(name).shape;
    REQUIRE(shape.size() == 4);
    auto const b = static_cast<ss::index>(shape[0]), h = static_cast<ss::index>(shape[1]), n = static_cast<ss::index>(shape[2]), w = static_cast<ss::index>(shape[3]);
    std::vector<float> flat(static_cast<std::size_t>(b * h * n * w));
    file_.read(name, std::span(flat));
    ss::array<float, ss::axes::batch<>, ss::axes::frames<>, ss::axes::dim<>> made({b, n, h * w});
    for (ss::index i = 0; i < made.size(); ++i) {
      ss::index const item = i / (n * h * w), frame = i / (h * w) % n, head = i / w % h;
      made.data()[i] = flat[static_cast<std::size_t>(((item * h + head) * n + frame) * w + i % w)];
    }
    return made;
  }

 private:
  ss::io::safetensors_file file_;
};

/// Every element within the tolerance of a whole model in float.
template <class A, class B>
void check_golden(std::string const& what, A const& found, B const& expected) {
  REQUIRE(found.size() == expected.size());
  auto const within = ss::tolerance_of<float>(ss::computed::whole_model);
  for (ss::index i = 0; i < found.size(); ++i)
    if (!ss::agree(static_cast<double>(found.data()[i]), static_cast<double>(expected.data()[i]), within)) {
      INFO(what << ", element " << i);
      CHECK(found.data()[i] == Approx(expected.data()[i]).epsilon(within.relative).margin(within.absolute));
      return;
    }
}

}  // namespace test
