#include "spearstorm/token/codes.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
namespace token = spearstorm::token;
using ss::index;

TEST_CASE("token/codes: a wrong id is named by example, frame and level") {
  token::code_array codes({2, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 8, 3});
  CHECK_NOTHROW(token::check_codes("load", codes, 9));
  CHECK_THROWS_WITH(token::check_codes("load", codes, 8), "load: codes of example 1, frame 1, level 1 hold 8, expected 0 to 7");
  token::flag_array const valid({2, 2}, {1, 1, 1, 0});
  CHECK_NOTHROW(token::check_codes("load", codes, 8, valid));
  codes(0, 1, 2) = -1;
  CHECK_THROWS_WITH(token::check_codes("load", codes, 8, valid, 40),
                    "load: codes of example 40, frame 1, level 2 hold -1, expected 0 to 7");
  CHECK_THROWS_WITH(token::check_codes("load", codes, 8, token::all_valid(2, 3)), "load: valid has frames = 3, codes expects frames = 2");
  CHECK_THROWS_AS(token::check_codes("load", codes, 0), ss::value_error);
}

TEST_CASE("token/codes: padding becomes a mask, lengths, and no id that a gather could meet") {
  token::code_array const codes({2, 3, 2}, {1, 2, 3, 4, -1, -1, 5, 6, 7, -1, -1, -1});
  token::flag_array const valid = token::valid_frames(codes, -1);
  CHECK(valid == token::flag_array({2, 3}, {1, 1, 0, 1, 0, 0}));
  CHECK(token::valid_lengths(valid) == std::vector<index>{2, 1});
  CHECK(token::valid_frames(token::valid_lengths(valid), 3) == valid);
  CHECK(token::fill_padding(codes, valid, 9) == token::code_array({2, 3, 2}, {1, 2, 3, 4, 9, 9, 5, 6, 9, 9, 9, 9}));
  CHECK(codes(0, 2, 0) == -1);
}

TEST_CASE("token/codes: lengths that do not exist") {
  CHECK_THROWS_WITH(token::valid_lengths(token::flag_array({1, 4}, {1, 0, 1, 0})),
                    "valid_lengths: frame 2 of row 0 is valid, expected padding from frame 1 on");
  CHECK_THROWS_WITH(token::valid_frames(std::vector<index>{5}, 4), "valid_frames: length = 5, expected 0 to 4");
}

TEST_CASE("token/codes: statistics by hand") {
  // level 0: 0 0 1 1 -> log 2; level 1: 2 2 2 2 -> 0; the padded frame does not count
  token::code_array const codes({1, 5, 2}, {0, 2, 1, 2, 0, 2, 1, 2, 3, -1});
  token::code_counts counts(2, 4);
  counts.add(codes, token::flag_array({1, 5}, {1, 1, 1, 1, 0}));
  CHECK(counts.entropies()[0] == Approx(std::log(2.0)));
  CHECK(counts.entropies()[1] == 0.0);
  CHECK(counts.statistics(0).count == 4);
  CHECK(counts.statistics(0).used == 2);
  CHECK(counts.statistics(1).used == 1);
  CHECK(std::vector<index>(counts.of(0).begin(), counts.of(0).end()) == std::vector<index>{2, 2, 0, 0});

  token::code_array const more({1, 4, 2}, {2, 0, 2, 1, 3, 2, 3, 3});
  counts.add(more);
  CHECK(counts.entropies()[0] == Approx(std::log(4.0)));
  CHECK(counts.statistics(1).count == 8);
  CHECK(token::unigram_entropy(std::vector<token::code_array>{more}, 4) == std::vector<double>{std::log(2.0), std::log(4.0)});
}

TEST_CASE("token/codes: statistics refuse what does not fit and keep what they had") {
  token::code_counts counts(2, 4);
  CHECK_THROWS_AS(counts.add(token::code_array({1, 1, 2}, {1, 4})), ss::value_error);
  CHECK(counts.statistics(0).count == 0);
  CHECK(counts.statistics(0).entropy == 0.0);
  CHECK_THROWS_WITH(counts.add(token::code_array({1, 1, 3})), "code_counts: codes has levels = 3, counts expects levels = 2");
  CHECK_THROWS_AS(counts.statistics(2), ss::value_error);
  CHECK_THROWS_AS(token::unigram_entropy({}, 4), ss::value_error);
}
