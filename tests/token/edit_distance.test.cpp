#include "spearstorm/token/edit_distance.hpp"

#include <string_view>

#include "catch.hpp"

namespace ss = spearstorm;

namespace {
ss::index distance(std::string_view found, std::string_view expected) {
  return ss::token::edit_distance(std::span<char const>(found), std::span<char const>(expected));
}
}  // namespace

TEST_CASE("token/edit_distance: by hand") {
  CHECK(distance("kitten", "sitting") == 3);
  CHECK(distance("sitting", "kitten") == 3);
  CHECK(distance("", "abc") == 3);
  CHECK(distance("abc", "") == 3);
  CHECK(distance("abc", "abc") == 0);
  CHECK(distance("abcd", "bcda") == 2);
}

TEST_CASE("token/edit_distance: a rate is errors over what was expected") {
  ss::token::error_rate rate;
  CHECK(rate.share() == 0);
  std::string_view const found = "abd", expected = "abcd";
  rate.add(std::span<char const>(found), std::span<char const>(expected));
  rate.add(std::span<char const>(expected), std::span<char const>(expected));
  CHECK(rate.errors == 1);
  CHECK(rate.share() == Approx(1.0 / 8));
}
