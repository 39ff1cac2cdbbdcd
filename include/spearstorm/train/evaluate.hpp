#pragma once
// How well a SoundStorm guesses masked tokens, level by level, with masks that are the same in every evaluation.

#include "spearstorm/io/json.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/train/batches.hpp"
#include "spearstorm/train/loss.hpp"

namespace SPEARSTORM_NS::train {

struct evaluate_options {
  std::uint64_t seed = 0;
  token::schedule schedule = token::cosine_schedule;
  bool prompt = true;     ///< show a drawn prompt, as in training; false: the harder task with a batch's own prompts alone
  bool condition = true;  ///< false: leave out the condition of all examples, which tells what it is worth
  index max_batches = 0;  ///< 0: one epoch
};

/// Means over the masked tokens of one level.
struct level_score {
  index count = 0;
  double loss = 0;   ///< nats
  double top1 = 0;   ///< share of tokens whose true code has the highest logit
  double top10 = 0;  ///< ... one of the ten highest
};

struct evaluation {
  std::vector<level_score> levels;

  /// The mean over all masked tokens.
  double loss() const {
    double sum = 0, count = 0;
    for (auto const& l : levels) sum += l.loss * static_cast<double>(l.count), count += static_cast<double>(l.count);
    return count > 0 ? sum / count : 0;
  }
};

inline io::json to_json(evaluation const& of) {
  io::json made{{"loss", of.loss()}, {"levels", io::json::array()}};
  for (auto const& l : of.levels) made["levels"].push_back({{"count", l.count}, {"loss", l.loss}, {"top1", l.top1}, {"top10", l.top10}});
  return made;
}

/// The task of one level: levels below it are shown, those above are masked behind the prompt, of its own codes a drawn share is.
/// Every draw is a function of seed, level and global example, so all models and all evaluations meet the same masks.
/// @param prompt_frames (batch), frames at each row's start that are shown in any case; empty: none
/// @shape codes (batch, frames, levels)  valid (batch, frames)
inline token::drawn_mask evaluation_mask(token::code_array const& codes, token::flag_array const& valid, index codebook_size, index level,
                                         evaluate_options const& options, index first_example, std::span<index const> prompt_frames = {}) {
  index const batch = codes.extent(0), frames = codes.extent(1), levels = codes.extent(2);
  random_stream const stream{options.seed, 0, stream_id("train/evaluate", static_cast<std::uint32_t>(level))};
  token::drawn_mask drawn;
  token::flag_array open = token::detail::maskable("evaluate", valid, prompt_frames);
  drawn.prompt = options.prompt ? token::draw_prompts(open, true, token::detail::named(stream, "prompt"), first_example)
                                : std::vector<index>(static_cast<std::size_t>(batch), 0);
  for (std::size_t b = 0; b < prompt_frames.size(); ++b) drawn.prompt[b] = std::max(drawn.prompt[b], prompt_frames[b]);
  drawn.level.assign(static_cast<std::size_t>(batch), level);
  std::vector<float> share;
  for (index b = 0; b < batch; ++b) {
    std::fill_n(open.data() + b * frames, drawn.prompt[static_cast<std::size_t>(b)], flag{0});
    share.push_back(token::masked_share(options.schedule,
                                        token::detail::named(stream, "time").uniform(static_cast<std::uint32_t>(first_example + b), 0)));
  }
  drawn.target_mask = token::get_mask_subset_prob(open, share, {.min_mask = 1}, token::detail::named(stream, "choose"), first_example);
  std::int32_t const masked = token::mask_id(codebook_size);
  drawn.input = token::fill_padding(codes, valid, masked);
  drawn.target = token::id_array({batch, frames}, masked);
  drawn.kept = drawn.randomized = token::flag_array({batch, frames});
  for (index at = 0; at < batch * frames; ++at) {
    std::int32_t* const shown = drawn.input.data() + at * levels;
    if (valid.data()[at]) drawn.target.data()[at] = codes.data()[at * levels + level];
    if (open.data()[at]) std::fill(shown + level + 1, shown + levels, masked);
    if (drawn.target_mask.data()[at]) shown[level] = masked;
  }
  return drawn;
}

namespace detail {

/// Adds one row of logits to sums over rows.
template <class T>
void score_row(std::span<T const> logits, std::int32_t target, level_score& sums) {
  double const right = static_cast<double>(logits[static_cast<std::size_t>(target)]);
  double const top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double total = 0;
  index above = 0;
  for (T const x : logits) total += std::exp(static_cast<double>(x) - top), above += static_cast<double>(x) > right;
  ++sums.count;
  sums.loss += top + std::log(total) - right;
  sums.top1 += above < 1;
  sums.top10 += above < 10;
}

}  // namespace detail

/// Leaves the workspace's random state as it was.
/// @throws shape_error, value_error where a batch does not fit the model
/// @param source its first epoch is read
/// @cost one forward pass for each level and batch
template <soundstorm_shape C, execution_policy Exec, batch_source Source>
evaluation evaluate(workspace<Exec>& work, soundstorm::model<C, Exec> const& model, Source const& source,
                    evaluate_options const& options = {}) {
  random_guard const guard(work);
  index const levels = model.shape().levels(), vocab = model.shape().codebook_size;
  evaluation made{std::vector<level_score>(static_cast<std::size_t>(levels))};
  index const batches = options.max_batches > 0 ? std::min(options.max_batches, source.per_epoch()) : source.per_epoch();
  for (index k = 0; k < batches; ++k) {
    auto const item = source.at(k);
    auto const& codes = item.batch.codes;
    check_size("evaluate", "codes", "levels", codes.extent(2), "the model", levels);
    auto const valid = item.batch.padded() ? item.batch.valid : token::all_valid(codes.extent(0), codes.extent(1));
    token::check_codes("evaluate", codes, vocab, valid, item.first_example);
    std::vector<flag> const dropped(options.condition ? 0 : static_cast<std::size_t>(codes.extent(0)), flag{1});
    for (index level = 0; level < levels; ++level) {
      auto const drawn = evaluation_mask(codes, valid, vocab, level, options, item.first_example, item.batch.prompt_frames);
      auto const chosen = token::chosen_rows(drawn);
      inference<Exec> ctx{work};
      auto const logits = ctx.download(model.logits_of(ctx, item.batch, drawn.input, chosen, dropped));  // (rows, vocab)
      for (index r = 0; r < chosen.rows.size(); ++r)
        detail::score_row(logits.values().subspan(static_cast<std::size_t>(r * vocab), static_cast<std::size_t>(vocab)),
                          chosen.targets.data()[r], made.levels[static_cast<std::size_t>(level)]);
    }
  }
  for (auto& l : made.levels)
    if (l.count > 0)
      l.loss /= static_cast<double>(l.count), l.top1 /= static_cast<double>(l.count), l.top10 /= static_cast<double>(l.count);
  return made;
}

/// Unigram entropy of each level in nats: what a guess that looks at nothing loses at least.
inline std::vector<double> unigram_entropy(token_set const& set) {
  token::code_counts counts(set.info.num_quantizers, set.info.codebook_size);
  for (auto const& u : set.utterances)
    counts.add(token::code_array({1, u.codes.extent(0), u.codes.extent(1)}, std::vector<std::int32_t>(u.codes.begin(), u.codes.end())));
  return counts.entropies();
}

}  // namespace SPEARSTORM_NS::train
