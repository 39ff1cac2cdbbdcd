#include "spearstorm/io/package_place.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using ss::io::package_place;
using ss::io::package_rename;

TEST_CASE("io/package_place: the first start that fits is renamed, the rest stays") {
  constexpr package_rename table[] = {{"to_k.", "to_kv.0.", 0, 2}, {"to_v.", "to_kv.0.", 1, 2}, {"to_", "other."}};
  package_place place;
  REQUIRE(ss::io::rename_start(table, "to_v.weight", "layers.3.", place));
  CHECK(place.key == "layers.3.to_kv.0.weight");
  CHECK((place.part == 1 && place.parts == 2));
  REQUIRE(ss::io::rename_start(table, "to_out.bias", "", place));
  CHECK(place.key == "other.out.bias");
  CHECK((place.part == 0 && place.parts == 1));
  CHECK_FALSE(ss::io::rename_start(table, "norm.to_v.weight", "", place));
}

TEST_CASE("io/package_place: the last two axes are exchanged in each matrix") {
  std::vector<ss::index> const shape{2, 2, 3};
  auto const sizes = ss::io::detail::matrices(shape);
  CHECK(sizes == std::array<ss::index, 3>{2, 2, 3});
  std::vector<int> const from{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<float> to(12);
  ss::io::detail::transpose(2, 2, 3, from.data(), to.data());
  CHECK(to == std::vector<float>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
  package_place const turned{.key = "taps", .transposed = true}, plain{.key = "plain"};
  std::vector<int> theirs(12), back(12);
  ss::io::detail::lay_out(turned, shape, from.data(), theirs.data());
  CHECK(theirs == std::vector<int>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
  ss::io::detail::take_back(turned, shape, theirs.data(), back.data());
  CHECK(back == from);
  ss::io::detail::lay_out(plain, shape, from.data(), theirs.data());
  CHECK(theirs == from);
  CHECK(ss::io::detail::shape_text(shape) == "(2, 2, 3)");
  CHECK(ss::io::detail::shape_text({}) == "()");
  CHECK(ss::io::detail::element_count(shape) == 12);
}
