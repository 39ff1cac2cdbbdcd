#include "spearstorm/token/row_order.hpp"

#include <algorithm>

#include "catch.hpp"
#include "spearstorm/core/random.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;
using ss::ordered;
using row = std::vector<float>;

TEST_CASE("token/row_order: the k largest of random rows are those of a sort, with few and with many equal ones") {
  ss::random_stream const draws{5};
  for (std::uint32_t size : {1u, 63u, 64u, 65u, 200u})
    for (std::uint32_t values : {2u, 7u, 1u << 30}) {
      row numbers;
      for (std::uint32_t v = 0; v < size; ++v) numbers.push_back(static_cast<float>(draws.below(values, values, v)) - 3.0f);
      token::detail::ordered_row const keys(numbers);
      auto sorted = numbers;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      CHECK(keys.highest() == ordered(sorted[0]));
      for (index k = 1; k <= static_cast<index>(size); k = 1 + 2 * k) {
        auto const cut = keys.largest(k);
        auto const last = sorted[static_cast<std::size_t>(k) - 1];
        index const above = std::count_if(sorted.begin(), sorted.end(), [&](float x) { return ordered(x) > cut.least; });
        index const equal = std::count_if(sorted.begin(), sorted.end(), [&](float x) { return ordered(x) == cut.least; });
        CHECK(ordered(last) >= cut.least);
        CHECK(above + std::min(equal, cut.of_least) == k);
      }
    }
}
