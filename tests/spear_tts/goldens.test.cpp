// Losses, logits and gradients of spear-tts-pytorch 0.4.8 over its configurations; faults are not copied, see tests/golden/README.md.

#include "golden_spear_tts.hpp"
#include "spearstorm/spear_tts/tasks.hpp"

using namespace test;

namespace {

std::vector<double> flat(auto const& host) { return std::vector<double>(host.begin(), host.end()); }

ss::tolerance const logit_tolerance = ss::tolerance_of<float>(ss::computed::whole_model);
static_assert(ss::tolerance_of<float>(ss::computed::whole_model).absolute <= 1e-5 &&
              ss::tolerance_of<float>(ss::computed::whole_model).relative <= 1e-4);

/// 1e-4 of the tensor's norm, and each number within 1e-4 of itself or of the root mean square. 1e-7 more: the queries of rows that see
/// one key only have a gradient of zero, which is the difference of two sums of the same products and keeps some 1e-8 of their rounding.
void compare_gradient(std::string const& key, std::vector<double> const& found, std::vector<double> const& expected) {
  INFO("gradient of " << key);
  REQUIRE(found.size() == expected.size());
  double squares = 0, apart = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    squares += expected[i] * expected[i];
    apart += (found[i] - expected[i]) * (found[i] - expected[i]);
  }
  CHECK(std::sqrt(apart) <= 1e-4 * std::sqrt(squares) + 1e-7);
  double const floor = 1e-7 + 1e-4 * std::sqrt(squares / static_cast<double>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (!ss::agree(found[i], expected[i], {floor, 1e-4})) {
      INFO("element " << i);
      CHECK(found[i] == Approx(expected[i]).epsilon(1e-4).margin(floor));
      return;
    }
}

template <class Exec>
void compare_case(golden_spear_tts const& file) {
  ss::workspace<Exec> work;
  ss::text_to_semantic<ss::dynamic_text_to_semantic, Exec> model{work, file.shape, file.options};
  file.load(model);
  ss::token::pair_batch const batch{file.ids("input.source"), file.ids("input.target")};
  auto const flags = file.get<ss::flag, ss::axes::batch<>>("input.dropped");
  std::vector<ss::flag> const hidden(flags.begin(), flags.end());
  bool const exits = file.config["return_early_exit_loss"];

  ss::recording<Exec> ctx{work};
  auto const loss = model.loss_of(ctx, batch, file.from(), file.to(), hidden, {.return_early_exit_loss = exits});
  auto const near = [&](char const* name, auto const& found) {
    INFO(name);
    CHECK(ctx.item(found) == Approx(file.values(name)[0]).epsilon(1e-5).margin(1e-7));
  };
  near("output.loss", loss.total);
  near("output.token_loss", loss.tokens);
  REQUIRE(loss.early_exit.has_value() == file.contains("output.early_exit_loss"));
  REQUIRE(loss.alignment.has_value() == file.contains("output.alignment_loss"));
  if (loss.early_exit) near("output.early_exit_loss", *loss.early_exit);
  if (loss.alignment) near("output.alignment_loss", *loss.alignment);

  auto g = ctx.gradients(loss.total);
  auto const gradients =
      ss::io::to_package<double>(model, ss::spear_tts::package_names{}, [&](std::string const&, auto const& p) { return g.to_host(p); });
  for (auto const& [key, found] : gradients) compare_gradient(key, found.values, file.values("grad." + key));

  auto quiet = ctx.no_record();
  auto const source = model.encode(quiet, batch.source, file.from());
  if (file.contains("output.source_emb")) {
    auto emb = quiet.download(source.features);
    for (ss::index i = 0; i < emb.size(); ++i)
      if (!source.valid.data()[i / emb.extent(2)]) emb.data()[i] = 0;  // as the file has it
    detail::compare("source embedding", flat(emb), file.values("output.source_emb"), logit_tolerance);
  }
  std::optional<typename decltype(model)::features> before;
  auto const ended = ss::spear_tts::entered(batch.target, file.to(), file.shape, true);
  auto const x = model.decode(quiet, ended, file.to(), source, hidden, [&](ss::index layer, auto const& h) {
    if (layer == file.shape.target_early_exit_layer) before = h;
  });
  auto const rows = quiet.upload(ss::spear_tts::rows_of_targets(ended, x.extent(1)).rows);
  detail::compare("logits", flat(quiet.download(model.to_logits(quiet, ss::ops::gather_rows(quiet, x, rows), file.to()))),
                  file.values("output.logits"), logit_tolerance);
  if (file.contains("output.early_exit_logits"))
    detail::compare("early exit's logits", flat(quiet.download((*model.early_exit)(quiet, ss::ops::gather_rows(quiet, *before, rows)))),
                    file.values("output.early_exit_logits"), logit_tolerance);
}

void compare(std::initializer_list<char const*> names) {
  for (std::string const name : names) {
    golden_spear_tts const file("spear_tts_" + name);
    if (name.starts_with("f64")) {
      INFO(name << " in double");
      compare_case<ss::cpu::scalar<ss::f64>>(file);
    } else {
      for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
        INFO(name << " on " << policy);
        compare_case<Exec>(file);
      });
    }
  }
}

}  // namespace

TEST_CASE("spear_tts/goldens: every pair of kinds, sizes, shared heads, ends, equal spear-tts-pytorch") {
  compare({"text_speech", "speech_text", "speech_speech", "text_text", "deep", "full", "odd", "wide_head", "kv1", "kv2", "flash", "no_eos",
           "no_speech_eos", "no_text_eos", "empty_target", "f64", "semantic_to_text"});
}
TEST_CASE("spear_tts/goldens: the early exit, its gradient cut or not") {
  compare({"exit", "exit_detached", "exit_last", "exit_unused", "exit_kv1_drop", "text_to_semantic"});
}
TEST_CASE("spear_tts/goldens: hidden sources and the alignment loss") {
  compare({"drop", "drop_max", "drop_one", "drop_same_kind", "drop_smooth", "drop_some", "drop_unaligned", "f64_drop"});
}
TEST_CASE("spear_tts/goldens: pretraining by deletion and by mask id, what was deleted recorded") {
  compare({"deletion", "deletion_ragged", "deletion_whole", "mask_id", "mask_id_ragged"});
  for (std::string const name : {"deletion", "deletion_ragged", "deletion_whole", "mask_id", "mask_id_ragged"}) {
    INFO(name);
    golden_spear_tts const file("spear_tts_" + name);
    auto const ids = file.ids("input.ids");
    auto const deleted = file.get<ss::flag, ss::axes::batch<>, ss::axes::frames<>>("input.deleted");
    ss::token::pair_batch const expected{file.ids("input.source"), file.ids("input.target")};
    if (file.config["pretrain"] == "mask") {  // the package's mask is an ordinary id
      CHECK(ss::token::mask_marked(ids, deleted, file.config["mask_id"].get<std::int32_t>()) == expected.source);
      CHECK(ids == expected.target);
    } else {
      ss::spear_tts::pretraining_task const task{.spoil = {.reconstruct_seq = file.config["pretrain"] == "whole"}};
      CHECK(task.spoiled(file.shape, ids, deleted) == expected);
    }
  }
}
