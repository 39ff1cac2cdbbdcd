#include "spearstorm/token/speculative.hpp"

#include <map>

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using row = std::vector<float>;
using rows = std::vector<row>;
using ids = std::vector<std::int32_t>;

TEST_CASE("token/speculative: acceptance by hand") {
  rows const p{{0.2f, 0.8f}, {0.5f, 0.5f}, {1, 0}}, q{{0.4f, 0.6f}, {0.25f, 0.75f}};
  auto const verdict = [&](ids drafted, row accept, double lenience = 1) {
    auto const v = token::verify_draft(p, q, drafted, accept, row{0, 0, 0}, lenience);
    return std::pair{v.accepted, v.next};
  };
  CHECK(verdict({0, 0}, {0.49f, 0.9f}) == std::pair{ss::index{2}, 0});  // 0.2 / 0.4; 0.5 / 0.25 is above 1; behind all: p of the last row
  CHECK(verdict({0, 0}, {0.51f, 0.0f}) == std::pair{ss::index{0}, 1});  // max(p - q, 0) = (0, 0.2)
  CHECK(verdict({1, 1}, {0.99f, 0.7f}) == std::pair{ss::index{1}, 0});  // 0.5 / 0.75; (0.25, 0) is left
  CHECK(verdict({0, 1}, {0.99f, 0.99f}, 0.5) == std::pair{ss::index{2}, 0});  // 0.2 / 0.2, 0.5 / 0.375
  CHECK(verdict({0, 1}, {0.99f, 0.99f}, 0) == std::pair{ss::index{2}, 0});
}

TEST_CASE("token/speculative: what the large model forbids is never accepted, and what both agree on always is") {
  rows const p{{0, 1}, {0.5f, 0.5f}};
  CHECK(token::verify_draft(p, rows{{0.9f, 0.1f}}, ids{0}, row{0}, row{0.5f, 0}, 0.0).accepted == 0);
  CHECK(token::verify_draft(p, rows{{0.9f, 0.1f}}, ids{0}, row{0}, row{0.5f, 0}).next == 1);
  CHECK(token::verify_draft(p, rows{{0, 1}}, ids{1}, row{0.9999f}, row{0, 0.25f}).accepted == 1);
  CHECK(token::verify_draft(p, rows{{0, 1}}, ids{1}, row{0.9999f}, row{0, 0.25f}).next == 0);
  CHECK(token::verify_draft(p, rows{{0, 1}}, ids{1}, row{0.9999f}, row{0, 0.75f}).next == 1);
  CHECK(token::verify_draft(rows{{0, 1}}, rows{}, ids{}, row{}, row{0.5f}).next == 1);  // no draft: a plain draw
}

TEST_CASE("token/speculative: draws by weight, by hand") {
  row const w{0, 2, 0, 6, 0};
  CHECK(token::draw_by_weight(w, 0) == 1);
  CHECK(token::draw_by_weight(w, 0.24) == 1);
  CHECK(token::draw_by_weight(w, 0.25) == 3);
  CHECK(token::draw_by_weight(w, 0.9999999999) == 3);
  CHECK(token::sampling_probabilities(row{0, std::log(3.0f)}, 1)[1] == Approx(0.75));
  CHECK(token::sampling_probabilities(row{0, std::log(3.0f)}, 0.5f)[1] == Approx(0.9));
  CHECK(token::sampling_probabilities(row{1, 2, 2}, 0) == row{0, 1, 0});
}

TEST_CASE("token/speculative: the first two tokens are distributed as the large model's, 100,000 draws") {
  // models of one token of memory: row 0 is the start, row 1 + v follows token v
  rows const large{{0.5f, 0.3f, 0.2f}, {0.1f, 0.2f, 0.7f}, {0.6f, 0.3f, 0.1f}, {0.3f, 0.3f, 0.4f}};
  rows const small{{0.2f, 0.5f, 0.3f}, {0.3f, 0.3f, 0.4f}, {0.5f, 0.5f, 0.0f}, {0.05f, 0.15f, 0.8f}};
  auto const after = [](rows const& of, ids const& seen) { return of[seen.empty() ? 0 : static_cast<std::size_t>(1 + seen.back())]; };
  ss::random_stream const stream{.seed = 5};
  std::map<std::pair<int, int>, int> seen;
  int const draws = 100000;
  double accepted = 0;
  for (std::uint32_t n = 0; n < static_cast<std::uint32_t>(draws); ++n) {
    std::uint32_t at = 0;
    auto const u = [&] { return stream.uniform(n, at++); };
    ids out;
    while (out.size() < 2) {
      ids drafted, context = out;
      rows p, q;
      row accept, next;
      for (int i = 0; i < 2; ++i) {
        q.push_back(after(small, context)), p.push_back(after(large, context));
        drafted.push_back(token::draw_by_weight(q.back(), static_cast<double>(u())));
        context.push_back(drafted.back());
      }
      p.push_back(after(large, context));
      for (int i = 0; i < 2; ++i) accept.push_back(u());
      for (int i = 0; i < 3; ++i) next.push_back(u());
      auto const v = token::verify_draft(p, q, drafted, accept, next);
      out.insert(out.end(), drafted.begin(), drafted.begin() + v.accepted);
      out.push_back(v.next);
      accepted += static_cast<double>(v.accepted);
    }
    ++seen[{out[0], out[1]}];
  }
  double chi = 0;
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) {
      double const expected = draws * static_cast<double>(large[0][static_cast<std::size_t>(a)]) *
                              static_cast<double>(large[static_cast<std::size_t>(1 + a)][static_cast<std::size_t>(b)]);
      chi += std::pow(seen[{a, b}] - expected, 2) / expected;
    }
  CHECK(chi < 26.1);  // 8 degrees of freedom, p = 0.001
  CHECK(accepted > 0.5 * draws);
}

TEST_CASE("token/speculative: what it refuses") {
  rows const p{{1, 0}, {1, 0}}, q{{1, 0}};
  row const one{0}, two{0, 0};
  CHECK_THROWS_WITH(token::verify_draft(q, q, ids{0}, one, two), "verify_draft: p has size = 1, the draft expects size = 2");
  CHECK_THROWS_WITH(token::verify_draft(p, q, ids{0}, two, two), "verify_draft: accept has size = 2, the draft expects size = 1");
  CHECK_THROWS_WITH(token::verify_draft(p, q, ids{0}, one, one), "verify_draft: next has size = 1, the draft expects size = 2");
  CHECK_THROWS_WITH(token::verify_draft(p, q, ids{2}, one, two), "verify_draft: a drafted id = 2, expected 0 to 1");
  CHECK_THROWS_WITH(token::verify_draft(p, q, ids{0}, one, two, 1.5), "verify_draft: lenience = 1.5, expected 0 to 1");
  CHECK_THROWS_AS(token::draw_by_weight(row{0, 0}, 0.5), ss::numeric_error);
  CHECK_THROWS_AS(token::draw_by_weight(row{1, -1}, 0.5), ss::numeric_error);
  CHECK_THROWS_AS(token::draw_by_weight(row{1}, 1.0), ss::value_error);
}
