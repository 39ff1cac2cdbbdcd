// spearstorm label: texts for speech that has none, by a run of back-translation: the pairs that the last stage trains on.

#include <cstdio>

#include "net.hpp"
#include "spearstorm/train/pair_generator.hpp"
#include "spearstorm/train/progress.hpp"
#include "spoken_text.hpp"
#include "text_net.hpp"

namespace cli {
namespace {

struct settings {
  fs::path run, checkpoint, corpus, tokens, out;
  index batch = 16, beam = 4, skip = 0, max_length = 200, threads = 0;
};

void run(settings const& with) {
  fs::path const checkpoint = find_checkpoint(with.run, with.checkpoint);
  trained_text_net net(checkpoint, 0, with.threads);
  if (net.about().task != "semantic-to-text")
    ss::fail<ss::value_error>("label: the run's task is ", net.about().task, ", expected semantic-to-text");
  auto spoken = load_spoken_text(with.corpus, with.tokens, "train");
  ss::train::rows_in_memory speech;
  for (std::size_t i = static_cast<std::size_t>(with.skip); i < spoken.size(); ++i) speech.sources.push_back(spoken.semantic[i]);
  if (speech.size() == 0) ss::fail<ss::value_error>("label: --skip ", with.skip, " of ", spoken.size(), " utterances leaves none");

  ss::train::pair_info const info{.num_semantic_token_ids = net.shape().num_semantic_token_ids,
                                  .num_text_token_ids = net.shape().num_text_token_ids,
                                  .made_by = ss::message(checkpoint.filename().string(), ", beam ", with.beam)};
  ss::spear_tts::generate_options options{.max_length = with.max_length, .temperature = 0};
  if (with.beam > 1) options.temperature = 1, options.beam_search_decode = true, options.beam_size = with.beam;
  {
    ss::train::progress_bar bar(speech.size());
    ss::train::semantic_to_text_dataset(
        with.out, info, speech,
        [&](ss::token::id_array const& ids) {
          return net.generate(ids, ss::spear_tts::token_kind::speech, ss::spear_tts::token_kind::text, options).ids;
        },
        {.batch_size = with.batch, .unique_consecutive = true, .progress = [&](index done, index) { bar.update(done); }});
  }
  std::printf("labelled %td utterances into %s\n", speech.size(), with.out.c_str());
}

}  // namespace

void add_label(CLI::App& program) {
  auto* const command = program.add_subcommand("label", "Write texts for speech alone, by back-translation; run again, it goes on");
  auto with = std::make_shared<settings>();
  auto* const where = command->add_option_group("model")->require_option(1);
  where->add_option("--run", with->run, "Folder of a semantic-to-text run")->check(CLI::ExistingDirectory);
  where->add_option("--checkpoint", with->checkpoint, "A checkpoint")->check(CLI::ExistingFile);
  command->add_option("--corpus", with->corpus, "Folder with manifest.tsv")->required()->check(CLI::ExistingDirectory);
  command->add_option("--tokens", with->tokens, "Folder that tokenize wrote: the speech")->required()->check(CLI::ExistingDirectory);
  command->add_option("--out", with->out, "Folder for the pairs")->required();
  option(*command, "--skip", with->skip, "Leave out the first utterances: those that are labelled already")->check(CLI::Range(0, 1 << 30));
  option(*command, "--beam", with->beam, "Hypotheses of a beam search; 1: none")->check(CLI::Range(1, 4096));
  option(*command, "--max-length", with->max_length, "Characters of a text")->check(CLI::Range(1, 1 << 20));
  option(*command, "--batch", with->batch, "Utterances at once")->check(CLI::Range(1, 4096));
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
