#include "spearstorm/spear_tts/growing_rows.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using ss::spear_tts::generate_options;
using heard = std::vector<std::array<ss::index, 3>>;

TEST_CASE("spear_tts/growing_rows: rows end at their eos or at max_length; a listener hears what comes back") {
  for (bool keep : {false, true}) {
    heard tokens;
    std::vector<ss::index> lengths;
    generate_options const options{.max_length = 3,
                                   .keep_eos = keep,
                                   .on_token = [&](ss::index r, ss::index t, std::int32_t id) { tokens.push_back({r, t, id}); },
                                   .progress = [&](ss::index n, ss::index of) { lengths.push_back(10 * of + n); }};
    ss::spear_tts::growing_rows rows(2, 9, options);
    CHECK(rows.append(0, 5));
    CHECK(rows.append(1, 6));
    rows.report();
    CHECK(!rows.append(0, 9));
    CHECK(!rows.append(0, 4));  // what a draft held behind the end
    CHECK(rows.append(1, 7));
    rows.report();
    CHECK(!rows.append(1, 8));
    CHECK(!rows.append(1, 3));
    auto const made = rows.result(ss::token::pad_rows(std::vector<ss::token::sequence>{{1}, {2}}));
    CHECK(made.ended == std::vector<ss::flag>{1, 0});
    CHECK(made.source(1, 0) == 2);
    CHECK(lengths == std::vector<ss::index>{31, 32});
    std::vector<ss::token::sequence> const expected{keep ? ss::token::sequence{5, 9} : ss::token::sequence{5}, {6, 7, 8}};
    CHECK(made.ids == ss::token::pad_rows(expected));
    CHECK(made.valid == ss::token::valid_ids(made.ids));
    CHECK(tokens ==
          (keep ? heard{{0, 0, 5}, {1, 0, 6}, {0, 1, 9}, {1, 1, 7}, {1, 2, 8}} : heard{{0, 0, 5}, {1, 0, 6}, {1, 1, 7}, {1, 2, 8}}));
  }
}

TEST_CASE("spear_tts/growing_rows: without an eos no id ends a row") {
  generate_options const options{.max_length = 2};
  ss::spear_tts::growing_rows rows(1, -1, options);
  CHECK(rows.append(0, 9));
  CHECK(!rows.append(0, 9));
  CHECK(rows.result({}).ended == std::vector<ss::flag>{0});
}
