// spearstorm evaluate: how well a checkpoint guesses the masked tokens of held-out speech.

#include <cstdio>

#include "net.hpp"

namespace cli {
namespace {

struct settings {
  fs::path run, checkpoint, tokens, json;
  index batch = 8, threads = 0;
  double required = 0;
};

ss::io::json json_of(std::vector<level_figures> const& levels) {
  auto made = ss::io::json::array();
  for (auto const& l : levels)
    made.push_back({{"count", l.count}, {"loss", l.loss}, {"unigram_entropy", l.entropy}, {"accuracy", l.top1}, {"in_best_ten", l.top10}});
  return made;
}

void run(settings const& with) {
  fs::path const checkpoint = find_checkpoint(with.run, with.checkpoint);
  fs::path const tokens = fs::is_directory(with.tokens) ? with.tokens / "valid.safetensors" : with.tokens;
  trained_net net(checkpoint, 0, with.threads);
  ss::train::batches const source(tokens_for(ss::train::load_tokens(tokens), net.num_semantic_token_ids()),
                                  {.batch = with.batch, .shuffle = false, .prompt_frames = net.prompt_frames()});
  auto const levels = net.score(source);
  std::printf("%s on %s\n", checkpoint.c_str(), tokens.c_str());
  double const below = print_figures(levels);
  ss::io::json made{{"checkpoint", checkpoint.string()}, {"loss", mean_loss(levels)}, {"levels", json_of(levels)}};
  if (net.num_semantic_token_ids() > 0) {
    auto const blind = net.score(source, false);
    std::printf("without the semantic tokens\n");
    print_figures(blind);
    double const lower = 1 - mean_loss(levels) / mean_loss(blind);
    std::printf("the semantic tokens lower the loss by %.1f %%, from %.3f to %.3f\n", 100 * lower, mean_loss(blind), mean_loss(levels));
    made["without_condition"] = {{"loss", mean_loss(blind)}, {"levels", json_of(blind)}};
    made["condition_lowers_loss_by"] = lower;
  }
  if (!with.json.empty()) ss::io::write_atomically(with.json, made.dump(1) + "\n");
  if (with.required > 0 && below < with.required) {
    char text[160];
    std::snprintf(text, sizeof text, "evaluate: the worst level's loss is %.1f %% below its unigram entropy, --require asks for %.1f %%",
                  100 * below, 100 * with.required);
    throw stop{failed, text};
  }
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto* const command = program.add_subcommand(
      "evaluate", "Held-out loss and accuracy of every level beside its unigram entropy, with and without the condition");
  auto with = std::make_shared<settings>();
  auto* const where = command->add_option_group("model")->require_option(1);
  where->add_option("--run", with->run, "Folder of a run: its newest checkpoint")->check(CLI::ExistingDirectory);
  where->add_option("--checkpoint", with->checkpoint, "A checkpoint")->check(CLI::ExistingFile);
  command->add_option("--tokens", with->tokens, "Token file, or the folder that tokenize wrote (its valid.safetensors)")
      ->required()
      ->check(CLI::ExistingPath);
  option(*command, "--batch", with->batch, "Utterances at once")->check(CLI::Range(1, 4096));
  command->add_option("--require", with->required, "Fail unless every level's loss lies below its entropy by this share, e.g. 0.1")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--json", with->json, "Also write the figures to this file");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
