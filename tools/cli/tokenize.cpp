// spearstorm tokenize: a corpus becomes token files; the codec is learned from its train split, or given.

#include <cstdio>
#include <mutex>

#include "manifest.hpp"
#include "spearstorm/codec/log_mel_codec_file.hpp"
#include "spearstorm/train/token_file.hpp"

namespace cli {
namespace {

struct settings {
  fs::path corpus, out, codec;
  index levels = 4, codes = 256, iterations = 12, threads = 0;
  double learn_minutes = 30;
  std::uint64_t seed = 0;
};

/// Every n-th recording of the train split, so that they stay below the minutes wanted.
ss::codec::log_mel_codec learn(settings const& with, std::vector<recording> const& all, ss::thread_team& team) {
  auto const train = of_split(all, "train");
  double minutes = 0;
  for (auto const& each : train) minutes += each.seconds / 60;
  auto const every = static_cast<std::size_t>(std::max(1.0, std::ceil(minutes / with.learn_minutes)));
  std::vector<recording> some;
  for (std::size_t i = 0; i < train.size(); i += every) some.push_back(train[i]);
  if (some.empty()) ss::fail<ss::format_error>("tokenize: '", with.corpus.string(), "' has no recording in its train split");
  ss::codec::log_mel_options const features;
  std::vector<std::vector<float>> sounds(some.size());
  team.run(static_cast<index>(some.size()), [&](index i) {
    auto const at = static_cast<std::size_t>(i);
    sounds[at] = load_sound(with.corpus / some[at].path, features.sample_hz);
  });
  std::printf("learning %td levels of %td codes from %zu recordings\n", with.levels, with.codes, some.size());
  std::fflush(stdout);
  return ss::codec::log_mel_codec::learn(sounds, with.levels, features,
                                         {.codebook_size = with.codes, .iterations = with.iterations, .seed = with.seed}, team);
}

ss::train::token_set encode(settings const& with, ss::codec::log_mel_codec const& codec, std::vector<recording> const& some,
                            ss::thread_team& team) {
  ss::train::token_set set{.info = {.codec = "log_mel",
                                    .sample_hz = codec.sample_hz(),
                                    .downsample_factor = codec.downsample_factor(),
                                    .num_quantizers = codec.num_quantizers(),
                                    .codebook_size = codec.codebook_size()},
                           .utterances = {}};
  set.utterances.resize(some.size());
  team.run(static_cast<index>(some.size()), [&](index i) {
    auto const at = static_cast<std::size_t>(i);
    set.utterances[at] = {some[at].path, codec.encode(load_sound(with.corpus / some[at].path, codec.sample_hz()))};
  });
  std::erase_if(set.utterances, [](auto const& u) { return u.codes.extent(0) == 0; });  // a recording without a sample
  return set;
}

void report(std::string const& name, ss::train::token_set const& set) {
  ss::token::code_counts counts(set.info.num_quantizers, set.info.codebook_size);
  index frames = 0;
  for (auto const& u : set.utterances) {
    auto const& ids = u.codes.values();
    counts.add(ss::token::code_array({1, u.codes.extent(0), u.codes.extent(1)}, {ids.begin(), ids.end()}));
    frames += u.codes.extent(0);
  }
  double const seconds = static_cast<double>(frames * set.info.downsample_factor) / static_cast<double>(set.info.sample_hz);
  std::printf("%s: %zu utterances, %.1f minutes, %td tokens\n", name.c_str(), set.utterances.size(), seconds / 60,
              frames * set.info.num_quantizers);
  for (index level = 0; level < set.info.num_quantizers; ++level) {
    auto const s = counts.statistics(level);
    std::printf("  level %td: %td of %td codes used, unigram entropy %.3f nats\n", level, s.used, set.info.codebook_size, s.entropy);
  }
}

void run(settings const& with) {
  ss::thread_team team(with.threads);
  auto const all = read_manifest(with.corpus);
  auto const codec = with.codec.empty() ? learn(with, all, team) : ss::codec::load_log_mel_codec(with.codec);
  fs::create_directories(with.out);
  ss::codec::save(codec, with.out / "codec.safetensors");
  for (std::string const split : {"train", "valid"}) {
    auto const set = encode(with, codec, of_split(all, split), team);
    report(split, set);
    ss::train::save_token_file(with.out / (split + ".safetensors"), set);
  }
  std::printf("wrote %s\n", (with.out / "{codec,train,valid}.safetensors").c_str());
}

}  // namespace

void add_tokenize(CLI::App& program) {
  auto* const command = program.add_subcommand("tokenize", "Learn a codec from a corpus and write its token files");
  auto with = std::make_shared<settings>();
  command->add_option("--corpus", with->corpus, "Folder with manifest.tsv")->required()->check(CLI::ExistingDirectory);
  command->add_option("--out", with->out, "Folder for codec.safetensors, train.safetensors, valid.safetensors")->required();
  command->add_option("--codec", with->codec, "Use this codec, learn none")->check(CLI::ExistingFile);
  option(*command, "--levels", with->levels, "Levels of residual codes")->check(CLI::Range(1, 64));
  option(*command, "--codes", with->codes, "Codes of each level")->check(CLI::Range(2, 65536));
  option(*command, "--iterations", with->iterations, "k-means iterations")->check(CLI::Range(1, 1000));
  option(*command, "--learn-minutes", with->learn_minutes, "Learn from at most so much audio")->check(CLI::Range(0.01, 1e6));
  option(*command, "--seed", with->seed, "Of the codec's random draws");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
