#include "spearstorm/token/candidates.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using row = std::vector<float>;

namespace {
float const gone = -std::numeric_limits<float>::infinity();
row const logits{std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};
}  // namespace

TEST_CASE("token/candidates: top_k overrules filter_thres, top_p works on what is left, by hand") {
  CHECK(token::candidates(logits, {.filter_thres = 0.5}) == row{gone, logits[1], gone, logits[3]});
  CHECK(token::candidates(logits, {.filter_thres = 0.5, .top_k = 3}) == row{gone, logits[1], logits[2], logits[3]});
  CHECK(token::candidates(logits, {.filter_thres = 0, .top_p = 0.6}) == row{gone, logits[1], gone, logits[3]});
  CHECK(token::candidates(logits, {.filter_thres = 0, .top_k = 3, .top_p = 0.4}) == row{gone, logits[1], gone, gone});  // 0.4 of 0.9
  CHECK(token::candidates(logits, {.filter_thres = 0}) == logits);
  CHECK(token::candidates(logits, {.filter_thres = 1}) == row{gone, logits[1], gone, gone});
}

TEST_CASE("token/candidates: what it refuses") {
  CHECK_NOTHROW(token::check_candidates("f", {.top_k = 4}, 4));
  CHECK_THROWS_WITH(token::check_candidates("f", {.top_k = 5}, 4), "f: top_k = 5, expected 0 to 4");
  CHECK_THROWS_WITH(token::check_candidates("f", {.top_p = 1.5}, 4), "f: top_p = 1.5, expected 0 to 1");
  CHECK_THROWS_AS(token::check_candidates("f", {.filter_thres = -0.1}, 4), ss::value_error);
}
