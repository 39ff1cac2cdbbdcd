#include "spearstorm/ops/sample_rows.hpp"

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/token/candidates.hpp"
#include "spearstorm/token/guidance.hpp"
#if defined(SPEARSTORM_TEST_THRUST)
#include "thrust_blocks.hpp"
#endif

using namespace test;
using namespace ss::axes;
namespace token = ss::token;

namespace {

float const removed = -std::numeric_limits<float>::infinity();
using table = ss::array<float, rows<>, vocab<>>;
using places_of = ss::array<std::int32_t, rows<>>;

struct made_rows {
  std::vector<std::int32_t> ids;
  std::vector<float> confidence;
};

template <class Exec>
made_rows on_device(table const& logits, places_of const& places, ss::ops::sample_options const& options) {
  ss::workspace<Exec> work{{.threads = 2}};
  ss::inference<Exec> ctx{work};
  auto const made = ss::ops::sample_rows(ctx, ctx.upload(logits), ctx.upload(places), options);
  auto const ids = ctx.download(made.ids);
  auto const confidence = ctx.download(made.confidence);
  return {{ids.begin(), ids.end()}, {confidence.begin(), confidence.end()}};
}

/// The same by the functions of the host.
made_rows on_host(table const& logits, places_of const& places, ss::ops::sample_options const& options) {
  made_rows made;
  token::guidance_options const guidance{options.guidance.scale, options.guidance.rescale};
  token::candidate_options const filter{0, options.top_k, options.top_p};
  auto const size = static_cast<std::size_t>(logits.extent(1));
  for (ss::index r = 0; r < places.size(); ++r) {
    auto const at = [&](ss::index row) { return logits.values().subspan(static_cast<std::size_t>(row) * size, size); };
    auto const with = at(r);
    auto const row =
        guidance.scale == 1 ? std::vector<float>(with.begin(), with.end()) : token::guided(with, at(places.size() + r), guidance);
    ss::index const place = places(r);
    made.ids.push_back(token::gumbel_sample(token::candidates(row, filter), options.temperature, options.noise,
                                            options.first_example + place / options.positions,
                                            options.first_position + place % options.positions));
    made.confidence.push_back(token::confidence(row, made.ids.back()));
  }
  return made;
}

template <class Exec>
void check_equal(made_rows const& expected, table const& logits, places_of const& places, ss::ops::sample_options const& options) {
  auto const found = on_device<Exec>(logits, places, options);
  CHECK(found.ids == expected.ids);
  for (std::size_t r = 0; r < found.confidence.size(); ++r) CHECK(found.confidence[r] == Approx(expected.confidence[r]).epsilon(1e-6));
}

void check_as_on_host(table const& logits, places_of const& places, ss::ops::sample_options const& options) {
  INFO("vocab " << logits.extent(1) << ", temperature " << options.temperature << ", top_k " << options.top_k << ", top_p " << options.top_p
                << ", guidance " << options.guidance.scale << " " << options.guidance.rescale);
  auto const expected = on_host(logits, places, options);
  for_each_policy<ss::f32>([&](auto policy, char const* name) {
    INFO(name);
    check_equal<typename decltype(policy)::type>(expected, logits, places, options);
  });
}

/// Normal logits; every fourth row holds few different values, and the row after it loses many of its tokens.
table drawn(ss::index count, ss::index size, bool some_removed) {
  table made({count, size});
  ss::random_stream const draws{7};
  for (ss::index r = 0; r < count; ++r)
    for (ss::index v = 0; v < size; ++v) {
      auto const row = static_cast<std::uint32_t>(r), at = static_cast<std::uint32_t>(v);
      float& x = made(r, v) = r % 4 == 0 ? static_cast<float>(draws.below(3, row, at)) - 1.0f : 2 * draws.normal(row, at);
      if (some_removed && r % 4 == 1 && v > 0 && draws.below(3, row + 100, at) > 0) x = removed;
    }
  return made;
}

places_of const nine({9}, {4, 0, 17, 3, 8, 9, 20, 2, 5});

}  // namespace

TEST_CASE("ops/sample_rows: the most likely token and its probability, by hand") {
  table const logits({3, 4}, {0, 1, 1, removed, std::log(3.0f), 0, removed, removed, removed, removed, removed, -1e30f});
  for_each_policy<ss::f32>([&](auto policy, char const* name) {
    INFO(name);
    auto const found = on_device<typename decltype(policy)::type>(logits, places_of({3}), {.temperature = 0});
    CHECK(found.ids == std::vector<std::int32_t>{1, 0, 3});
    CHECK(found.confidence[0] == Approx(std::exp(1.0) / (1 + 2 * std::exp(1.0))));
    CHECK(found.confidence[1] == Approx(0.75));
    CHECK(found.confidence[2] == 1);
  });
}

TEST_CASE("ops/sample_rows: tokens and confidence are the host's: temperatures, best k, nucleus, ties, removed tokens") {
  for (ss::index size : {1, 5, 37, 130})
    for (float temperature : {0.0f, 1e-12f, 0.7f, 6.0f})
      for (ss::index k : {ss::index{0}, ss::index{1}, ss::index{4}, size})
        for (double p : {1.0, 0.9, 0.4, 0.0})
          if (k <= size)
            check_as_on_host(drawn(9, size, true), nine,
                             {.temperature = temperature, .top_k = k, .top_p = p, .noise = {3, 5, 11}, .first_example = 2, .positions = 6});
}

TEST_CASE("ops/sample_rows: equally likely tokens are cut at the lower index") {
  table const flat({9, 8}, 0.5f);
  for (ss::index k : {1, 3, 8})
    for (double p : {0.12, 0.125, 0.5, 0.51, 1.0}) {
      check_as_on_host(flat, nine, {.temperature = 1, .top_k = k, .top_p = p, .noise = {9}, .positions = 32});
      auto const found = on_device<fastest>(flat, nine, {.temperature = 1, .top_k = k, .top_p = p, .noise = {9}, .positions = 32});
      for (auto id : found.ids) CHECK(id < k);
    }
}

TEST_CASE("ops/sample_rows: a guided row is the host's") {
  for (float rescale : {0.0f, 0.7f})
    for (float scale : {0.0f, 3.0f})
      for (float temperature : {0.0f, 2.0f})
        check_as_on_host(
            drawn(18, 29, false), nine,
            {.guidance = {scale, rescale}, .temperature = temperature, .top_k = 9, .top_p = 0.95, .noise = {4}, .positions = 32});
}

#if defined(SPEARSTORM_TEST_THRUST)
TEST_CASE("ops/sample_rows: the threads of a block that share a row choose what one thread chooses") {
  for (double p : {1.0, 0.6})
    for (float scale : {1.0f, 3.0f}) {
      auto const logits = drawn(scale == 1 ? 9 : 18, 29, scale == 1);
      ss::ops::sample_options const options{
          .guidance = {scale, 0.7f}, .temperature = 2, .top_k = 9, .top_p = p, .noise = {4}, .positions = 32};
      check_equal<thrust_blocks<>>(on_host(logits, nine, options), logits, nine, options);
    }
}
#endif

TEST_CASE("ops/sample_rows: logits in double are read as floats") {
  auto const logits = drawn(9, 21, true);
  ss::workspace<ss::cpu::scalar<ss::f64>> work;
  ss::inference<ss::cpu::scalar<ss::f64>> ctx{work};
  auto const made = ss::ops::sample_rows(ctx, ctx.upload(logits), ctx.upload(nine), {.top_k = 6, .noise = {3}, .positions = 32});
  auto const expected = on_host(logits, nine, {.top_k = 6, .noise = {3}, .positions = 32});
  for (ss::index r = 0; r < 9; ++r) {
    CHECK(ctx.download(made.ids)(r) == expected.ids[static_cast<std::size_t>(r)]);
    CHECK(ctx.download(made.confidence)(r) == Approx(expected.confidence[static_cast<std::size_t>(r)]).epsilon(1e-6));
  }
}

TEST_CASE("ops/sample_rows: a row draws by its example and position, whatever rows stand beside it") {
  auto const logits = drawn(9, 40, false);
  ss::ops::sample_options const options{.temperature = 4, .noise = {8}, .positions = 6};
  auto const together = on_device<fastest>(logits, nine, options);
  for (ss::index r = 0; r < 9; ++r) {
    table alone({1, 40});
    std::copy_n(logits.data() + r * 40, 40, alone.data());
    auto of_row = options;  // the same place, told in another way
    of_row.first_example = nine(r) / 6, of_row.first_position = nine(r) % 6, of_row.positions = 1;
    CHECK(on_device<fastest>(alone, places_of({1}), of_row).ids[0] == together.ids[static_cast<std::size_t>(r)]);
  }
}

TEST_CASE("ops/sample_rows: what does not fit is named") {
  ss::workspace<ss::cpu::scalar<>> work;
  ss::inference<ss::cpu::scalar<>> ctx{work};
  auto const sample = [&](table const& logits, ss::ops::sample_options const& options) {
    ss::ops::sample_rows(ctx, ctx.upload(logits), ctx.upload(places_of({2})), options);
  };
  CHECK_THROWS_WITH(sample(table({3, 4}), {}), "sample_rows: logits has rows = 3, places expects rows = 2");
  CHECK_THROWS_WITH(sample(table({2, 4}), {.guidance = {2}}), "sample_rows: logits has rows = 2, places, twice expects rows = 4");
  CHECK_THROWS_WITH(sample(table({2, 4}), {.top_k = 5}), "sample_rows: top_k = 5, expected 0 to 4");
  CHECK_THROWS_WITH(sample(table({2, 4}), {.top_p = 2}), "sample_rows: top_p = 2, expected 0 to 1");
  CHECK_THROWS_AS(sample(table({2, 4}), {.temperature = -1}), ss::value_error);
  CHECK_THROWS_WITH(sample(table({2, 1 << 10}), {.first_position = 1 << 22}),
                    "sample_rows: first_position = 4194304, expected 0 to 4194303");
  table wrong({2, 2}, {1, 2, removed, removed});
  CHECK_THROWS_WITH(sample(wrong, {}), "sample_rows: none of the 2 logits of row 1 is finite, expected 1 or more");
  wrong(1, 0) = -removed;
  CHECK_THROWS_WITH(sample(wrong, {}), "sample_rows: logit of row 1, token 0 is inf, expected a finite number or -inf");
}
