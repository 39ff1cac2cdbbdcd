#pragma once
// token::decoding_state in the policy's memory: which frames of a level are open, their guesses, and which of these are masked again. How
// many they are the host knows without looking, so nothing of it crosses to the host before the last pass.

#include "spearstorm/soundstorm/generate_size.hpp"
#include "spearstorm/soundstorm/network.hpp"

namespace SPEARSTORM_NS::soundstorm {

namespace detail {

/// 0 at the frames that a pass of the level must guess, 1 at all others: fixed, prompt, padding.
struct open_elements {
  std::int32_t const* codes;
  flag const* valid;  // null where all frames are
  std::int32_t* keys;
  index levels, level;
  std::int32_t mask_id;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index at = first; at < first + count; ++at) {
      bool const open = codes[at * levels + level] == mask_id && (!valid || valid[at]);
      keys[at] = open ? 0 : 1;
    }
  }
};

/// Rows of the net's batch without the condition, behind those with it.
struct repeat_elements {
  std::int32_t const* open;
  std::int32_t* rows;
  index n, apart;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) rows[i] = static_cast<std::int32_t>(open[i % n] + i / n * apart);
  }
};

/// Codes of one level, in each copy of the batch.
struct level_codes {
  std::int32_t* codes;
  index levels, level, copies, apart;
  SPEARSTORM_HD void set(index at, std::int32_t id) const {
    for (index c = 0; c < copies; ++c) codes[(c * apart + at) * levels + level] = id;
  }
};

struct place_elements {
  level_codes to;
  std::int32_t const *open, *ids;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index r = first; r < first + count; ++r) to.set(open[r], ids[r]);
  }
};

struct example_elements {
  std::int32_t const *open, *order;
  std::int32_t* examples;
  index frames;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) examples[i] = static_cast<std::int32_t>(open[order[i]] / frames);
  }
};

/// Position i of the list that is sorted by example and then by score.
struct mask_again_elements {
  level_codes to;
  std::int32_t const *open, *by_score, *by_example;  // by_example null: one example
  std::int32_t const *first_of, *keep;                                             // (batch)
  index frames;
  std::int32_t mask_id;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) {
      index const at = open[by_score[by_example ? by_example[i] : i]], example = at / frames;
      if (i - first_of[example] < keep[example]) to.set(at, mask_id);
    }
  }
};

}  // namespace detail

/// How many frames of each row a pass finds open and leaves masked. @shape first (batch), open frames of the rows before  keep (batch)
struct kept_frames {
  std::int32_t const *first, *keep;
};

/// Lives as long as a decoding; what a pass asks for ends with the pass's frame.
template <execution_policy Exec>
class device_codes {
 public:
  /// Uploads the codes, and which frames are valid where some are not.
  /// @param copies how often the batch stands in the net's
  device_codes(inference<Exec>& ctx, token::decoding_state const& start, generate_size const& size, index copies)
      : ctx_(&ctx), extents_(start.codes.extents()), copies_(copies), mask_id_(start.mask_id) {
    if (size.padded) valid_ = ctx.upload(size.valid).data();
    auto const once = ctx.upload(start.codes);                                     // (batch, frames, levels)
    codes_ = ctx.template allocate<std::int32_t>(copies * once.size());
    for (index c = 0; c < copies; ++c)
      verbs::copy_rows(ctx.exec(), 1, once.size(), once.data(), once.size(), codes_ + c * once.size(), once.size());
  }

  /// What the net is shown. @shape returns (copies * batch, frames, levels)
  code_tensor shown() const { return wrap(copies_ * extents_[0]); }
  /// @shape returns (batch, frames, levels)
  code_tensor once() const { return wrap(extents_[0]); }

  /// The open frames of a level in rising order, in each copy of the batch.
  /// @param count how many there are  @shape returns (copies * count)
  row_tensor open(index level, index count) const {
    index const n = positions();
    auto *const keys = room(n), *const sorted = room(n), *const order = room(n);
    elements(n, detail::open_elements{codes_, valid_, keys, extents_[2], level, mask_id_});
    verbs::argsort(ctx_->exec(), n, keys, sorted, order);
    if (copies_ == 1) return rows(order, count);
    auto* const all = room(copies_ * count);
    elements(copies_ * count, detail::repeat_elements{order, all, count, n});
    return rows(all, copies_ * count);
  }
  /// @shape open (copies * count), of which the first copy counts  ids (count)
  void place_(index level, row_tensor const& open, row_tensor const& ids) {
    elements(ids.size(), detail::place_elements{at(level), open.data(), ids.data()});
  }
  /// Masks the keep[b] open frames of row b with the lowest scores, of equal ones the earlier: what token::unmask leaves masked.
  /// @param scores ordered integers, one an open frame; on the device
  void mask_again_(index level, row_tensor const& open, row_tensor const& scores, kept_frames const& kept) {
    index const n = scores.size();
    auto *const sorted = room(n), *const by_score = room(n);
    verbs::argsort(ctx_->exec(), n, scores.data(), sorted, by_score);
    std::int32_t* by_example = nullptr;
    if (extents_[0] > 1) {
      auto* const examples = room(n);
      by_example = room(n);
      elements(n, detail::example_elements{open.data(), by_score, examples, extents_[1]});
      verbs::argsort(ctx_->exec(), n, examples, sorted, by_example);
    }
    elements(n, detail::mask_again_elements{at(level), open.data(), by_score, by_example, kept.first, kept.keep, extents_[1], mask_id_});
  }

 private:
  index positions() const { return extents_[0] * extents_[1]; }
  std::int32_t* room(index n) const { return ctx_->template allocate<std::int32_t>(n); }
  void elements(index n, auto const& program) const { verbs::transform<float>(ctx_->exec(), n, backend::move_span, program); }
  detail::level_codes at(index level) const { return {codes_, extents_[2], level, copies_, positions()}; }
  code_tensor wrap(index batch) const {
    return ctx_->template wrap<typename code_tensor::axes_type>(static_cast<std::int32_t const*>(codes_),
                                                                {batch, extents_[1], extents_[2]});
  }
  row_tensor rows(std::int32_t const* data, index n) const { return ctx_->template wrap<typename row_tensor::axes_type>(data, {n}); }

  inference<Exec>* ctx_;
  sizes<3> extents_;  // batch, frames, levels
  index copies_;
  std::int32_t mask_id_;
  flag const* valid_ = nullptr;
  std::int32_t* codes_ = nullptr;
};

}  // namespace SPEARSTORM_NS::soundstorm
