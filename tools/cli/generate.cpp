// spearstorm generate: speech from a trained network, going on from a prompt where one is given; a network that is conditioned says what
// another recording says (--semantic-from), or goes on as the prompt's own recording does.

#include <cstdio>

#include "manifest.hpp"
#include "net.hpp"
#include "pictures.hpp"
#include "spearstorm/codec/log_mel_codec_file.hpp"
#include "spearstorm/codec/semantic_kmeans_file.hpp"
#include "spearstorm/io/audio.hpp"
#include "spearstorm/train/progress.hpp"
#include "spearstorm/train/token_span.hpp"
#ifdef SPEARSTORM_HAVE_XTENSOR
#include "spearstorm/io/npy.hpp"
#endif

namespace cli {
namespace {

struct settings {
  fs::path run, checkpoint, codec, semantic, semantic_from, prompt, out, picture, codes;
  double prompt_seconds = 1, seconds = 3, filter_thres = 0.7;
  float temperature = 1, cond_scale = 1;
  index steps = 16, threads = 0;
  std::uint64_t seed = 0;
};

void check_codec(ss::codec::log_mel_codec const& codec, trained_net const& net) {
  ss::check_size("generate", "the codec", "levels", codec.num_quantizers(), "the network", net.num_quantizers());
  ss::check_size("generate", "the codec", "codes", codec.codebook_size(), "the network", net.codebook_size());
}

/// The condition of the frames that are to be made, the prompt's first.
struct condition {
  std::vector<std::int32_t> tokens;
  index frames = 0;  ///< that they tell of
};

/// Tokens of the prompt, then of the recording that tells what to say; or of the prompt's own recording, which goes on.
condition condition_of(settings const& with, ss::soundstorm::semantic_rates const& rates, ss::train::token_grid const& grid,
                       index prompt_frames) {
  auto const tokenizer = ss::codec::load_semantic_tokenizer(with.semantic.empty() ? with.run / "semantic.safetensors" : with.semantic);
  auto const tokens = [&](fs::path const& file) { return tokenizer.encode(load_sound(file, tokenizer.sample_hz())); };
  condition made;
  if (with.prompt.empty() && with.semantic_from.empty())
    ss::fail<ss::value_error>("generate: the network is conditioned on semantic tokens, expected --semantic-from or --prompt");
  if (!with.prompt.empty()) made.tokens = tokens(with.prompt);
  if (!with.semantic_from.empty()) {
    made.tokens.resize(static_cast<std::size_t>(std::min(grid.tokens_in(prompt_frames), static_cast<index>(made.tokens.size()))));
    auto const said = tokens(with.semantic_from);
    made.tokens.insert(made.tokens.end(), said.begin(), said.end());
  }
  made.frames = rates.frames_of(static_cast<index>(made.tokens.size()));
  return made;
}

ss::token::code_array batch_of(ss::codec::audio_codes const& codes, index frames) {
  ss::token::code_array made({1, frames, codes.extent(1)});
  std::copy_n(codes.begin(), made.size(), made.begin());
  return made;
}

ss::codec::audio_codes first_of(ss::token::code_array const& codes) {
  return ss::codec::audio_codes({codes.extent(1), codes.extent(2)}, {codes.begin(), codes.end()});
}

void save_codes(fs::path const& to, ss::token::code_array const& codes) {
#ifdef SPEARSTORM_HAVE_XTENSOR
  ss::io::save_npy(to, codes);
  std::printf("wrote %s\n", to.c_str());
#else
  throw stop{failed,
             ss::message("generate: ", codes.size(), " codes cannot go to '", to.string(), "': this program was built without xtensor")};
#endif
}

void run(settings const& with) {
  trained_net net(find_checkpoint(with.run, with.checkpoint), with.seed, with.threads);
  auto const codec = ss::codec::load_log_mel_codec(with.codec.empty() ? with.run / "codec.safetensors" : with.codec);
  check_codec(codec, net);
  double const frames_per_second = static_cast<double>(codec.sample_hz()) / static_cast<double>(codec.downsample_factor());

  index total = static_cast<index>(std::lround(with.seconds * frames_per_second)), shown = 0;
  decode_settings options{
      .steps = with.steps, .temperature = with.temperature, .filter_thres = with.filter_thres, .cond_scale = with.cond_scale};
  auto const rates = net.rates();
  bool const conditioned = net.num_semantic_token_ids() > 0;
  if (!conditioned && !with.semantic_from.empty())
    ss::fail<ss::value_error>("generate: --semantic-from needs a network that was trained with semantic tokens");
  ss::train::token_grid grid;
  if (conditioned)
    grid = ss::train::token_grid(
        {.codec = {},
         .sample_hz = rates.codec_target_sample_hz,
         .downsample_factor = rates.codec_downsample_factor,
         .semantic = {rates.wav2vec_target_sample_hz, rates.wav2vec_downsample_factor, net.num_semantic_token_ids()}});
  std::vector<float> original;
  ss::codec::audio_codes spoken;
  if (!with.prompt.empty()) {
    original = load_sound(with.prompt, codec.sample_hz());
    spoken = codec.encode(original);
    auto const wanted = static_cast<index>(std::lround(with.prompt_seconds * frames_per_second));
    shown = std::min(wanted, spoken.extent(0)) / grid.frames * grid.frames;
  }
  if (conditioned) {
    auto told = condition_of(with, rates, grid, shown);
    total = with.semantic_from.empty() ? std::min(total, told.frames) : told.frames;
    told.tokens.resize(std::min(told.tokens.size(), static_cast<std::size_t>(grid.tokens_in(total))));
    options.semantic = ss::token::id_array({1, static_cast<index>(told.tokens.size())}, told.tokens);
  }
  if (shown >= total)
    ss::fail<ss::value_error>("generate: the prompt takes ", shown, " frames of ", total, " that are to be made, expected fewer");
  if (shown > 0) options.prompt = batch_of(spoken, shown);
  options.lengths = {total};
  ss::token::code_array codes;
  double seconds = 0;
  {
    ss::train::progress_bar bar(net.num_quantizers() - 1 + with.steps);
    options.progress = [&bar](index done, index) { bar.update(done); };
    auto const began = std::chrono::steady_clock::now();
    codes = net.decode(options);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
  if (!std::equal(options.prompt.begin(), options.prompt.end(), codes.begin()))
    throw stop{failed, "generate: the prompt's codes were changed"};
  ss::io::audio const sound{codec.decode(first_of(codes)), static_cast<int>(codec.sample_hz())};
  ss::io::save_audio(with.out, sound);
  std::printf("generated %td frames (%.2f s) behind %td of the prompt in %.1f s; the prompt's %td codes are kept\nwrote %s\n",
              codes.extent(1) - options.prompt.extent(1), sound.seconds(), options.prompt.extent(1), seconds, options.prompt.size(),
              with.out.c_str());
  if (!with.codes.empty()) save_codes(with.codes, codes);
  if (!with.picture.empty()) {
    std::vector<titled_sound> sounds;
    if (!original.empty()) sounds.push_back({"original", original}), sounds.push_back({"re-synthesised", codec.decode(spoken)});
    sounds.push_back({original.empty()
                          ? "generated"
                          : ss::message("generated after ", static_cast<double>(options.prompt.extent(1)) / frames_per_second, " s"),
                      sound.samples});
    save_spectrograms(with.picture, "SoundStorm", sounds, codec);
  }
}

}  // namespace

void add_generate(CLI::App& program) {
  auto* const command = program.add_subcommand("generate", "Generate speech, going on from a prompt");
  auto with = std::make_shared<settings>();
  auto* const where = command->add_option_group("model")->require_option(1);
  auto* const run_option =
      where->add_option("--run", with->run, "Folder of a run: its newest checkpoint and its codec")->check(CLI::ExistingDirectory);
  where->add_option("--checkpoint", with->checkpoint, "A checkpoint; needs --codec")->check(CLI::ExistingFile);
  auto* const codec = command->add_option("--codec", with->codec, "codec.safetensors, where it is not the run's")->check(CLI::ExistingFile);
  command->add_option("--semantic", with->semantic, "semantic.safetensors, where it is not the run's")->check(CLI::ExistingFile);
  command->add_option("--prompt", with->prompt, "Recording to go on from")->check(CLI::ExistingFile);
  command->add_option("--semantic-from", with->semantic_from, "Recording that tells what to say behind the prompt, instead of --seconds")
      ->check(CLI::ExistingFile);
  option(*command, "--prompt-seconds", with->prompt_seconds, "How much of it is given")->check(CLI::Range(0.02, 3600.0));
  option(*command, "--seconds", with->seconds, "Length of the result, the prompt included; at most what the semantic tokens tell")
      ->check(CLI::Range(0.02, 3600.0));
  option(*command, "--steps", with->steps, "Passes of the first level; each other takes one")->check(CLI::Range(1, 4096));
  option(*command, "--temperature", with->temperature, "Of the first pass, falling to 0; 0: no chance")->check(CLI::Range(0.0, 100.0));
  option(*command, "--filter-thres", with->filter_thres, "Share of unlikely codes that are never drawn")->check(CLI::Range(0.0, 1.0));
  option(*command, "--cond-scale", with->cond_scale, "Classifier-free guidance; 1: none, others need a run with --cond-drop-prob")
      ->check(CLI::Range(0.0, 100.0));
  option(*command, "--seed", with->seed, "Another seed, another result");
  command->add_option("--out", with->out, "WAV or FLAC file")->required();
  command->add_option("--picture", with->picture, "PNG: spectrograms of prompt, re-synthesis and result");
  command->add_option("--codes", with->codes, "npy file with the codes");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with, run_option, codec] {
    if (run_option->count() == 0 && codec->count() == 0) ss::fail<ss::value_error>("generate: --checkpoint needs --codec");
    run(*with);
  });
}

}  // namespace cli
