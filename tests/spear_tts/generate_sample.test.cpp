#include "spearstorm/spear_tts/generate_sample.hpp"

#include "generation.hpp"

using namespace test;

namespace {
ss::index length_of(ss::token::id_array const& ids, ss::index r) { return static_cast<ss::index>(ss::token::row_of(ids, r).size()); }
}  // namespace

TEST_CASE("spear_tts/generate_sample: greedy with a cache has the logits of the whole decoder at every token, both ways, guided and not") {
  for (auto [from, to] : {std::pair{text, speech}, {speech, text}, {speech, speech}})
    for (float scale : {1.0f, 3.0f}) {
      INFO(ss::spear_tts::name_of(from) << " to " << ss::spear_tts::name_of(to) << ", cond_scale " << scale);
      ss::workspace<exec> work{{.seed = 1}};
      auto const model = opinionated(work);
      auto const sources = from == text ? three_sources : ids_of({{1, 0, 4, 4}, {2}, {3, 3, 1}});
      std::vector<row> seen;
      auto const made = ss::spear_tts::generate(
          model, work, sources, from, to,
          {.max_length = 24, .temperature = 0, .filter_logits = remembering(seen), .cond_scale = scale, .keep_eos = true});
      std::size_t at = 0;
      for (ss::index t = 0; t < made.ids.extent(1); ++t)
        for (ss::index r = 0; r < 3; ++r) {
          if (length_of(made.ids, r) <= t) continue;  // it has left the batch
          auto const all = ss::token::row_of(made.ids, r);
          ss::token::sequence const prefix(all.begin(), all.begin() + t);
          auto const source = ss::token::row_of(sources, r);
          INFO("row " << r << ", token " << t);
          auto const with = logits_after(model, work, source, prefix, false, from, to);
          check_close(seen.at(at), ss::token::guided<float>(with, logits_after(model, work, source, prefix, true, from, to), {scale, 0}));
          CHECK(all[static_cast<std::size_t>(t)] == ss::token::argmax(seen[at++]));
        }
      CHECK(at == seen.size());  // no row was run after its end
    }
}

TEST_CASE("spear_tts/generate_sample: rows stop at their ends; what comes back says so") {
  ss::workspace<exec> work{{.seed = 2}};
  auto const model = opinionated(work);
  std::vector<std::vector<std::int32_t>> heard(3);
  std::vector<ss::index> lengths;
  auto const state = work.random();
  generate_options options{.max_length = 10,
                           .filter_thres = 1,
                           .on_token =
                               [&](ss::index r, ss::index t, std::int32_t id) {
                                 CHECK(t == static_cast<ss::index>(heard[static_cast<std::size_t>(r)].size()));
                                 heard[static_cast<std::size_t>(r)].push_back(id);
                               },
                           .progress = [&](ss::index n, ss::index) { lengths.push_back(n); }};
  auto const made = ss::spear_tts::generate(model, work, three_sources, text, speech, options);
  work.restore_(state);
  options.keep_eos = true, options.on_token = {}, options.progress = {};
  auto const kept = ss::spear_tts::generate(model, work, three_sources, text, speech, options);
  int stopped = 0;
  for (ss::index r = 0; r < 3; ++r) {
    auto ids = ss::token::row_of(made.ids, r);
    CHECK(heard[static_cast<std::size_t>(r)] == ids);
    for (auto id : ids) CHECK(id < 5);
    bool const ended = made.ended[static_cast<std::size_t>(r)];
    stopped += ended;
    CHECK((ended || static_cast<ss::index>(ids.size()) == options.max_length));
    if (ended) ids.push_back(5);
    CHECK(ss::token::row_of(kept.ids, r) == ids);
  }
  CHECK(stopped > 0);
  CHECK(stopped < 3);
  CHECK(lengths.size() == 10);
  CHECK(made.valid == ss::token::valid_ids(made.ids));
  CHECK(made.source == ss::token::with_eos(three_sources, 6));
  CHECK(ss::spear_tts::generate(model, work, three_sources, text, speech, {.max_length = 0}).ids.extent(1) == 0);
}

TEST_CASE("spear_tts/generate_sample: a row's draws depend on its number and the seed alone") {
  ss::workspace<exec> work{{.seed = 3}};
  auto const model = opinionated(work);
  auto const state = work.random();
  auto const together = ss::spear_tts::generate(model, work, three_sources, text, speech, {.max_length = 12, .filter_thres = 1});
  for (ss::index r = 0; r < 3; ++r) {
    work.restore_(state);
    auto const alone = ss::spear_tts::generate(model, work, ids_of({ss::token::row_of(three_sources, r)}), text, speech,
                                               {.max_length = 12, .filter_thres = 1, .first_example = r});
    CHECK(ss::token::row_of(alone.ids, 0) == ss::token::row_of(together.ids, r));
  }
  CHECK(ss::spear_tts::generate(model, work, three_sources, text, speech, {.max_length = 12, .filter_thres = 1}).ids !=
        together.ids);  // the next step
}

TEST_CASE("spear_tts/generate_sample: tokens are distributed as the logits say, 20,000 draws of the first two") {
  ss::workspace<exec> work{{.seed = 5}};
  auto const model = opinionated(work);
  ss::index const batch = 4000, steps = 5;
  ss::token::sequence const source{1, 4};
  std::vector<ss::token::sequence> const many(static_cast<std::size_t>(batch), source);
  std::vector<double> seen(6 + 36);
  for (ss::index s = 0; s < steps; ++s) {
    auto const made = ss::spear_tts::generate(model, work, ids_of(many), text, speech,
                                              {.max_length = 2, .temperature = 1.5f, .filter_thres = 1, .keep_eos = true});
    for (ss::index r = 0; r < batch; ++r) {
      auto const ids = ss::token::row_of(made.ids, r);
      ++seen[static_cast<std::size_t>(ids.size() == 1 ? ids[0] : 6 + 6 * ids[0] + ids[1])];
    }
  }
  auto const share = [&](ss::token::sequence const& prefix, int id) {
    return static_cast<double>(
        ss::token::softmax(ss::token::with_temperature(logits_after(model, work, source, prefix), 1.5f))[static_cast<std::size_t>(id)]);
  };
  double chi = 0;
  auto const add = [&](double found, double p) {
    chi += std::pow(found - static_cast<double>(batch * steps) * p, 2) / (static_cast<double>(batch * steps) * p);
  };
  add(seen[5], share({}, 5));  // ended at once
  for (int a = 0; a < 5; ++a)
    for (int b = 0; b < 6; ++b) add(seen[static_cast<std::size_t>(6 + 6 * a + b)], share({}, a) * share({a}, b));
  CHECK(chi < 59.7);  // 30 degrees of freedom, p = 0.001
}

TEST_CASE("spear_tts/generate_sample: a token that repeats is drawn again from all tokens") {
  ss::workspace<exec> work{{.seed = 6}};
  model_type const model{work, small, {.starts_at_log_vocabulary = false}};
  auto const greedy = [&](ss::token::repetition_options repetition) {
    auto const made =
        ss::spear_tts::generate(model, work, three_sources, text, speech, {.max_length = 40, .temperature = 0, .repetition = repetition});
    ss::index repeats = 0, count = 0;
    for (ss::index r = 0; r < 3; ++r) {
      auto const ids = ss::token::row_of(made.ids, r);
      for (std::size_t t = 1; t < ids.size(); ++t) ++count, repeats += ids[t] == ids[t - 1];
    }
    return std::pair{repeats, count};
  };
  auto const [plain, of] = greedy({});
  auto const [again, all] = greedy({.window = 1, .threshold = 0});
  CHECK(of == 117);
  CHECK(plain == of);
  CHECK(all > 0);
  CHECK(again < all);
}

TEST_CASE(
    "spear_tts/generate_sample: a token costs the same products at any position, for any source; the source's keys are projected once") {
  auto const spent = [](ss::index source_length) {
    ss::workspace<exec> work{{.seed = 7}};
    auto shape = small;
    shape.autoset_semantic_eos_id = false;  // no row ends
    auto const model = opinionated(work, shape);
    std::vector<double> flops{0};
    *work.exec().counts = {};
    ss::token::sequence const source(static_cast<std::size_t>(source_length), 2);
    ss::spear_tts::generate(model, work, ids_of({source, source}), text, speech,
                            {.max_length = 50, .progress = [&](ss::index, ss::index) { flops.push_back(work.exec().counts->flops); }});
    for (std::size_t i = flops.size() - 1; i > 0; --i) flops[i] -= flops[i - 1];
    flops.erase(flops.begin());
    return flops;
  };
  auto const short_source = spent(3), long_source = spent(40);
  REQUIRE(short_source.size() == 50);
  // dim 12, inner 16, keys 8, feed-forward 16 twice in and once out; attention to the cache is no product
  double const layer = 12 * 16 + 2 * 12 * 8 + 16 * 12 + 12 * 16 + 16 * 12 + 3 * 12 * 16;
  for (std::size_t i = 1; i < 50; ++i) {
    CHECK(short_source[i] == 2 * 2 * (3 * layer + 12 * 5));  // two rows, three layers, logits
    CHECK(long_source[i] == short_source[i]);
  }
  CHECK(long_source[0] > short_source[0]);  // the encoder, and three times two projections of the source
}
