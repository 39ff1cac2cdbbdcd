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

std::vector<level_figures> score(ss::workspace<exec>& work, net_type const& net, ss::train::batches const& held_out, index max_batches,
                                 bool condition) {
  auto const entropies = ss::train::unigram_entropy(held_out.tokens());
  bool const prompted = held_out.options().prompt_frames > 0;  // then training drew no further one
  auto const found = ss::train::evaluate(work, net, held_out, {.prompt = !prompted, .condition = condition, .max_batches = max_batches});
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

double mean_loss(std::vector<level_figures> const& levels) {
  double sum = 0, count = 0;
  for (auto const& s : levels) sum += s.loss * static_cast<double>(s.count), count += static_cast<double>(s.count);
  return count > 0 ? sum / count : 0;
}

ss::train::token_set without_semantic(ss::train::token_set set) {
  set.info.semantic = {};
  for (auto& u : set.utterances) u.semantic.clear();
  return set;
}

ss::train::token_set tokens_for(ss::train::token_set set, index num_semantic_token_ids) {
  if (num_semantic_token_ids == 0) return without_semantic(std::move(set));
  if (set.info.semantic.num_semantic_token_ids != num_semantic_token_ids)
    ss::fail<ss::value_error>("the network is conditioned on ", num_semantic_token_ids, " semantic tokens, the token file has ",
                              set.info.semantic.num_semantic_token_ids, "; tokenize with --semantic-clusters");
  return set;
}

ss::soundstorm_options model_options(ss::train::token_info const& info) {
  if (!info.semantic.given()) return {};
  return {.body = {},
          .rates = {.wav2vec_target_sample_hz = info.semantic.sample_hz,
                    .wav2vec_downsample_factor = info.semantic.downsample_factor,
                    .codec_target_sample_hz = info.sample_hz,
                    .codec_downsample_factor = info.downsample_factor},
          .pad_id = {}};
}

struct trained_net::parts {
  ss::workspace<exec> work;
  net_type net;
  index prompt_frames = 0;

  parts(fs::path const& checkpoint, std::uint64_t seed, index threads)
      : work({.seed = seed, .threads = threads}),
        net(work, ss::train::read_configuration(checkpoint),
            ss::soundstorm_options{.body = {}, .rates = ss::train::read_semantic_rates(checkpoint), .pad_id = {}}) {
    auto const info = ss::train::load_model_(checkpoint, net);
    prompt_frames = info.configuration.value("prompt_frames", index{0});
    work.restore_({.seed = seed});
  }
};

trained_net::trained_net(fs::path const& checkpoint, std::uint64_t seed, index threads)
    : parts_(std::make_unique<parts>(checkpoint, seed, threads)) {}
trained_net::~trained_net() = default;

index trained_net::num_quantizers() const { return parts_->net.shape().num_quantizers; }
index trained_net::codebook_size() const { return parts_->net.shape().codebook_size; }

index trained_net::num_semantic_token_ids() const { return parts_->net.shape().num_semantic_token_ids; }
ss::soundstorm::semantic_rates trained_net::rates() const { return parts_->net.options.rates; }
index trained_net::prompt_frames() const { return parts_->prompt_frames; }

std::vector<level_figures> trained_net::score(ss::train::batches const& held_out, bool condition) {
  return cli::score(parts_->work, parts_->net, held_out, 0, condition);
}

ss::token::code_array trained_net::decode(decode_settings const& with) {
  ss::soundstorm::generate_options options;
  options.lengths = with.lengths;
  options.prompt = with.prompt;
  options.prompt_lengths = with.prompt_lengths;
  options.semantic = with.semantic;
  options.cond_scale = with.cond_scale;
  options.steps = with.steps;
  options.start_temperature = with.temperature;
  options.filter_thres = with.filter_thres;
  options.progress = with.progress;
  if (with.trace) return ss::soundstorm::decode(parts_->net, parts_->work, options, std::ref(*with.trace));
  return parts_->net.generate(parts_->work, options);
}

}  // namespace cli
