#include "golden_soundstorm.hpp"

using namespace test;
using namespace ss::axes;

namespace {

template <class Exec>
using dynamic_model = ss::soundstorm::model<ss::dynamic_soundstorm, Exec>;

std::vector<double> flat(auto const& host) { return std::vector<double>(host.begin(), host.end()); }

ss::tolerance const logit_tolerance = ss::tolerance_of<float>(ss::computed::whole_model);
static_assert(ss::tolerance_of<float>(ss::computed::whole_model).absolute <= 1e-5 &&
              ss::tolerance_of<float>(ss::computed::whole_model).relative <= 1e-4);

/// 1e-4 of the tensor's norm, and each number within 1e-4 of itself or of the root mean square.
void compare_gradient(std::string const& key, std::vector<double> const& found, std::vector<double> const& expected) {
  INFO("gradient of " << key);
  REQUIRE(found.size() == expected.size());
  CHECK(distance(found, expected) <= 1e-4);
  double squares = 0;
  for (double x : expected) squares += x * x;
  double const floor = 1e-7 + 1e-4 * std::sqrt(squares / static_cast<double>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (!ss::agree(found[i], expected[i], {floor, 1e-4})) {
      INFO("element " << i);
      CHECK(found[i] == Approx(expected[i]).epsilon(1e-4).margin(floor));
      return;
    }
}

/// Broadcasts a condition of one row for all frames; sums embeddings of every level.
ss::array<float, batch<>, frames<>, dim<>> per_frame(golden_soundstorm const& file, std::string const& name, ss::sizes<3> to) {
  auto const given = file.values(name);
  auto const each = static_cast<ss::index>(given.size()) / to[0];  // numbers of an example
  ss::array<float, batch<>, frames<>, dim<>> made(to);
  for (ss::index i = 0; i < made.size(); ++i) {
    ss::index const b = i / (to[1] * to[2]), t = i / to[2] % to[1], d = i % to[2];
    double sum = 0;
    if (each == to[2])
      sum = given[static_cast<std::size_t>(b * each + d)];
    else
      for (ss::index level = 0; level < each / (to[1] * to[2]); ++level)
        sum += given[static_cast<std::size_t>(b * each + (t * each / to[1]) + level * to[2] + d)];
    made.data()[i] = static_cast<float>(sum);
  }
  return made;
}

/// All positions of every level, sorted as the heads expect them.
ss::token::chosen_list every_position(ss::token::code_array const& codes) {
  ss::token::chosen_list made;
  ss::index const n = codes.extent(0) * codes.extent(1);
  std::vector<std::int32_t> rows;
  for (ss::index level = 0; level < codes.extent(2); ++level) {
    made.offsets.push_back(static_cast<ss::index>(rows.size()));
    for (ss::index at = 0; at < n; ++at) rows.push_back(static_cast<std::int32_t>(at));
  }
  made.offsets.push_back(static_cast<ss::index>(rows.size()));
  made.rows = {{static_cast<ss::index>(rows.size())}, std::move(rows)};
  return made;
}

template <class Exec>
void compare_case(golden_soundstorm const& file) {
  ss::workspace<Exec> work;
  dynamic_model<Exec> model{work, file.shape(), file.options()};
  file.load(model);
  typename ss::soundstorm::semantic_condition<ss::dynamic_soundstorm, Exec>::table lent{
      work, {file.shape().num_semantic_token_ids, file.shape().semantic_dim}, ss::initialiser::zeros()};
  if (file.shape().semantic_dim > 0) {
    auto const rows = file.values("param.semantic_token_emb.weight");
    lent.assign_(std::vector<typename Exec::param_type>(rows.begin(), rows.end()));
    model.condition->borrow(lent);
  }
  auto const examples = file.batch();
  auto const task = file.task();
  auto const chosen = ss::token::chosen_rows(task.mask);
  ss::index const batches = examples.codes.extent(0), length = examples.codes.extent(1), wide = file.shape().body.dim;

  {  // what a network is given, and its logits
    ss::inference<Exec> ctx{work};
    typename dynamic_model<Exec>::inputs given;
    if (examples.padded()) given.mask = ctx.upload(examples.valid);
    if (model.condition) {
      given.cond = model.condition_of(ctx, examples.semantic, length);
      detail::compare("condition", flat(ctx.download(*given.cond)), file.values("output.condition"), {1e-6, 1e-5});
    }
    if (file.contains("input.cond")) given.cond = ctx.upload(per_frame(file, "input.cond", {batches, length, wide}));
    if (file.contains("input.sum_embeds")) given.sum_embeds = ctx.upload(per_frame(file, "input.sum_embeds", {batches, length, wide}));
    auto const codes = ctx.upload(task.mask.input);
    if (task.self_cond) {
      auto const first = model.net.trunk(ctx, codes, given);
      if (!examples.padded())
        detail::compare("first pass", flat(ctx.download(model.net.heads.summed(ctx, first))), file.values("output.first_embeds"),
                        logit_tolerance);
      given.sum_embeds = model.self_condition(ctx, first, batches, length);
    } else if (file.config["self_cond"] == "null") {
      given.sum_embeds = model.self_condition(ctx, {}, batches, length);
    }
    auto const features = model.net.trunk(ctx, codes, given);
    auto const logits_at = [&](ss::token::chosen_list const& list) {
      return flat(ctx.download(model.net.logits(ctx, features, ctx.upload(list.rows), list.offsets)));
    };
    detail::compare("logits", logits_at(chosen), file.values("output.logits"), logit_tolerance);
    if (file.contains("output.all_logits")) {
      auto const found = logits_at(every_position(examples.codes));
      auto const expected = file.values("output.all_logits");
      ss::index const levels = examples.codes.extent(2), vocab = file.shape().codebook_size;
      std::vector<double> sorted;
      for (ss::index level = 0; level < levels; ++level)
        for (ss::index at = 0; at < batches * length; ++at)
          for (ss::index v = 0; v < vocab; ++v) sorted.push_back(expected[static_cast<std::size_t>((at * levels + level) * vocab + v)]);
      detail::compare("logits of every level", found, sorted, logit_tolerance);
    }
    if (file.contains("output.critic_logits")) {
      auto const truth = ss::soundstorm::detail::critic_truth_of(ctx, examples, task.mask, chosen, file.shape().codebook_size);
      auto const ids = ctx.upload(ss::array<std::int32_t, rows<>>({chosen.rows.size()}, task.sampled));
      auto const judged = ss::soundstorm::detail::critic_task_of(ctx, truth, ids);
      auto found = flat(ctx.download(model.critic_scores(ctx, model.net.trunk(ctx, judged.codes, given))));
      auto const counted = ctx.download(truth.counted);
      for (std::size_t i = 0; i < found.size(); ++i) found[i] *= counted.data()[i];  // the file has 0 at padded frames
      detail::compare("critic's logits", found, file.values("output.critic_logits"), logit_tolerance);
    }
  }

  ss::recording<Exec> ctx{work};
  auto const check_loss = [&](char const* name, auto const& loss) {
    INFO(name);
    CHECK(ctx.item(loss) == Approx(file.values(std::string("output.") + name).front()).epsilon(1e-5));
  };
  auto const check_gradients = [&](auto& gradients) {
    auto const found =
        ss::soundstorm::to_package(model, file.generation(), [&](std::string const&, auto const& p) { return gradients.to_host(p); });
    for (auto const& [key, tensor] : found) compare_gradient(key, flat(tensor.values), file.values("grad." + key));
    std::size_t expected = 0;
    for (auto const& info : file.infos()) expected += info.name.starts_with("grad.");
    CHECK(found.size() + (file.shape().semantic_dim > 0) == expected);  // a lent embedding is its lender's to train
  };
  if (!file.contains("input.cond")) {
    auto const loss = model.loss_of(ctx, examples, task, file.loss());
    check_loss("loss", loss.total);
    if (loss.generator) check_loss("generator_loss", *loss.generator);
    CHECK(loss.critic.has_value() == file.contains("output.critic_loss"));
    if (loss.critic) check_loss("critic_loss", *loss.critic);
    auto gradients = ctx.gradients(loss.total);
    check_gradients(gradients);
    return;
  }
  auto const cond = ctx.leaf(ctx.upload(per_frame(file, "input.cond", {batches, length, wide})));
  typename dynamic_model<Exec>::inputs given{.mask = {}, .cond = cond, .sum_embeds = {}};
  bool const sums = file.contains("input.sum_embeds");
  auto const sum_embeds = ctx.leaf(ctx.upload(sums ? per_frame(file, "input.sum_embeds", {batches, length, wide})
                                                   : ss::array<float, batch<>, frames<>, dim<>>({batches, length, wide})));
  if (sums) given.sum_embeds = sum_embeds;
  auto const features = model.net.trunk(ctx, ctx.upload(task.mask.input), given);
  auto const logits = model.net.logits(ctx, features, ctx.upload(chosen.rows), chosen.offsets);
  auto const loss = ss::ops::cross_entropy(ctx, logits, ctx.upload(chosen.targets));
  check_loss("loss", loss);
  auto gradients = ctx.gradients(loss);
  check_gradients(gradients);
  auto const found = ctx.download(gradients.of(cond));
  auto const expected = file.values("grad_in.cond");
  if (static_cast<ss::index>(expected.size()) == batches * wide) {  // one row for all frames: the frames' gradients add up
    std::vector<double> summed(expected.size());
    for (ss::index i = 0; i < found.size(); ++i)
      summed[static_cast<std::size_t>(i / (length * wide) * wide + i % wide)] += static_cast<double>(found.data()[i]);
    compare_gradient("cond", summed, expected);
  } else {
    compare_gradient("cond", flat(found), expected);
  }
  if (sums) {  // each level's embedding has the gradient of their sum
    auto const of_sum = ctx.download(gradients.of(sum_embeds));
    auto const each = file.values("grad_in.sum_embeds");
    ss::index const levels = examples.codes.extent(2);
    std::vector<double> repeated;
    for (ss::index at = 0; at < batches * length * levels; ++at)
      for (ss::index d = 0; d < wide; ++d) repeated.push_back(of_sum.data()[at / levels * wide + d]);
    compare_gradient("sum_embeds", repeated, each);
  }
}

void compare_cases(std::vector<std::string> const& names) {
  for (auto const& name : names) {
    golden_soundstorm const file(name);
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
      INFO(name << " on " << policy);
      compare_case<Exec>(file);
    });
  }
}

}  // namespace

TEST_CASE("soundstorm/goldens: the first: five levels of 13 codes, all frames real, one block of odd sizes") {
  golden_soundstorm const file("soundstorm_0411_odd");
  CHECK(file.generation() == ss::soundstorm::generation::v0_4_11);
  CHECK(file.shape().levels() == 5);
  CHECK(file.task().mask.level == std::vector<ss::index>{4, 2});
  CHECK(ss::token::chosen_rows(file.task().mask).offsets == std::vector<ss::index>{0, 0, 0, 3, 3, 6});
  compare_cases({"soundstorm_0411_odd"});
}

TEST_CASE("soundstorm/goldens: logits, losses and all gradients equal soundstorm-pytorch 0.4.11") {
  compare_cases({"soundstorm_0411_mask_loop", "soundstorm_0411_groups", "soundstorm_0411_causal_t5", "soundstorm_0411_self_null",
                 "soundstorm_0411_self_first", "soundstorm_0411_critic", "soundstorm_0411_cond", "soundstorm_0411_critic_cond_self",
                 "soundstorm_0411_shown", "soundstorm_0411_drawn", "soundstorm_0411_drawn_ours"});
}

TEST_CASE("soundstorm/goldens: logits, losses and all gradients equal soundstorm-pytorch 0.5.0") {
  compare_cases({"soundstorm_050_odd", "soundstorm_050_mask_loop_t5", "soundstorm_050_groups_critic", "soundstorm_050_self_cond_first",
                 "soundstorm_050_cond2", "soundstorm_050_critic_only", "soundstorm_050_borrowed"});
}

TEST_CASE("soundstorm/goldens: logits, losses and all gradients equal soundstorm-pytorch 0.6.1") {
  compare_cases({"soundstorm_061_odd_plain", "soundstorm_061_streams2_mask", "soundstorm_061_streams4_t5", "soundstorm_061_groups",
                 "soundstorm_061_critic_self_null", "soundstorm_061_self_cond_first", "soundstorm_061_cond3_sum",
                 "soundstorm_061_cond_down", "soundstorm_061_critic_generator", "soundstorm_061_critic_only", "soundstorm_061_drawn",
                 "soundstorm_061_drawn_ours"});
}
