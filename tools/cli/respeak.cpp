// spearstorm respeak: held-out sentences from their semantic tokens and a prompt of the voice, for ears and recognisers.

#include <cstdio>

#include "manifest.hpp"
#include "net.hpp"
#include "pictures.hpp"
#include "spearstorm/codec/log_mel_codec_file.hpp"
#include "spearstorm/io/audio.hpp"
#include "spearstorm/train/progress.hpp"

namespace cli {
namespace {

struct settings {
  fs::path run, checkpoint, codec, tokens, out, picture, trace;
  index batch = 16, prompt_frames = 0, steps = 12, limit = 0, threads = 0;
  float temperature = 1, cond_scale = 1;
  double filter_thres = 0.7;
  std::uint64_t seed = 0;
};

/// The sentences of a file, at most `limit`, which are of every voice: files are numbered within a voice.
ss::train::token_set sentences(settings const& with, trained_net const& net) {
  fs::path const file = fs::is_directory(with.tokens) ? with.tokens / "valid.safetensors" : with.tokens;
  auto set = tokens_for(ss::train::load_tokens(file), net.num_semantic_token_ids());
  std::ranges::stable_sort(set.utterances, {}, [](auto const& u) { return fs::path(u.name).filename(); });
  if (with.limit > 0 && static_cast<index>(set.utterances.size()) > with.limit) set.utterances.resize(static_cast<std::size_t>(with.limit));
  return set;
}

/// The frames [from, from + count) of a row.
ss::codec::audio_codes part(ss::token::code_array const& codes, index row, index from, index count) {
  index const levels = codes.extent(2);
  ss::codec::audio_codes made({count, levels});
  std::copy_n(codes.data() + (row * codes.extent(1) + from) * levels, count * levels, made.data());
  return made;
}

/// The prompts of a batch alone.
ss::token::code_array prompts_of(ss::soundstorm::token_batch const& batch) {
  index const longest = *std::ranges::max_element(batch.prompt_frames), rows = batch.codes.extent(0), levels = batch.codes.extent(2);
  if (longest == 0) return {};
  ss::token::code_array made({rows, longest, levels});
  for (index b = 0; b < rows; ++b)
    std::copy_n(batch.codes.data() + b * batch.codes.extent(1) * levels, longest * levels, made.data() + b * longest * levels);
  return made;
}

struct spoken {
  std::string name;
  ss::codec::audio_codes truth, made;
};

/// Generates the sentences of one batch and checks that the prompts are as they were.
std::vector<spoken> speak(trained_net& net, ss::train::batches const& source, index number, decode_settings options) {
  auto const item = source.at(number);
  auto const& batch = item.batch;
  index const rows = batch.codes.extent(0), frames = batch.codes.extent(1);
  options.lengths = batch.padded() ? ss::token::valid_lengths(batch.valid) : std::vector<index>(static_cast<std::size_t>(rows), frames);
  options.prompt = prompts_of(batch);
  options.prompt_lengths = options.prompt.size() > 0 ? batch.prompt_frames : std::vector<index>{};
  options.semantic = batch.semantic;
  auto const codes = net.decode(options);
  std::vector<spoken> made;
  for (index b = 0; b < rows; ++b) {
    auto const row = static_cast<std::size_t>(b);
    index const shown = batch.prompt_frames[row], own = options.lengths[row] - shown;
    if (part(codes, b, 0, shown) != part(batch.codes, b, 0, shown)) throw stop{failed, "respeak: a prompt's codes were changed"};
    made.push_back({source.tokens().utterances[static_cast<std::size_t>(item.utterances[row])].name, part(batch.codes, b, shown, own),
                    part(codes, b, shown, own)});
  }
  return made;
}

void run(settings const& with) {
  trained_net net(find_checkpoint(with.run, with.checkpoint), with.seed, with.threads);
  auto const codec = ss::codec::load_log_mel_codec(with.codec.empty() ? with.run / "codec.safetensors" : with.codec);
  if (net.num_semantic_token_ids() == 0) ss::fail<ss::value_error>("respeak: the network was trained without semantic tokens");
  index const prompt = with.prompt_frames > 0 ? with.prompt_frames : net.prompt_frames();
  if (prompt == 0) ss::fail<ss::value_error>("respeak: the network was trained without --prompt-frames, expected --prompt-frames here");
  ss::train::batches const source(sentences(with, net),
                                  {.batch = with.batch, .seed = with.seed, .shuffle = false, .prompt_frames = prompt});
  ss::check_size("respeak", "the codec", "levels", codec.num_quantizers(), "the network", net.num_quantizers());
  ss::check_size("respeak", "the codec", "codes", codec.codebook_size(), "the network", net.codebook_size());

  decode_settings options{
      .steps = with.steps, .temperature = with.temperature, .filter_thres = with.filter_thres, .cond_scale = with.cond_scale};
  std::vector<spoken> all;
  ss::soundstorm::decode_trace trace;
  auto const began = std::chrono::steady_clock::now();
  {
    ss::train::progress_bar bar(source.per_epoch());
    for (index k = 0; k < source.per_epoch(); ++k) {
      options.trace = !with.trace.empty() && k + 1 == source.per_epoch() ? &trace : nullptr;
      for (auto& each : speak(net, source, k, options)) all.push_back(std::move(each));
      bar.update(k + 1);
    }
  }
  double const decoding = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  for (auto const& each : all) fs::create_directories(sound_path(with.out, each.name).parent_path());
  ss::thread_team team(with.threads);
  std::vector<double> seconds(all.size());
  team.run(static_cast<index>(all.size()), [&](index i) {
    auto const& each = all[static_cast<std::size_t>(i)];
    ss::io::audio const sound{codec.decode(each.made), static_cast<int>(codec.sample_hz())};
    ss::io::save_audio(sound_path(with.out, each.name), sound);
    seconds[static_cast<std::size_t>(i)] = sound.seconds();
  });
  double total = 0;
  for (double each : seconds) total += each;
  std::printf(
      "re-spoke %zu sentences, %.1f s, in %.1f s from semantic tokens and %td frames of the voice; all prompts are kept\nwrote %s\n",
      all.size(), total, decoding, prompt, with.out.c_str());
  auto const& shown = all.back();  // the last row, the longest of its batch
  if (!with.trace.empty())
    save_trace(with.trace, shown.name, trace, trace.codes.extent(0) - 1,
               static_cast<double>(codec.downsample_factor()) / static_cast<double>(codec.sample_hz()));
  if (!with.picture.empty())
    save_spectrograms(with.picture, shown.name,
                      {{"its codes", codec.decode(shown.truth)}, {"re-spoken from semantic tokens", codec.decode(shown.made)}}, codec);
}

}  // namespace

void add_respeak(CLI::App& program) {
  auto* const command =
      program.add_subcommand("respeak", "Speak held-out sentences again from their semantic tokens and a prompt of the voice");
  auto with = std::make_shared<settings>();
  auto* const where = command->add_option_group("model")->require_option(1);
  auto* const run_option =
      where->add_option("--run", with->run, "Folder of a run: its newest checkpoint and its codec")->check(CLI::ExistingDirectory);
  where->add_option("--checkpoint", with->checkpoint, "A checkpoint; needs --codec")->check(CLI::ExistingFile);
  auto* const codec = command->add_option("--codec", with->codec, "codec.safetensors, where it is not the run's")->check(CLI::ExistingFile);
  command->add_option("--tokens", with->tokens, "Token file, or the folder that tokenize wrote (its valid.safetensors)")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("--out", with->out, "Folder for WAV files, under the recordings' names")->required();
  option(*command, "--prompt-frames", with->prompt_frames, "Of another sentence by the same voice; 0: as in training")
      ->check(CLI::Range(0, 1 << 30));
  option(*command, "--steps", with->steps, "Passes of the first level; each other takes one")->check(CLI::Range(1, 4096));
  option(*command, "--temperature", with->temperature, "Of the first pass, falling to 0; 0: no chance")->check(CLI::Range(0.0, 100.0));
  option(*command, "--filter-thres", with->filter_thres, "Share of unlikely codes that are never drawn")->check(CLI::Range(0.0, 1.0));
  option(*command, "--cond-scale", with->cond_scale, "Classifier-free guidance; 1: none, others need a run with --cond-drop-prob")
      ->check(CLI::Range(0.0, 100.0));
  option(*command, "--batch", with->batch, "Sentences at once")->check(CLI::Range(1, 4096));
  option(*command, "--limit", with->limit, "At most so many sentences; 0: all")->check(CLI::Range(0, 1000000000));
  option(*command, "--seed", with->seed, "Of prompts and draws");
  command->add_option("--picture", with->picture, "PNG: spectrograms of a long sentence, from its codes and re-spoken");
  command->add_option("--trace", with->trace, "PNG: what each pass did with that sentence");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with, run_option, codec] {
    if (run_option->count() == 0 && codec->count() == 0) ss::fail<ss::value_error>("respeak: --checkpoint needs --codec");
    run(*with);
  });
}

}  // namespace cli
