// spearstorm resynthesize: recordings through the codec and back, for ears and recognisers.

#include <atomic>
#include <cstdio>
#include <set>

#include "manifest.hpp"
#include "spearstorm/codec/log_mel_codec_file.hpp"
#include "spearstorm/io/audio.hpp"

namespace cli {
namespace {

struct settings {
  fs::path corpus, codec, out;
  std::string split = "valid";
  std::vector<std::string> paths;
  index levels = 0, limit = 0, threads = 0;
};

std::vector<recording> wanted(settings const& with) {
  auto const all = read_manifest(with.corpus);
  if (with.paths.empty()) {
    auto some = of_split(all, with.split);
    auto const number = [](recording const& of) { return fs::path(of.path).filename(); };  // so that --limit takes from every voice
    std::ranges::stable_sort(some, {}, number);
    if (with.limit > 0 && static_cast<index>(some.size()) > with.limit) some.resize(static_cast<std::size_t>(with.limit));
    return some;
  }
  std::vector<recording> some;
  for (auto const& path : with.paths) {
    auto const found = std::ranges::find(all, path, &recording::path);
    if (found == all.end()) ss::fail<ss::value_error>("resynthesize: the manifest has no recording '", path, "'");
    some.push_back(*found);
  }
  return some;
}

void run(settings const& with) {
  auto const codec = ss::codec::load_log_mel_codec(with.codec);
  index const levels = with.levels > 0 ? with.levels : codec.num_quantizers();
  auto const some = wanted(with);
  if (some.empty()) ss::fail<ss::value_error>("resynthesize: the manifest has no recording of split '", with.split, "'");
  for (auto const& each : some) fs::create_directories(sound_path(with.out, each.path).parent_path());
  ss::thread_team team(with.threads);
  std::vector<double> seconds(some.size());
  team.run(static_cast<index>(some.size()), [&](index i) {
    auto const& each = some[static_cast<std::size_t>(i)];
    auto const sound = load_sound(with.corpus / each.path, codec.sample_hz());
    ss::io::audio again{codec.decode(codec.encode(sound), levels), static_cast<int>(codec.sample_hz())};
    again.samples.resize(sound.size());
    ss::io::save_audio(sound_path(with.out, each.path), again);
    seconds[static_cast<std::size_t>(i)] = again.seconds();
  });
  double total = 0;
  for (double each : seconds) total += each;
  std::printf("re-synthesised %zu recordings, %.1f s, from %td of %td levels into %s\n", some.size(), total, levels, codec.num_quantizers(),
              with.out.c_str());
}

}  // namespace

void add_resynthesize(CLI::App& program) {
  auto* const command = program.add_subcommand("resynthesize", "Send recordings of a corpus through the codec and back");
  auto with = std::make_shared<settings>();
  command->add_option("--corpus", with->corpus, "Folder with manifest.tsv")->required()->check(CLI::ExistingDirectory);
  command->add_option("--codec", with->codec, "codec.safetensors")->required()->check(CLI::ExistingFile);
  command->add_option("--out", with->out, "Folder for WAV files, under the corpus's names")->required();
  option(*command, "--split", with->split, "Which recordings")->check(CLI::IsMember({"train", "valid", "all"}));
  command->add_option("paths", with->paths, "These recordings of the manifest instead");
  option(*command, "--levels", with->levels, "Use the first levels only; 0: all")->check(CLI::Range(0, 64));
  option(*command, "--limit", with->limit, "At most so many recordings; 0: all")->check(CLI::Range(0, 1000000000));
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  command->callback([with] { run(*with); });
}

}  // namespace cli
