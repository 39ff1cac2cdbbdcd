// Whole training steps over ranks, as docs/spear_tts.md writes them: whoever shares a batch, the weights are those of one rank.

#include "policies.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/gradient_slab.hpp"
#include "spearstorm/runtime/thread_communicator.hpp"
#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/train/pair_batches.hpp"

#include "catch.hpp"

using namespace test;

namespace {

using exec = fastest;
constexpr ss::index steps = 4;

/// What one rank ends with.
struct trained {
  std::vector<float> weights{}, gradients{};  // of all parameters; the gradients of the last step
  ss::index aligned = 0;                      // steps whose loss compared examples
};

trained train(ss::communicator const& ranks, ss::train::rows_in_memory const& rows) {
  ss::workspace<exec> work{{.seed = 1, .threads = 1}};
  ss::text_to_semantic<ss::dynamic_text_to_semantic, exec> model{
      work,
      {.dim = 8, .source_depth = 1, .target_depth = 1, .num_text_token_ids = 4, .num_semantic_token_ids = 6, .dim_head = 4, .heads = 2},
      {.ff_dropout = 0.2, .cond_drop_prob = 0.5, .align_reg_loss_weight = 10}};
  ss::optim::adamw<exec> adam{{.rate = 1e-2}};
  ss::optim::gradient_slab<exec> slab(model);
  ss::train::pair_batches const source(rows, {.batch = 5, .rank = ranks.rank(), .size = ranks.size()});
  trained made;
  for (ss::index step = 0; step < steps; ++step) {
    auto const part = source.at(step);
    ss::recording<exec> ctx{work, {.stochastic = true, .first_example = static_cast<std::uint32_t>(part.first_example)}};
    auto const loss = model.loss(ctx, part.batch, ss::spear_tts::token_kind::text, ss::spear_tts::token_kind::speech, {.ranks = &ranks});
    auto const ids = static_cast<double>(loss.rows.rows.size());
    auto total = ctx.eval(loss.tokens * (ids / ranks.all_reduce(ids)));            // ()
    made.aligned += loss.alignment ? 1 : 0;
    if (loss.alignment) total = ctx.eval(total + *loss.alignment * model.options.align_reg_loss_weight);
    slab.clear_();
    ctx.gradients(total, slab);
    slab.zero_unwritten_(work.exec());
    ranks.all_reduce(std::span(slab.data(), static_cast<std::size_t>(slab.size())));
    adam.step_(work, model, slab);
  }
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const values = p.to_host(), gradients = slab.to_host(p);
    made.weights.insert(made.weights.end(), values.begin(), values.end());
    made.gradients.insert(made.gradients.end(), gradients.begin(), gradients.end());
  });
  return made;
}
std::vector<trained> train_on(ss::index count) {
  ss::train::rows_in_memory const rows{{{1, 2}, {3}, {2, 2, 1}, {0}, {3, 0, 1}}, {{5, 4}, {3, 1}, {4}, {2, 0}, {1}}};
  std::vector<trained> made(static_cast<std::size_t>(count));
  ss::run_ranks(count, [&](ss::communicator const& ranks) { made[static_cast<std::size_t>(ranks.rank())] = train(ranks, rows); });
  return made;
}
/// The largest difference, as a share of the largest number.
double difference(std::vector<float> const& found, std::vector<float> const& expected) {
  REQUIRE(found.size() == expected.size());
  float apart = 0, most = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    apart = std::max(apart, std::abs(found[i] - expected[i])), most = std::max(most, std::abs(expected[i]));
  return static_cast<double>(apart) / static_cast<double>(most);
}

}  // namespace

TEST_CASE("spear_tts/ranks: two and three ranks train as one does") {
  auto const alone = train_on(1).front();
  CHECK(alone.aligned > 0);  // else half of the step is not tested
  for (ss::index count : {2, 3}) {
    auto const shared = train_on(count);
    INFO(count << " ranks");
    CHECK(shared.front().aligned == alone.aligned);
    CHECK(difference(shared.front().gradients, alone.gradients) < 1e-5);
    CHECK(difference(shared.front().weights, alone.weights) < 1e-5);
    for (auto const& other : shared) CHECK(difference(other.weights, shared.front().weights) == 0);  // no rank drifts
  }
}
