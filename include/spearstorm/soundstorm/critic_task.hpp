#pragma once
// What the token critic judges: true codes in which the generator's samples stand at the masked positions. The host brings what is known
// before the step; tokens that are sampled in it stay where they were drawn.

#include "spearstorm/ops/sample_rows.hpp"
#include "spearstorm/soundstorm/network.hpp"
#include "spearstorm/soundstorm/token_batch.hpp"
#include "spearstorm/token/draw_mask.hpp"

namespace SPEARSTORM_NS::soundstorm::detail {

using flags_tensor = tensor<flag, axes::batch<>, axes::frames<>, axes::levels<>>;

/// The true codes in the policy's memory, padded frames masked.
struct critic_truth {
  code_tensor codes;     ///< (batch, frames, levels)
  flags_tensor counted;  ///< (batch, frames, levels)  1 at valid frames
  row_tensor places;     ///< (rows)  where each chosen token stands among them
};

struct critic_task {
  code_tensor codes;  ///< (batch, frames, levels)
  flags_tensor fake;  ///< (batch, frames, levels)  the token is not the true one
};

/// Uploads what does not depend on a sample.
inline critic_truth critic_truth_of(context_like auto& ctx, token_batch const& batch, token::drawn_mask const& drawn,
                                    token::chosen_list const& chosen, index codebook_size) {
  index const frames = batch.codes.extent(1), levels = batch.codes.extent(2);
  array<flag, axes::batch<>, axes::frames<>, axes::levels<>> counted(batch.codes.extents(), flag{1});
  for (index i = 0; batch.padded() && i < counted.size(); ++i) counted.data()[i] = batch.valid.data()[i / levels];
  auto places = chosen.rows;
  for (std::int32_t& at : places) at = static_cast<std::int32_t>(at * levels + drawn.level[static_cast<std::size_t>(at / frames)]);
  auto const shown = batch.padded() ? token::fill_padding(batch.codes, batch.valid, token::mask_id(codebook_size)) : batch.codes;
  return {ctx.upload(shown), ctx.upload(counted), ctx.upload(places)};
}

struct place_sampled_elements {
  std::int32_t const *places, *ids;
  std::int32_t* codes;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index r = first; r < first + count; ++r) codes[places[r]] = ids[r];
  }
};

struct fake_elements {
  std::int32_t const *judged, *truth;
  flag const* counted;
  flag* fake;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) {
      bool const valid = counted[i] != 0;
      fake[i] = static_cast<flag>(valid && judged[i] != truth[i]);
    }
  }
};

/// @param sampled (rows), a token for each chosen position
inline critic_task critic_task_of(context_like auto& ctx, critic_truth const& truth, row_tensor const& sampled) {
  check_size("soundstorm", "sampled tokens", "rows", sampled.size(), "the chosen positions", truth.places.size());
  index const n = truth.codes.size();
  auto* const codes = ctx.template allocate<std::int32_t>(n);
  auto* const fake = ctx.template allocate<flag>(n);
  verbs::copy_rows(ctx.exec(), 1, n, truth.codes.data(), n, codes, n);
  verbs::transform<float>(ctx.exec(), sampled.size(), backend::move_span,
                          place_sampled_elements{truth.places.data(), sampled.data(), codes});
  verbs::transform<float>(ctx.exec(), n, backend::move_span, fake_elements{codes, truth.codes.data(), truth.counted.data(), fake});
  return {ctx.template wrap<code_tensor::axes_type>(codes, truth.codes.extents()),
          ctx.template wrap<flags_tensor::axes_type>(fake, truth.codes.extents())};
}

}  // namespace SPEARSTORM_NS::soundstorm::detail
