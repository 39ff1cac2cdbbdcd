// spearstorm tokenize: a corpus becomes token files; codec and semantic tokenizer are learned from its train split, or given.

#include <cstdio>
#include <functional>
#include <optional>

#include "manifest.hpp"
#include "spearstorm/codec/log_mel_codec_file.hpp"
#include "spearstorm/codec/semantic_kmeans_file.hpp"
#include "spearstorm/train/token_file.hpp"

namespace cli {
namespace {

struct settings {
  fs::path corpus, out, codec, semantic;
  index levels = 4, codes = 256, iterations = 12, semantic_clusters = 200, threads = 0;
  double learn_minutes = 30;
  std::uint64_t seed = 0;
};

/// Every n-th recording of the train split, so that they stay below the minutes wanted.
std::vector<recording> to_learn_from(settings const& with, std::vector<recording> const& all) {
  auto const train = of_split(all, "train");
  double minutes = 0;
  for (auto const& each : train) minutes += each.seconds / 60;
  auto const every = static_cast<std::size_t>(std::max(1.0, std::ceil(minutes / with.learn_minutes)));
  std::vector<recording> some;
  for (std::size_t i = 0; i < train.size(); i += every) some.push_back(train[i]);
  if (some.empty()) ss::fail<ss::format_error>("tokenize: '", with.corpus.string(), "' has no recording in its train split");
  return some;
}

/// make(sound) of each recording, the recordings shared out among threads.
template <class Make>
auto of_each(settings const& with, std::vector<recording> const& some, index sample_hz, ss::thread_team& team, Make const& make) {
  std::vector<std::decay_t<std::invoke_result_t<Make, std::vector<float>>>> made(some.size());
  team.run(static_cast<index>(some.size()), [&](index i) {
    auto const at = static_cast<std::size_t>(i);
    made[at] = make(load_sound(with.corpus / some[at].path, sample_hz));
  });
  return made;
}

ss::codec::log_mel_codec learn(settings const& with, std::vector<recording> const& some, ss::thread_team& team) {
  ss::codec::log_mel_options const features;
  auto const sounds = of_each(with, some, features.sample_hz, team, std::identity{});
  std::printf("learning %td levels of %td codes from %zu recordings\n", with.levels, with.codes, some.size());
  std::fflush(stdout);
  return ss::codec::log_mel_codec::learn(sounds, with.levels, features,
                                         {.codebook_size = with.codes, .iterations = with.iterations, .seed = with.seed}, team);
}

/// What every voice's features lie around; a recording without a voice is its own.
class voices {
 public:
  voices(settings const& with, std::vector<recording> const& all, ss::codec::semantic_features const& features, ss::thread_team& team)
      : features_(features) {
    auto const rows = of_each(with, all, features.options().sample_hz, team, [&](auto const& sound) { return features.analyze(sound); });
    std::map<std::string, std::vector<std::vector<float>>> by_name;
    for (std::size_t i = 0; i < all.size(); ++i) {
      rows_[all[i].path] = rows[i];
      if (!rows[i].empty()) by_name[name_of(all[i])].push_back(rows[i]);
    }
    for (auto const& [name, some] : by_name) known_[name] = features.statistics(some);
  }
  std::vector<float> const& rows(recording const& of) const { return rows_.at(of.path); }
  ss::codec::speaker_statistics const& statistics(recording const& of) const { return known_.at(name_of(of)); }
  std::vector<float> normalized(recording const& of) const {
    auto made = rows(of);
    if (!made.empty()) features_.normalize(made, statistics(of));
    return made;
  }

 private:
  static std::string name_of(recording const& of) { return of.voice.empty() ? "recording " + of.path : "voice " + of.voice; }

  ss::codec::semantic_features const& features_;
  std::map<std::string, std::vector<float>> rows_;
  std::map<std::string, ss::codec::speaker_statistics> known_;
};

ss::codec::semantic_tokenizer learn_semantic(settings const& with, std::vector<recording> const& some, voices const& spoken,
                                             ss::thread_team& team) {
  std::vector<std::vector<float>> rows;
  for (auto const& each : some) rows.push_back(spoken.normalized(each));
  std::printf("learning %td semantic clusters\n", with.semantic_clusters);
  std::fflush(stdout);
  return ss::codec::semantic_tokenizer::learn(
      {}, rows, {.codebook_size = with.semantic_clusters, .iterations = with.iterations, .seed = with.seed}, team);
}

ss::train::token_set encode(settings const& with, ss::codec::log_mel_codec const& codec, std::vector<recording> const& some,
                            ss::thread_team& team) {
  ss::train::token_set set{.info = {.codec = "log_mel",
                                    .sample_hz = codec.sample_hz(),
                                    .downsample_factor = codec.downsample_factor(),
                                    .num_quantizers = codec.num_quantizers(),
                                    .codebook_size = codec.codebook_size()},
                           .utterances = {}};
  auto const codes = of_each(with, some, codec.sample_hz(), team, [&](auto const& sound) { return codec.encode(sound); });
  for (std::size_t i = 0; i < some.size(); ++i) set.utterances.push_back({some[i].path, codes[i], {}, some[i].voice});
  return set;
}

void add_semantic_(ss::train::token_set& set, ss::codec::semantic_tokenizer const& tokenizer, std::vector<recording> const& some,
                   voices const& spoken) {
  set.info.semantic = {.sample_hz = tokenizer.sample_hz(),
                       .downsample_factor = tokenizer.downsample_factor(),
                       .num_semantic_token_ids = tokenizer.num_semantic_token_ids()};
  for (std::size_t i = 0; i < some.size(); ++i)
    if (!spoken.rows(some[i]).empty()) set.utterances[i].semantic = tokenizer.encode_rows(spoken.rows(some[i]), spoken.statistics(some[i]));
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
  if (!set.info.semantic.given()) return;
  std::set<std::int32_t> used;
  std::size_t tokens = 0;
  for (auto const& u : set.utterances) used.insert(u.semantic.begin(), u.semantic.end()), tokens += u.semantic.size();
  std::printf("  semantic: %zu tokens, %zu of %td clusters used\n", tokens, used.size(), set.info.semantic.num_semantic_token_ids);
}

void run(settings const& with) {
  ss::thread_team team(with.threads);
  auto const all = read_manifest(with.corpus);
  bool const speaks = with.semantic_clusters > 0 || !with.semantic.empty(),
             learns = with.codec.empty() || (speaks && with.semantic.empty());
  auto const some = learns ? to_learn_from(with, all) : std::vector<recording>{};
  auto const codec = with.codec.empty() ? learn(with, some, team) : ss::codec::load_log_mel_codec(with.codec);
  fs::create_directories(with.out);
  ss::codec::save(codec, with.out / "codec.safetensors");

  std::optional<ss::codec::semantic_tokenizer> tokenizer;
  if (!with.semantic.empty()) tokenizer = ss::codec::load_semantic_tokenizer(with.semantic);
  std::optional<ss::codec::semantic_features> features;
  std::optional<voices> spoken;
  if (speaks) {
    features.emplace(tokenizer ? tokenizer->features().options() : ss::codec::semantic_options{});
    spoken.emplace(with, all, *features, team);
    if (!tokenizer) tokenizer = learn_semantic(with, some, *spoken, team);
    ss::codec::save(*tokenizer, with.out / "semantic.safetensors");
  }
  for (std::string const split : {"train", "valid"}) {
    auto const part = of_split(all, split);
    auto set = encode(with, codec, part, team);
    if (speaks) add_semantic_(set, *tokenizer, part, *spoken);
    std::erase_if(set.utterances, [](auto const& u) { return u.codes.extent(0) == 0; });  // a recording without a sample
    report(split, set);
    ss::train::save_token_file(with.out / (split + ".safetensors"), set);
  }
  std::printf("wrote %s\n", (with.out / (speaks ? "{codec,semantic,train,valid}.safetensors" : "{codec,train,valid}.safetensors")).c_str());
}

}  // namespace

void add_tokenize(CLI::App& program) {
  auto* const command = program.add_subcommand("tokenize", "Learn a codec and semantic clusters from a corpus and write its token files");
  auto with = std::make_shared<settings>();
  command->add_option("--corpus", with->corpus, "Folder with manifest.tsv")->required()->check(CLI::ExistingDirectory);
  command->add_option("--out", with->out, "Folder for {codec,semantic,train,valid}.safetensors")->required();
  command->add_option("--codec", with->codec, "Use this codec, learn none")->check(CLI::ExistingFile);
  option(*command, "--levels", with->levels, "Levels of residual codes")->check(CLI::Range(1, 64));
  option(*command, "--codes", with->codes, "Codes of each level")->check(CLI::Range(2, 65536));
  auto* const clusters = option(*command, "--semantic-clusters", with->semantic_clusters,
                                "Learn so many semantic tokens from mel cepstra, and write them too; 0: none")
                             ->check(CLI::Range(0, 65536));
  command->add_option("--semantic", with->semantic, "Use this semantic tokenizer, learn none")
      ->check(CLI::ExistingFile)
      ->excludes(clusters);
  option(*command, "--iterations", with->iterations, "k-means iterations")->check(CLI::Range(1, 1000));
  option(*command, "--learn-minutes", with->learn_minutes, "Learn from at most so much audio")->check(CLI::Range(0.01, 1e6));
  option(*command, "--seed", with->seed, "Of the codec's random draws");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
