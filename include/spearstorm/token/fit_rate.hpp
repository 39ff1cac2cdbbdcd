#pragma once
// Ids of one frame rate brought to another: which ids each frame of the other rate is made of, and how much of each.

#include <cmath>

#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::token {

/// How ids become frames of another rate.
enum class rate_policy {
  repeat,       ///< the id at whose time the frame begins: at twice the rate each id stands twice; SoundStorm section 3.2
  interpolate,  ///< the embeddings of the two nearest ids, linearly; soundstorm-pytorch
  nearest,      ///< the id whose middle is nearest to the frame's
};

/// Frame t is made of first_share of id `first` and second_share of id `second`; padding has the id 0 and the share 0.
struct fitted_ids {
  id_array first, second;  ///< (batch, frames)
  array<float, axes::batch<>, axes::frames<>> first_share, second_share;
  bool mixes = false;  ///< second_share is not 0 everywhere
};

/// @param ids    (batch, ids), below 0 for padding
/// @param eos    the id above the last one, which ends a sequence: it counts as padding
/// @param frames wanted; where the ids end before, the rest is padding, where they go on, they are cut
/// @param ratio  ids per frame, ids_hz / frames_hz
/// @throws value_error where an id is above `eos`, or ratio is not above 0
/// @see   soundstorm-pytorch: maybe_get_condition
inline fitted_ids fit_rate(id_array const& ids, index frames, double ratio, rate_policy policy, std::int32_t eos) {
  constexpr std::string_view here = "fit_rate";
  if (!(ratio > 0)) fail<value_error>(here, ": ids per frame = ", ratio, ", expected above 0");
  index const batch = ids.extent(0), length = ids.extent(1);
  for (index i = 0; i < ids.size(); ++i)
    if (ids.data()[i] > eos)
      fail<value_error>(here, ": id of example ", i / length, ", position ", i % length, " is ", ids.data()[i], ", expected 0 to ", eos - 1,
                        ", ", eos, " for the end, or below 0 for padding");
  fitted_ids made{id_array({batch, frames}), id_array({batch, frames}), array<float, axes::batch<>, axes::frames<>>({batch, frames}),
                  array<float, axes::batch<>, axes::frames<>>({batch, frames})};
  if (length == 0) return made;
  // The package stretches the ids over a whole number of frames, so that its ratio is that of the two lengths.
  index const stretched = static_cast<index>(std::ceil(static_cast<double>(length) / ratio - 1e-9));
  float const scale = static_cast<float>(length) / static_cast<float>(stretched);
  auto const put = [&](index b, index t, index at, float share, id_array& id, array<float, axes::batch<>, axes::frames<>>& of) {
    std::int32_t const found = ids.data()[b * length + at];
    if (found < 0 || found == eos) return;
    id.data()[b * frames + t] = found;
    of.data()[b * frames + t] = share;
  };
  for (index t = 0; t < std::min(frames, stretched); ++t) {
    index at = 0, next = 0;
    float share = 0;
    if (policy == rate_policy::interpolate) {
      float const place = std::max(0.0f, (static_cast<float>(t) + 0.5f) * scale - 0.5f);
      at = std::min(static_cast<index>(place), length - 1), next = std::min(at + 1, length - 1);
      share = next == at ? 0 : place - static_cast<float>(at);
    } else {
      double const place = (static_cast<double>(t) + (policy == rate_policy::nearest ? 0.5 : 0.0)) * ratio;
      at = std::min(static_cast<index>(place + 1e-9), length - 1);
    }
    made.mixes = made.mixes || share > 0;
    for (index b = 0; b < batch; ++b) {
      put(b, t, at, 1 - share, made.first, made.first_share);
      if (share > 0) put(b, t, next, share, made.second, made.second_share);
    }
  }
  return made;
}

}  // namespace SPEARSTORM_NS::token
