// spearstorm evaluate-text: a TextToSemantic on held-out sentences: its loss, and the errors of what it generates.

#include <cstdio>
#include <sstream>

#include "net.hpp"
#include "spearstorm/io/atomic_file.hpp"
#include "spearstorm/token/edit_distance.hpp"
#include "spoken_text.hpp"
#include "text_net.hpp"

namespace cli {
namespace {

struct settings {
  fs::path run, checkpoint, corpus, tokens, json;
  std::string split = "valid";
  index batch = 16, beam = 1, limit = 0, max_length = 400, threads = 0;
  double temperature = 0, length_penalty = 0;
  bool show = false;
};

std::vector<std::string> words_of(std::string const& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

void run(settings const& with) {
  fs::path const checkpoint = find_checkpoint(with.run, with.checkpoint);
  trained_text_net net(checkpoint, 0, with.threads);
  auto spoken = load_spoken_text(with.corpus, with.tokens, with.split);
  std::size_t const most = with.limit > 0 ? std::min(spoken.size(), static_cast<std::size_t>(with.limit)) : spoken.size();
  std::vector<ss::token::sequence> speech = spoken.runs(), text;
  speech.resize(most), spoken.texts.resize(most);
  for (std::size_t i = 0; i < most; ++i) text.push_back(net.about().encode(net.tokenizer(), spoken.texts[i], spoken.voices[i]));
  using ss::spear_tts::token_kind;
  if (net.about().task == "pretrain")
    ss::fail<ss::value_error>("evaluate-text: the run's task is pretrain, expected semantic-to-text or text-to-semantic");
  bool const speaks = net.about().task == "text-to-semantic";
  auto const& sources = speaks ? text : speech;
  auto const& targets = speaks ? speech : text;
  auto const from = speaks ? token_kind::text : token_kind::speech, to = speaks ? token_kind::speech : token_kind::text;
  double const loss = net.loss(sources, targets, from, to, with.batch);
  ss::spear_tts::generate_options options{.max_length = with.max_length, .temperature = static_cast<float>(with.temperature)};
  if (with.beam > 1) {
    options.beam_search_decode = true, options.beam_size = with.beam, options.length_penalty = with.length_penalty;
    if (with.temperature == 0) options.temperature = 1;  // hypotheses are ranked by the model's own probabilities
  }
  auto const made = generate_all(net, sources, from, to, options, with.batch);

  ss::token::error_rate tokens, words;
  for (std::size_t i = 0; i < made.size(); ++i) {
    tokens.add(std::span<std::int32_t const>(made[i]), std::span<std::int32_t const>(targets[i]));
    if (speaks) continue;
    auto const found = words_of(net.tokenizer().decode(made[i])), expected = words_of(spoken.texts[i]);
    words.add(std::span<std::string const>(found), std::span<std::string const>(expected));
    if (with.show) std::printf("  %-50s | %s\n", spoken.texts[i].c_str(), net.tokenizer().decode(made[i]).c_str());
  }
  std::printf("%s on %zu sentences: held-out loss %.3f nats a token, %s error rate %.1f %%", checkpoint.c_str(), made.size(), loss,
              speaks ? "semantic token" : "character", 100 * tokens.share());
  if (!speaks) std::printf(", word error rate %.1f %%", 100 * words.share());
  std::printf("\n");
  ss::io::json result{
      {"checkpoint", checkpoint.string()}, {"loss", loss}, {"token_error_rate", tokens.share()}, {"sentences", made.size()}};
  if (!speaks) result["word_error_rate"] = words.share();
  if (!with.json.empty()) ss::io::write_atomically(with.json, result.dump(1) + "\n");
}

}  // namespace

void add_evaluate_text(CLI::App& program) {
  auto* const command =
      program.add_subcommand("evaluate-text", "Held-out loss and error rate of a TextToSemantic, in the direction it was trained for");
  auto with = std::make_shared<settings>();
  auto* const where = command->add_option_group("model")->require_option(1);
  where->add_option("--run", with->run, "Folder of a run: its newest checkpoint")->check(CLI::ExistingDirectory);
  where->add_option("--checkpoint", with->checkpoint, "A checkpoint")->check(CLI::ExistingFile);
  command->add_option("--corpus", with->corpus, "Folder with manifest.tsv: the texts")->required()->check(CLI::ExistingDirectory);
  command->add_option("--tokens", with->tokens, "Folder that tokenize wrote")->required()->check(CLI::ExistingDirectory);
  option(*command, "--split", with->split, "Of the corpus")->check(CLI::IsMember({"train", "valid"}));
  option(*command, "--beam", with->beam, "Hypotheses of a beam search; 1: none")->check(CLI::Range(1, 4096));
  option(*command, "--length-penalty", with->length_penalty, "Of the beam search")->check(CLI::Range(0.0, 10.0));
  option(*command, "--temperature", with->temperature, "0: the likeliest token each time")->check(CLI::Range(0.0, 100.0));
  option(*command, "--max-length", with->max_length, "Tokens of a row")->check(CLI::Range(1, 1 << 20));
  option(*command, "--batch", with->batch, "Sentences at once")->check(CLI::Range(1, 4096));
  option(*command, "--limit", with->limit, "At most so many sentences; 0: all")->check(CLI::Range(0, 1000000000));
  command->add_option("--json", with->json, "Write the figures to this file too");
  command->add_flag("--show", with->show, "Print what was said beside what was understood");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
