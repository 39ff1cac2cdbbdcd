#pragma once
// One pass of decoding through the net: with the padding's mask, the condition, the pass before, and guidance.

#include "spearstorm/soundstorm/generate_size.hpp"
#include "spearstorm/soundstorm/network.hpp"
#include "spearstorm/soundstorm/pass_logits.hpp"
#include "spearstorm/token/draw_mask.hpp"

namespace SPEARSTORM_NS::soundstorm {

template <soundstorm_shape C, execution_policy Exec>
struct model;  // its header includes this one

/// Lives as long as a decoding; each pass runs in a frame of the caller's, which ends what the pass has stored. With guidance the batch is
/// doubled: its second half is shown the same codes and no condition.
template <soundstorm_shape C, execution_policy Exec>
class denoiser {
 public:
  using model_type = model<C, Exec>;
  using inputs = typename model_type::inputs;
  using features = typename model_type::features;
  using value_type = typename Exec::value_type;

  denoiser(model_type const& of, inference<Exec>& ctx, generate_size const& size, generate_options const& options)
      : of_(&of), ctx_(&ctx), options_(&options), batch_(size.batch), frames_(size.frames), guided_(options.cond_scale != 1) {
    if (size.padded) given_.mask = ctx.upload(guided_ ? twice(size.valid) : size.valid);
    if (of.condition) {
      std::vector<flag> dropped(static_cast<std::size_t>(rows()), flag{0});
      std::fill(dropped.begin() + batch_, dropped.end(), flag{1});
      given_.cond = of.condition_of(ctx, guided_ ? twice(options.semantic) : options.semantic, frames_, dropped);  // (rows, frames, dim)
    }
    if (of.to_self_cond) before_ = ctx.template allocate<value_type>(rows() * frames_ * of.shape().body.dim);
  }

  bool guided() const { return guided_; }
  index rows() const { return guided_ ? 2 * batch_ : batch_; }  ///< of the net's batch

  /// Features of the codes; what self-conditioning shows the next pass.
  /// @shape codes (batch, frames, levels)  returns (batch, frames, dim), or twice as many rows
  features run(token::code_array const& codes) {
    return run(ctx_->upload(guided_ ? twice(codes) : codes));                      // (rows, frames, dim)
  }
  /// The same of codes that lie where the net reads them, with guidance twice.
  /// @shape shown (rows, frames, levels)  returns (rows, frames, dim)
  features run(code_tensor const& shown) {
    given_.sum_embeds.reset();                                                                       // a pass's own ends with its frame
    if (of_->to_self_cond) given_.sum_embeds = of_->self_condition(*ctx_, last(), rows(), frames_);  // (rows, frames, dim)
    features const x = of_->net.trunk(*ctx_, shown, given_);                       // (rows, frames, dim)
    if (of_->to_self_cond) {
      verbs::copy_rows(ctx_->exec(), x.rows(), x.cols(), x.data(), x.cols(), before_, x.cols());
      started_ = true;
    }
    return x;
  }
  /// Logits of the listed rows of the batch; guided ones are of one level.
  pass_logits<value_type> logits(features const& x, token::chosen_list const& list) const {
    if (!guided_) return on_host(x, list.rows, list.offsets);
    index const n = list.rows.size();
    array<std::int32_t, axes::rows<>> rows({2 * n});
    for (index r = 0; r < n; ++r) {
      rows.data()[r] = list.rows.data()[r];
      rows.data()[n + r] = list.rows.data()[r] + static_cast<std::int32_t>(batch_ * frames_);
    }
    auto offsets = list.offsets;
    for (index& at : offsets) at *= 2;
    auto made = on_host(x, rows, offsets);
    made.guidance = options_->guidance(), made.guided = true;
    return made;
  }
  /// The same where they are made: of one level, with guidance the rows without the condition behind those with it.
  /// @shape open (rows), flat frames of the net's rows  returns (rows, vocab)
  auto logits(features const& x, row_tensor const& open, index level) const {
    return of_->net.logits(*ctx_, x, open, offsets_of_level(of_->shape().levels(), level, open.size()));  // (rows, vocab)
  }
  /// How sure the critic is that each token was sampled. Without guidance.
  /// @param all gives it what the last pass was given; false: codes only, not even the mask, as soundstorm-pytorch
  /// @shape codes (batch, frames, levels)  returns (batch, frames, levels)
  auto fakes(code_tensor const& codes, bool all) const {
    inputs given;
    if (all && given_.mask) given.mask = first_rows(*given_.mask);
    if (all && given_.cond) given.cond = first_rows(*given_.cond);
    if (all && given_.sum_embeds) given.sum_embeds = first_rows(*given_.sum_embeds);
    features const x = of_->net.trunk(*ctx_, codes, given);                        // (batch, frames, dim)
    return of_->critic_scores(*ctx_, x);                                           // (batch, frames, levels)
  }
  auto fakes(token::code_array const& codes, bool all) const {
    return ctx_->download(fakes(ctx_->upload(codes), all));                        // (batch, frames, levels)
  }

 private:
  pass_logits<value_type> on_host(features const& x, array<std::int32_t, axes::rows<>> const& rows,
                                  std::vector<index> const& offsets) const {
    auto const logits = of_->net.logits(*ctx_, x, ctx_->upload(rows), offsets);    // (rows, vocab)
    if constexpr (Exec::memory::on_host)
      return {.lent = {logits.data(), static_cast<std::size_t>(logits.size())}, .lent_vocab = logits.cols()};
    else
      return {.values = ctx_->download(view<axes::rows<>, axes::vocab<>>(logits))};
  }
  /// The features of the pass before, in memory that outlives its frame.
  std::optional<features> last() const {
    if (!started_) return std::nullopt;
    return ctx_->template wrap<typename features::axes_type>(static_cast<value_type const*>(before_),
                                                             {rows(), frames_, of_->shape().body.dim});
  }
  template <class T, axis_type... Axes>
  tensor<T, Axes...> first_rows(tensor<T, Axes...> const& x) const {
    auto extents = x.extents();
    extents[0] = batch_;
    return {x.data(), extents, x.serial()};
  }
  template <class T, axis_type... Axes>
  static array<T, Axes...> twice(array<T, Axes...> const& x) {
    auto extents = x.extents();
    extents[0] *= 2;
    std::vector<T> values(x.begin(), x.end());
    values.insert(values.end(), x.begin(), x.end());
    return {extents, std::move(values)};
  }

  model_type const* of_;
  inference<Exec>* ctx_;
  generate_options const* options_;
  index batch_, frames_;
  bool guided_, started_ = false;
  inputs given_{};
  value_type* before_ = nullptr;
};

}  // namespace SPEARSTORM_NS::soundstorm
