#include "spearstorm/io/axis.hpp"

#include "catch.hpp"

using namespace spearstorm::io;

namespace {
std::vector<std::string> texts(double low, double high, spearstorm::index wanted) {
  std::vector<std::string> found;
  for (tick const& each : ticks_of(low, high, wanted)) found.push_back(each.text);
  return found;
}
using list = std::vector<std::string>;
}  // namespace

TEST_CASE("io/axis: round numbers") {
  CHECK(texts(0, 10, 5) == list{"0", "2", "4", "6", "8", "10"});
  CHECK(texts(-0.3, 0.9, 6) == list{"-0.2", "0.0", "0.2", "0.4", "0.6", "0.8"});
  CHECK(texts(1.213, 1.287, 4) == list{"1.22", "1.24", "1.26", "1.28"});
  CHECK(texts(0, 20000, 4) == list{"0", "5k", "10k", "15k", "20k"});
  CHECK(texts(0, 2500000, 3) == list{"0", "1M", "2M"});
  CHECK(texts(0, 1.2e-8, 3) == list{"0", "5e-09", "1e-08"});
  CHECK(texts(-80, 0, 4) == list{"-80", "-60", "-40", "-20", "0"});
}

TEST_CASE("io/axis: every range has ticks inside it") {
  for (double const scale : {1e-12, 1e-3, 1.0, 7.3, 1e4, 1e17})
    for (double const low : {-3.0, 0.0, 0.7})
      for (spearstorm::index wanted = 2; wanted < 12; ++wanted) {
        CAPTURE(scale, low, wanted);
        auto const ticks = ticks_of(low * scale, (low + 1) * scale, wanted);
        CHECK((ticks.size() >= 1 && ticks.size() <= static_cast<std::size_t>(wanted) + 1));
        for (tick const& each : ticks) CHECK((each.value >= (low - 1e-6) * scale && each.value <= (low + 1 + 1e-6) * scale));
      }
  CHECK_THROWS_AS(ticks_of(1, 1, 3), spearstorm::value_error);
  CHECK_THROWS_AS(ticks_of(0, NAN, 3), spearstorm::value_error);
}
