#include "spearstorm/token/sampling.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;
using row = std::vector<float>;

namespace {
float const gone = -std::numeric_limits<float>::infinity();
}

TEST_CASE("token/sampling: keep_top by hand, ties to the lower index") {
  CHECK(token::keep_top(row{1, 3, 2, 3}, 2) == row{gone, 3, gone, 3});
  CHECK(token::keep_top(row{2, 1, 2, 2}, 2) == row{2, gone, 2, gone});
  CHECK(token::keep_top(row{0, 0, 0, 0}, 1) == row{0, gone, gone, gone});
  CHECK(token::keep_top(row{gone, 5, gone}, 2) == row{gone, 5, gone});
}

TEST_CASE("token/sampling: one thres removes a share, the other keeps it") {
  CHECK(token::soundstorm_top_k_count(10, 0.75) == 3);     // ceil(2.5)
  CHECK(token::soundstorm_top_k_count(1024) == 103);       // ceil(102.4)
  CHECK(token::soundstorm_top_k_count(1000, 0.7) == 301);  // python's 1 - 0.7 is a little above 0.3
  CHECK(token::soundstorm_top_k_count(10, 1.0) == 1);
  CHECK(token::soundstorm_top_k_count(10, 0.0) == 10);
  CHECK(token::spear_tts_top_k_count(10, 0.75) == 8);
  CHECK(token::spear_tts_top_k_count(1024) == 103);
  CHECK(token::soundstorm_top_k(row{4, 3, 2, 1}, 0.75) == row{4, gone, gone, gone});
  CHECK(token::spear_tts_top_k(row{4, 3, 2, 1}, 0.75) == row{4, 3, 2, gone});
  CHECK(token::spear_tts_top_k(row{4, 3, 2, 1}, 0.75, 2) == row{4, 3, gone, gone});
}

TEST_CASE("token/sampling: top_p keeps the token that crosses the threshold") {
  row const logits{std::log(0.2f), std::log(0.5f), std::log(0.05f), std::log(0.25f)};
  CHECK(token::top_p(logits, 0.4) == row{gone, logits[1], gone, gone});
  CHECK(token::top_p(logits, 0.6) == row{gone, logits[1], gone, logits[3]});
  CHECK(token::top_p(logits, 0.9) == row{logits[0], logits[1], gone, logits[3]});
  CHECK(token::top_p(logits, 0.0) == row{gone, logits[1], gone, gone});
  CHECK(token::top_p(logits, 1.0) == logits);
  CHECK(token::top_p(row{0, 0, 0, 0}, 0.4) == row{0, 0, gone, gone});
}

TEST_CASE("token/sampling: softmax, confidence and argmax by hand") {
  row const logits{0.0f, std::log(3.0f), gone};
  CHECK(token::softmax(logits)[0] == Approx(0.25));
  CHECK(token::confidence(logits, 1) == Approx(0.75));
  CHECK(token::confidence(logits, 2) == 0.0f);
  CHECK(token::softmax(row{1000, 1000})[0] == 0.5f);
  CHECK(token::argmax(logits) == 1);
  CHECK(token::argmax(row{2, 7, 7, 1}) == 1);
  CHECK(token::with_temperature(row{1, 3}, 0.5f) == row{2, 6});
}

TEST_CASE("token/sampling: gumbel_sample draws by softmax(logits / temperature)") {
  row const logits{std::log(0.1f), std::log(0.2f), std::log(0.3f), std::log(0.4f), gone};
  for (float temperature : {1.0f, 2.0f}) {
    row const p = token::softmax(token::with_temperature(logits, temperature));
    int const draws = 6000;
    std::vector<int> seen(5, 0);
    ss::random_stream const stream{.seed = 3, .step = 1, .stream = 9};
    for (int i = 0; i < draws; ++i) ++seen[static_cast<std::size_t>(token::gumbel_sample(logits, temperature, stream, i / 100, i % 100))];
    CHECK(seen[4] == 0);
    double chi = 0;
    for (std::size_t v = 0; v < 4; ++v) chi += std::pow(seen[v] - draws * p[v], 2) / (draws * p[v]);
    CHECK(chi < 16.3);  // 3 degrees of freedom, p = 0.001
  }
}

TEST_CASE("token/sampling: gumbel_sample without heat is argmax, and the same draw is the same token") {
  row const logits{1, 2, 2, 1.5f};
  for (index i = 0; i < 50; ++i) {
    CHECK(token::gumbel_sample(logits, 0.0f, {.seed = 1}, i, i) == 1);
    CHECK(token::gumbel_sample(row{1, 2, 1.9f}, 1e-3f, {.seed = 1}, i, i) == 1);
    CHECK(token::gumbel_sample(logits, 1.0f, {.seed = 1}, i, 3) == token::gumbel_sample(logits, 1.0f, {.seed = 1}, i, 3));
  }
}

TEST_CASE("token/sampling: what it refuses") {
  float const nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(token::argmax(row{1, nan}), "argmax: logit of token 1 is nan, expected a finite number or -inf");
  CHECK_THROWS_WITH(token::softmax(row{gone, gone}), "softmax: none of 2 logits is finite, expected 1 or more");
  CHECK_THROWS_AS(token::argmax(row{}), ss::numeric_error);
  CHECK_THROWS_AS(token::softmax(row{1, -gone}), ss::numeric_error);
  CHECK_THROWS_AS(token::keep_top(row{1, 2}, 0), ss::value_error);
  CHECK_THROWS_AS(token::keep_top(row{1, 2}, 3), ss::value_error);
  CHECK_THROWS_AS(token::soundstorm_top_k(row{1, 2}, 1.1), ss::value_error);
  CHECK_THROWS_AS(token::top_p(row{1, 2}, -0.1), ss::value_error);
  CHECK_THROWS_AS(token::confidence(row{1, 2}, 2), ss::value_error);
  CHECK_THROWS_AS(token::gumbel_sample(row{1, 2}, -1.0f, {}, 0, 0), ss::value_error);
  CHECK_THROWS_AS(token::gumbel_sample(row{1, 2}, 1.0f, {}, 0, index{1} << 31), ss::value_error);
}
