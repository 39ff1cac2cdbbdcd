// spearstorm speak: text to semantic tokens, semantic tokens to codes in the voice of a prompt, codes to sound.

#include <algorithm>
#include <cstdio>

#include "manifest.hpp"
#include "net.hpp"
#include "pictures.hpp"
#include "spearstorm/codec/log_mel_codec_file.hpp"
#include "spearstorm/codec/semantic_kmeans_file.hpp"
#include "spearstorm/io/audio.hpp"
#include "spearstorm/train/progress.hpp"
#include "spearstorm/train/token_span.hpp"
#include "text_net.hpp"

namespace cli {
namespace {

struct settings {
  fs::path text_run, run, corpus, prompt, out, picture;
  std::vector<std::string> texts;
  std::string voice;
  index batch = 16, steps = 12, limit = 0, max_length = 400, threads = 0;
  double prompt_seconds = 1.2, temperature = 0, stretch = 1, filter_thres = 0.7, text_filter = 0.1;
  float sound_temperature = 1;
  std::uint64_t seed = 0;
};

/// A sentence and the file that it goes to, below --out.
struct sentence {
  std::string text, file;
};

/// --text, or the held-out sentences of a corpus, each text once.
std::vector<sentence> sentences(settings const& with) {
  std::vector<sentence> made;
  for (auto const& text : with.texts) made.push_back({text, with.texts.size() == 1 ? "" : ss::message(made.size(), ".wav")});
  if (with.corpus.empty()) return made;
  auto held_out = of_split(read_manifest(with.corpus), "valid");
  std::ranges::stable_sort(held_out, {}, [](auto const& r) { return fs::path(r.path).filename(); });
  for (auto const& each : held_out)
    if (with.limit == 0 || static_cast<index>(made.size()) < with.limit) made.push_back({each.text, each.path});
  return made;
}

/// Lower case and single blanks, as the corpora's texts.
std::string plain(std::string const& text) {
  std::string made;
  for (char const c : text) {
    char const low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    bool const blank = low == ' ' || low == '\t' || low == '\n';
    if (!blank) made += low;
    if (blank && !made.empty() && made.back() != ' ') made += ' ';
  }
  while (!made.empty() && made.back() == ' ') made.pop_back();
  return made;
}

/// The voice: codes and semantic tokens of a recording's beginning.
struct voice {
  ss::codec::audio_codes codes;
  ss::token::sequence semantic;
  index frames = 0;  ///< that are shown
};

voice voice_of(settings const& with, ss::codec::log_mel_codec const& codec, ss::train::token_grid const& grid) {
  auto const tokenizer = ss::codec::load_semantic_tokenizer(with.run / "semantic.safetensors");
  voice made;
  made.codes = codec.encode(load_sound(with.prompt, codec.sample_hz()));
  double const frames_per_second = static_cast<double>(codec.sample_hz()) / static_cast<double>(codec.downsample_factor());
  auto const wanted = static_cast<index>(std::lround(with.prompt_seconds * frames_per_second));
  made.frames = std::min(wanted, made.codes.extent(0)) / grid.frames * grid.frames;
  if (made.frames == 0)
    ss::fail<ss::value_error>("speak: the prompt '", with.prompt.string(), "' has no whole frame, expected a longer one");
  made.semantic = tokenizer.encode(load_sound(with.prompt, tokenizer.sample_hz()));
  made.semantic.resize(std::min(made.semantic.size(), static_cast<std::size_t>(grid.tokens_in(made.frames))));
  return made;
}

/// Codes of each row behind the prompt.
std::vector<ss::codec::audio_codes> sounds_of(settings const& with, trained_net& net, voice const& speaker,
                                              std::vector<ss::token::sequence> const& said, ss::train::token_grid const& grid) {
  auto const rows = static_cast<index>(said.size());
  auto const rates = net.rates();
  decode_settings options{.steps = with.steps, .temperature = with.sound_temperature, .filter_thres = with.filter_thres};
  std::vector<ss::token::sequence> told;
  for (auto const& row : said) {
    told.push_back(speaker.semantic);
    told.back().insert(told.back().end(), row.begin(), row.end());
    options.lengths.push_back(
        std::max(rates.frames_of(static_cast<index>(told.back().size())) / grid.frames * grid.frames, speaker.frames + 1));
  }
  options.semantic = ss::token::pad_rows(told);
  options.prompt = ss::token::code_array({rows, speaker.frames, speaker.codes.extent(1)});
  for (index b = 0; b < rows; ++b)
    std::copy_n(speaker.codes.data(), options.prompt.size() / rows, options.prompt.data() + b * options.prompt.size() / rows);
  auto const codes = net.decode(options);
  std::vector<ss::codec::audio_codes> made;
  for (index b = 0; b < rows; ++b) {
    index const levels = codes.extent(2), count = options.lengths[static_cast<std::size_t>(b)] - speaker.frames;
    made.push_back(ss::codec::audio_codes({count, levels}));
    std::copy_n(codes.data() + (b * codes.extent(1) + speaker.frames) * levels, count * levels, made.back().data());
  }
  return made;
}

void run(settings const& with) {
  trained_text_net reader(find_checkpoint(with.text_run, {}), with.seed, with.threads);
  trained_net net(find_checkpoint(with.run, {}), with.seed, with.threads);
  auto const codec = ss::codec::load_log_mel_codec(with.run / "codec.safetensors");
  auto const& about = reader.about();
  if (about.task != "text-to-semantic")
    ss::fail<ss::value_error>("speak: the text run's task is ", about.task, ", expected text-to-semantic");
  ss::check_size("speak", "the text run", "semantic ids", reader.shape().num_semantic_token_ids, "the sound run",
                 net.num_semantic_token_ids());
  auto const rates = net.rates();
  if (about.sample_hz * rates.wav2vec_downsample_factor != rates.wav2vec_target_sample_hz * about.downsample_factor)
    ss::fail<ss::value_error>("speak: the text run's tokens are ", about.sample_hz, " / ", about.downsample_factor,
                              " a second, the sound run expects ", rates.wav2vec_target_sample_hz, " / ", rates.wav2vec_downsample_factor);
  ss::train::token_grid const grid(
      {.codec = {},
       .sample_hz = rates.codec_target_sample_hz,
       .downsample_factor = rates.codec_downsample_factor,
       .semantic = {rates.wav2vec_target_sample_hz, rates.wav2vec_downsample_factor, net.num_semantic_token_ids()}});
  auto const speaker = voice_of(with, codec, grid);
  auto const all = sentences(with);
  if (all.empty()) ss::fail<ss::value_error>("speak: nothing to say, expected --text or --corpus");

  std::vector<ss::token::sequence> texts;
  for (auto const& each : all) texts.push_back(about.encode(reader.tokenizer(), plain(each.text), with.voice));
  ss::spear_tts::generate_options const reading{
      .max_length = with.max_length, .temperature = static_cast<float>(with.temperature), .filter_thres = with.text_filter};
  std::printf("text to semantic tokens\n");
  auto semantic = generate_all(reader, texts, ss::spear_tts::token_kind::text, ss::spear_tts::token_kind::speech, reading, with.batch);
  std::size_t tokens = 0;
  auto const& durations = about.durations.at(static_cast<std::size_t>(about.voice_number(with.voice)));
  for (auto& row : semantic) tokens += row.size(), row = durations.spoken(row, with.stretch);
  std::printf("semantic tokens to sound\n");
  double seconds = 0;
  ss::train::progress_bar bar((static_cast<index>(all.size()) + with.batch - 1) / with.batch);
  for (std::size_t at = 0, step = static_cast<std::size_t>(with.batch); at < all.size(); at += step) {
    std::size_t const n = std::min(step, all.size() - at);
    auto const made =
        sounds_of(with, net, speaker,
                  {semantic.begin() + static_cast<std::ptrdiff_t>(at), semantic.begin() + static_cast<std::ptrdiff_t>(at + n)}, grid);
    for (std::size_t i = 0; i < n; ++i) {
      ss::io::audio const sound{codec.decode(made[i]), static_cast<int>(codec.sample_hz())};
      fs::path const to = all[at + i].file.empty() ? with.out : sound_path(with.out, all[at + i].file);
      if (to.has_parent_path()) fs::create_directories(to.parent_path());
      ss::io::save_audio(to, sound);
      seconds += sound.seconds();
      if (at + i == 0 && !with.picture.empty()) save_spectrograms(with.picture, all[0].text, {{"spoken from text", sound.samples}}, codec);
    }
    bar.update(static_cast<index>(at / step) + 1);
  }
  std::printf("\nspoke %zu sentences: %zu semantic tokens, %.1f s of sound\nwrote %s\n", all.size(), tokens, seconds, with.out.c_str());
}

}  // namespace

void add_speak(CLI::App& program) {
  auto* const command = program.add_subcommand("speak", "Say a text in the voice of a recording");
  auto with = std::make_shared<settings>();
  command->add_option("--text-run", with->text_run, "Folder of a text-to-semantic run")->required()->check(CLI::ExistingDirectory);
  command->add_option("--run", with->run, "Folder of a SoundStorm's run, with its codec and semantic tokenizer")
      ->required()
      ->check(CLI::ExistingDirectory);
  auto* const what = command->add_option_group("text")->require_option(1);
  what->add_option("--text", with->texts, "What to say; several go to 0.wav, 1.wav ... below --out");
  what->add_option("--corpus", with->corpus, "Say its held-out sentences, under the recordings' names")->check(CLI::ExistingDirectory);
  command->add_option("--prompt", with->prompt, "A recording of the voice")->required()->check(CLI::ExistingFile);
  command->add_option("--voice", with->voice, "Whose tokens: the voice's name in the corpus; for a text run with --voices");
  command->add_option("--out", with->out, "WAV file, or a folder for several")->required();
  option(*command, "--prompt-seconds", with->prompt_seconds, "How much of it is shown")->check(CLI::Range(0.02, 60.0));
  option(*command, "--temperature", with->temperature, "Of the semantic tokens; 0: the likeliest each time")->check(CLI::Range(0.0, 100.0));
  option(*command, "--text-filter-thres", with->text_filter, "Share of semantic tokens that may be drawn")->check(CLI::Range(0.0, 1.0));
  option(*command, "--stretch", with->stretch, "2: half as fast")->check(CLI::Range(0.1, 10.0));
  option(*command, "--max-length", with->max_length, "Semantic tokens of a sentence")->check(CLI::Range(1, 1 << 20));
  option(*command, "--steps", with->steps, "Passes of the codes' first level; each other takes one")->check(CLI::Range(1, 4096));
  option(*command, "--sound-temperature", with->sound_temperature, "Of the first pass, falling to 0")->check(CLI::Range(0.0, 100.0));
  option(*command, "--filter-thres", with->filter_thres, "Share of unlikely codes that are never drawn")->check(CLI::Range(0.0, 1.0));
  option(*command, "--batch", with->batch, "Sentences at once")->check(CLI::Range(1, 4096));
  option(*command, "--limit", with->limit, "At most so many sentences of the corpus; 0: all")->check(CLI::Range(0, 1000000000));
  option(*command, "--seed", with->seed, "Of all draws");
  command->add_option("--picture", with->picture, "PNG: the spectrogram of the first sentence");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
