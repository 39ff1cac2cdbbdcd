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

void run(settings const& with) {
  fs::path const checkpoint = find_checkpoint(with.run, with.checkpoint);
  fs::path const tokens = fs::is_directory(with.tokens) ? with.tokens / "valid.safetensors" : with.tokens;
  ss::train::batches const source(tokens, {.batch = with.batch, .shuffle = false});
  trained_net net(checkpoint, 0, with.threads);
  auto const levels = net.score(source);
  std::printf("%s on %s\n", checkpoint.c_str(), tokens.c_str());
  double const below = print_figures(levels);
  if (!with.json.empty()) {
    auto made = ss::io::json::array();
    for (auto const& l : levels)
      made.push_back(
          {{"count", l.count}, {"loss", l.loss}, {"unigram_entropy", l.entropy}, {"accuracy", l.top1}, {"in_best_ten", l.top10}});
    ss::io::write_atomically(with.json, ss::io::json{{"checkpoint", checkpoint.string()}, {"levels", made}}.dump(1) + "\n");
  }
  if (with.required > 0 && below < with.required) {
    char text[160];
    std::snprintf(text, sizeof text, "evaluate: the worst level's loss is %.1f %% below its unigram entropy, --require asks for %.1f %%",
                  100 * below, 100 * with.required);
    throw stop{failed, text};
  }
}

}  // namespace

void add_evaluate(CLI::App& program) {
  auto* const command = program.add_subcommand("evaluate", "Held-out loss and accuracy of every level beside its unigram entropy");
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
