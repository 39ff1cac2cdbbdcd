#include "spearstorm/train/dry_run.hpp"

#include "catch.hpp"
#include "policies.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/spear_tts/tasks.hpp"

using namespace test;

namespace {

/// Batches of growing length, as a source hands them out.
struct growing_codes {
  struct item {
    ss::soundstorm::token_batch batch;
    ss::index first_example = 0;
  };
  item at(ss::index k) const {
    ss::token::code_array codes({2, 6 + 4 * k, 3});
    for (ss::index i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::int32_t>(i * 7 % 16);
    return {{.codes = codes}, 2 * k};
  }
};

constexpr ss::soundstorm_shape codes_shape{.codebook_size = 16,
                                           .num_quantizers = 3,
                                           .body = {.dim = 16, .depth = 3, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}};

/// The same for text and semantic tokens.
struct growing_pairs {
  struct item {
    ss::token::pair_batch batch;
    ss::index first_example = 0;
  };
  item at(ss::index k) const {
    auto const row = [](ss::index n, std::int32_t of) {
      ss::token::sequence ids;
      for (ss::index i = 0; i < n; ++i) ids.push_back(static_cast<std::int32_t>(i * 5 % of));
      return ids;
    };
    std::vector<ss::token::sequence> const text{row(4 + k, 9), row(3, 9)}, speech{row(6, 11), row(8 + 3 * k, 11)};
    return {{ss::token::pad_rows(text), ss::token::pad_rows(speech)}, 2 * k};
  }
};

template <class Exec>
using soundstorm = ss::soundstorm::model<ss::dynamic_soundstorm, Exec>;
template <class Exec>
using text_to_semantic = ss::text_to_semantic<ss::dynamic_text_to_semantic, Exec>;

/// FLOPs and high water of a real step of one batch.
template <class Model, class Exec, class Item, class Loss>
std::pair<double, double> real(ss::workspace<Exec>& work, Model const& model, Item const& item, Loss const& loss) {
  ss::optim::gradient_slab<Exec> slab(model);
  double const before = work.exec().counts->flops;
  {
    ss::recording<Exec> ctx{work, {.stochastic = true, .first_example = static_cast<std::uint32_t>(item.first_example)}};
    ctx.gradients(loss(ctx, model, item.batch), slab);
  }
  return {work.exec().counts->flops - before, static_cast<double>(work.values().high_water() + work.closures().high_water())};
}

}  // namespace

TEST_CASE("train/dry_run: what a SoundStorm's step will take is what it takes, the longest batch counts") {
  bool const recompute = GENERATE(false, true);
  ss::soundstorm_options const options{.body = {.recompute = recompute}};
  ss::workspace<ss::shape_only<fastest>> dry;
  soundstorm<ss::shape_only<fastest>> const planned{dry, codes_shape, options};
  auto const cost = ss::train::cost_of_step(dry, planned, growing_codes{}, 3);

  ss::workspace<ss::counted<fastest>> work;
  soundstorm<ss::counted<fastest>> const model{work, codes_shape, options};
  std::pair<double, double> most{};
  for (ss::index k = 0; k < 3; ++k) {
    auto const found = real(work, model, growing_codes{}.at(k), ss::train::plain_loss{});
    most = {std::max(most.first, found.first), found.second};
  }
  CHECK(cost.flops == most.first);
  CHECK(cost.values == most.second);
  CHECK(cost.weights == 4.0 * static_cast<double>(ss::parameter_count(model)));
  CHECK(cost.training == 3 * cost.weights);
  CHECK(cost.bytes() == cost.values + 4 * cost.weights);
  CHECK(ss::train::cost_of_step(dry, planned, growing_codes{}, 1, ss::train::plain_loss{}, true).training == 4 * cost.weights);
}

TEST_CASE("train/dry_run: recomputing trades memory for products") {
  auto const with = [](bool recompute) {
    ss::workspace<ss::shape_only<fastest>> dry;
    soundstorm<ss::shape_only<fastest>> const planned{dry, codes_shape, {.body = {.recompute = recompute}}};
    return ss::train::cost_of_step(dry, planned, growing_codes{}, 3);
  };
  auto const kept = with(false), again = with(true);
  CHECK(again.values < 0.8 * kept.values);
  CHECK(again.flops > 1.2 * kept.flops);
}

TEST_CASE("train/dry_run: what a TextToSemantic's step will take is what it takes") {
  ss::text_to_semantic_shape shape{.dim = 16, .source_depth = 2, .target_depth = 2, .dim_head = 8, .heads = 2};
  shape.num_text_token_ids = 9, shape.num_semantic_token_ids = 11;
  ss::spear_tts::text_to_semantic_task const task{};
  ss::workspace<ss::shape_only<fastest>> dry;
  text_to_semantic<ss::shape_only<fastest>> const planned{dry, shape};
  auto const cost = ss::train::cost_of_step(dry, planned, growing_pairs{}, 1, task);
  ss::workspace<ss::counted<fastest>> work;
  text_to_semantic<ss::counted<fastest>> const model{work, shape};
  CHECK(real(work, model, growing_pairs{}.at(0), task) == std::pair{cost.flops, cost.values});
}

TEST_CASE("train/dry_run: the line that is shown") {
  ss::train::step_cost const cost{.flops = 1.5e9, .values = 2e9, .weights = 1e9, .training = 3e9};
  CHECK(ss::train::text_of(cost) ==
        "a batch: 1.5 GFLOP of products; memory 6 GB: 2 of activations, 1 of weights, 3 of gradients and moments");
}
