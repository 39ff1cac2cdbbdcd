#include "spearstorm/token/fit_rate.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = ss::token;
using ss::index;

namespace {

/// What each frame is made of, as text: `5`, `5*0.75+7*0.25`, `-` for nothing.
std::string told(token::fitted_ids const& of, index b) {
  std::string text;
  auto const part = [](std::int32_t id, float share) {
    std::string number = std::to_string(share);
    number.erase(number.find_last_not_of('0') + 1);
    return std::to_string(id) + (share == 1 ? "" : "*" + number);
  };
  for (index t = 0; t < of.first.extent(1); ++t) {
    std::string frame;
    if (of.first_share(b, t) > 0) frame = part(of.first(b, t), of.first_share(b, t));
    if (of.second_share(b, t) > 0) frame += (frame.empty() ? "" : "+") + part(of.second(b, t), of.second_share(b, t));
    text += (t == 0 ? "" : " ") + (frame.empty() ? std::string("-") : frame);
  }
  return text;
}

}  // namespace

TEST_CASE("token/fit_rate: at twice the rate each id stands twice, as in the paper") {
  token::id_array const ids({1, 3}, {5, 6, 7});
  CHECK(told(token::fit_rate(ids, 6, 0.5, token::rate_policy::repeat, 10), 0) == "5 5 6 6 7 7");
  CHECK(told(token::fit_rate(ids, 6, 0.5, token::rate_policy::nearest, 10), 0) == "5 5 6 6 7 7");
  CHECK(told(token::fit_rate(ids, 6, 0.5, token::rate_policy::interpolate, 10), 0) ==
        "5 5*0.75+6*0.25 5*0.25+6*0.75 6*0.75+7*0.25 6*0.25+7*0.75 7");
}

TEST_CASE("token/fit_rate: equal rates change nothing; what is too long is cut, what is too short is padded") {
  token::id_array const ids({1, 4}, {1, 2, 3, 4});
  for (auto policy : {token::rate_policy::repeat, token::rate_policy::nearest, token::rate_policy::interpolate}) {
    CHECK(told(token::fit_rate(ids, 4, 1, policy, 10), 0) == "1 2 3 4");
    CHECK(told(token::fit_rate(ids, 2, 1, policy, 10), 0) == "1 2");
    CHECK(told(token::fit_rate(ids, 6, 1, policy, 10), 0) == "1 2 3 4 - -");
  }
}

TEST_CASE("token/fit_rate: from a higher rate, repeat takes the id at the frame's begin, nearest the one at its middle") {
  token::id_array const ids({1, 6}, {1, 2, 3, 4, 5, 6});
  CHECK(told(token::fit_rate(ids, 2, 3, token::rate_policy::repeat, 10), 0) == "1 4");
  CHECK(told(token::fit_rate(ids, 2, 3, token::rate_policy::nearest, 10), 0) == "2 5");
}

TEST_CASE("token/fit_rate: padding and the end of sequence weigh nothing, whatever their id") {
  token::id_array const ids({2, 3}, {4, 10, -1, 4, 10, -7});
  auto const fitted = token::fit_rate(ids, 6, 0.5, token::rate_policy::interpolate, 10);
  CHECK(told(fitted, 0) == "4 4*0.75 4*0.25 - - -");
  CHECK(told(fitted, 1) == told(fitted, 0));
  for (auto id : fitted.first) CHECK((id == 0 || id == 4));  // a gather never meets a padding id
}

TEST_CASE("token/fit_rate: what it refuses") {
  token::id_array const ids({1, 2}, {1, 12});
  CHECK_THROWS_WITH(token::fit_rate(ids, 2, 1, token::rate_policy::repeat, 10),
                    "fit_rate: id of example 0, position 1 is 12, expected 0 to 9, 10 for the end, or below 0 for padding");
  CHECK_THROWS_WITH(token::fit_rate(ids, 2, 0, token::rate_policy::repeat, 20), "fit_rate: ids per frame = 0, expected above 0");
}
