#include "net.hpp"

#include <cstdio>

#include "net_type.hpp"
#include "spearstorm/train/checkpoint.hpp"
#include "spearstorm/train/evaluate.hpp"
#include "spearstorm/train/run_folder.hpp"

namespace cli {

fs::path find_checkpoint(fs::path const& run, fs::path const& checkpoint) {
  if (!checkpoint.empty()) return checkpoint;
  auto const found = ss::train::run_folder::checkpoints_in(run);
  if (found.empty()) ss::fail<ss::value_error>("'", run.string(), "' holds no checkpoint-*.safetensors; `spearstorm train` writes them");
  return found.rbegin()->second;
}

std::vector<level_figures> score(ss::workspace<exec>& work, net_type const& net, ss::train::batches const& held_out, index max_batches) {
  auto const entropies = ss::train::unigram_entropy(held_out.tokens());
  auto const found = ss::train::evaluate(work, net, held_out, {.max_batches = max_batches});
  std::vector<level_figures> made;
  for (std::size_t l = 0; l < found.levels.size(); ++l) {
    auto const& s = found.levels[l];
    made.push_back({.count = s.count, .loss = s.loss, .entropy = entropies[l], .top1 = s.top1, .top10 = s.top10});
  }
  return made;
}

double print_figures(std::vector<level_figures> const& levels) {
  double worst = 1;
  std::printf("level   tokens   held-out loss   unigram entropy   below it   accuracy   in best ten\n");
  for (std::size_t l = 0; l < levels.size(); ++l) {
    auto const& s = levels[l];
    double const below = s.entropy > 0 ? 1 - s.loss / s.entropy : 0;
    worst = std::min(worst, below);
    std::printf("%5zu %8td %15.3f %17.3f %8.1f %% %8.1f %% %11.1f %%\n", l, s.count, s.loss, s.entropy, 100 * below, 100 * s.top1,
                100 * s.top10);
  }
  std::fflush(stdout);
  return worst;
}

struct trained_net::parts {
  ss::workspace<exec> work;
  net_type net;

  parts(fs::path const& checkpoint, std::uint64_t seed, index threads)
      : work({.seed = seed, .threads = threads}), net(work, ss::train::read_configuration(checkpoint)) {
    ss::train::load_model_(checkpoint, net);
    work.restore_({.seed = seed});
  }
};

trained_net::trained_net(fs::path const& checkpoint, std::uint64_t seed, index threads)
    : parts_(std::make_unique<parts>(checkpoint, seed, threads)) {}
trained_net::~trained_net() = default;

index trained_net::num_quantizers() const { return parts_->net.shape().num_quantizers; }
index trained_net::codebook_size() const { return parts_->net.shape().codebook_size; }

std::vector<level_figures> trained_net::score(ss::train::batches const& held_out) {
  return cli::score(parts_->work, parts_->net, held_out);
}

ss::token::code_array trained_net::decode(decode_settings const& with) {
  ss::soundstorm::generate_options options;
  options.num_latents = with.frames;
  options.prompt = with.prompt;
  options.steps = with.steps;
  options.start_temperature = with.temperature;
  options.filter_thres = with.filter_thres;
  options.progress = with.progress;
  return parts_->net.generate(parts_->work, options);
}

}  // namespace cli
