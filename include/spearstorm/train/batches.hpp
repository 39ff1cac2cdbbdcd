#pragma once
// Batch number k is a pure function of (seed, k): who resumes needs the step number and nothing else.

#include <map>
#include <optional>

#include "spearstorm/soundstorm/token_batch.hpp"
#include "spearstorm/train/batch_iterator.hpp"
#include "spearstorm/train/epoch_order.hpp"
#include "spearstorm/train/token_file.hpp"
#include "spearstorm/train/token_span.hpp"

namespace SPEARSTORM_NS::train {

/// What a trainer reads: `at(k)` gives a batch, the global index of its first example (for draws) and how many tokens it holds.
template <class S>
concept batch_source = requires(S const& source, index k) {
  source.at(k).batch;
  { source.at(k).first_example } -> std::convertible_to<index>;
  { source.at(k).tokens } -> std::convertible_to<index>;
};

struct batch_options {
  index batch = 8;       ///< examples, over all ranks
  index max_frames = 0;  ///< longer utterances are cropped, elsewhere in each epoch; the prompt not counted; 0: never
  std::uint64_t seed = 0;
  bool shuffle = true;       ///< a new order in each epoch
  bool drop_last = false;    ///< leave out what does not fill a batch; other examples in each epoch where they are shuffled
  index window = 16;         ///< examples of similar length are put together within this many batches; 1: never
  index rank = 0, size = 1;  ///< this process takes part `rank` of `size` of each batch's rows
  index prompt_frames = 0;   ///< in front of each row: so much of another utterance of its speaker, which training always shows
};

struct numbered_batch {
  soundstorm::token_batch batch;
  index number = 0;  ///< k
  index epoch = 0;
  index first_example = 0;          ///< global index of the first row; rows follow each other, so draws do not depend on `size`
  index tokens = 0;                 ///< real ones, padding not counted
  std::vector<index> utterances{};  ///< which utterances the rows come from
  std::vector<index> prompts{};     ///< and their prompts; -1: none
};

/// @throws value_error where an option lies outside its range, the set is empty, or (drop_last) smaller than a batch
class batches {
 public:
  explicit batches(token_set set, batch_options options = {}) : set_(std::move(set)), options_(options) {
    check_range<index>("batches", "batch", options_.batch, 1, 1 << 30);
    check_range<index>("batches", "max_frames", options_.max_frames, 0, 1 << 30);
    check_range<index>("batches", "window", options_.window, 1, 1 << 30);
    check_range<index>("batches", "size", options_.size, 1, options_.batch);
    check_range<index>("batches", "rank", options_.rank, 0, options_.size - 1);
    detail::check_token_set<value_error>("batches: ", set_);
    grid_ = token_grid(set_.info);
    check_range<index>("batches", "prompt_frames", options_.prompt_frames, 0, 1 << 30);
    for (auto const& [name, frames] : {std::pair{"max_frames", options_.max_frames}, std::pair{"prompt_frames", options_.prompt_frames}})
      if (frames % grid_.frames != 0)
        fail<value_error>("batches: ", name, " = ", frames, ", expected a multiple of ", grid_.frames,
                          " frames, where semantic tokens begin");
    for (std::size_t u = 0; u < set_.utterances.size(); ++u) speakers_[set_.utterances[u].speaker].push_back(static_cast<index>(u));
    if (per_epoch() < 1) fail<value_error>("batches: ", set_.utterances.size(), " utterances make no batch of ", options_.batch);
    index const rest = static_cast<index>(set_.utterances.size()) % options_.batch;
    if (!options_.drop_last && rest > 0 && rest < options_.size)
      fail<value_error>("batches: the last batch has ", rest, " examples for ", options_.size, " ranks; set drop_last");
  }
  /// A token file or a folder of them.
  explicit batches(std::filesystem::path const& path, batch_options options = {}) : batches(load_tokens(path), options) {}
  explicit batches(char const* path, batch_options options = {}) : batches(load_tokens(path), options) {}

  token_set const& tokens() const { return set_; }
  batch_options const& options() const { return options_; }
  index per_epoch() const { return batches_of(static_cast<index>(set_.utterances.size()), order()); }

  /// Batch k, 0 or more, over as many epochs as k needs. The order of the last epoch asked for is kept: an object serves one thread.
  numbered_batch at(index k) const {
    if (k < 0) fail<value_error>("batches: batch ", k, ", expected 0 or more");
    index const epoch = k / per_epoch();
    if (!order_ || order_epoch_ != epoch) {
      order_ = epoch_order(static_cast<index>(set_.utterances.size()), epoch, order(), [this](index u) { return frames_of(u); });
      order_epoch_ = epoch;
    }
    auto const& rows = (*order_)[static_cast<std::size_t>(k % per_epoch())];
    auto const n = static_cast<index>(rows.size());
    index const first = n * options_.rank / options_.size, last = n * (options_.rank + 1) / options_.size;
    numbered_batch made = gather({rows.begin() + first, rows.begin() + last}, epoch);
    made.number = k;
    made.first_example = k * options_.batch + first;
    return made;
  }

  /// One epoch: `for (auto const& b : source)`.
  using iterator = batch_iterator<batches, numbered_batch>;
  iterator begin() const { return {*this, 0}; }
  iterator end() const { return {*this, per_epoch()}; }

 private:
  using rows = std::vector<index>;

  order_options order() const {
    return {.batch = options_.batch,
            .seed = options_.seed,
            .shuffle = options_.shuffle,
            .drop_last = options_.drop_last,
            .window = options_.window};
  }
  random_stream stream(std::string_view name, index epoch) const {
    return {options_.seed, static_cast<std::uint32_t>(epoch), stream_id(name)};
  }
  index frames_of(index u) const {
    index const n = set_.utterances[static_cast<std::size_t>(u)].codes.extent(0);
    return options_.max_frames > 0 ? std::min(n, options_.max_frames) : n;
  }
  /// Where row u's crop lies.
  token_span crop(index u, index epoch) const {
    utterance const& of = set_.utterances[static_cast<std::size_t>(u)];
    index const frames = frames_of(u), places = (of.codes.extent(0) - frames) / grid_.frames + 1;
    index const at = stream("train/crop", epoch).below(static_cast<std::uint32_t>(places), static_cast<std::uint32_t>(u), 0);
    return token_span_of(of, at * grid_.frames, frames, grid_);
  }
  /// A stretch of another utterance by u's speaker, whole tokens of it; empty where there is none or nobody knows who speaks.
  std::pair<index, token_span> prompt(index u, index epoch) const {
    utterance const& of = set_.utterances[static_cast<std::size_t>(u)];
    auto const& same = speakers_.at(of.speaker);
    if (options_.prompt_frames == 0 || of.speaker.empty() || same.size() < 2) return {-1, {}};
    auto const draws = stream("train/prompt", epoch);
    auto pick = draws.below(static_cast<std::uint32_t>(same.size() - 1), static_cast<std::uint32_t>(u), 0);
    if (same[pick] >= u) ++pick;  // the speaker's utterances in their order, u left out
    utterance const& other = set_.utterances[static_cast<std::size_t>(same[pick])];
    index const blocks = std::min(options_.prompt_frames, other.codes.extent(0)) / grid_.frames;
    index const places = other.codes.extent(0) / grid_.frames - blocks + 1;
    index const at = draws.below(static_cast<std::uint32_t>(places), static_cast<std::uint32_t>(u), 1);
    if (blocks == 0) return {-1, {}};
    return {same[pick], token_span_of(other, at * grid_.frames, blocks * grid_.frames, grid_)};
  }
  numbered_batch gather(rows const& of, index epoch) const {
    index const levels = set_.info.num_quantizers;
    numbered_batch made{.batch = {}, .epoch = epoch, .utterances = of};
    std::vector<std::vector<token_span>> parts;
    for (index u : of) {
      auto const [other, shown] = prompt(u, epoch);
      made.prompts.push_back(other);
      parts.push_back({shown, crop(u, epoch)});
      made.tokens += (shown.frames() + parts.back().back().frames()) * levels;
      if (options_.prompt_frames > 0) made.batch.prompt_frames.push_back(shown.frames());
    }
    join_rows_(parts, levels, made.batch);
    return made;
  }

  token_set set_;
  batch_options options_;
  token_grid grid_;
  std::map<std::string, std::vector<index>> speakers_;  ///< who speaks which utterances
  mutable std::optional<std::vector<rows>> order_;
  mutable index order_epoch_ = 0;
};

}  // namespace SPEARSTORM_NS::train
