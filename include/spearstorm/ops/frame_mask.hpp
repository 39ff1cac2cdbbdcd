#pragma once
// Which frames are real: the mask that attention, convolution and losses share.

#include <optional>

#include "spearstorm/core/tensor.hpp"

namespace SPEARSTORM_NS::ops {

/// (batch, frames), 1 for a real frame; nothing where all are.
using frame_mask = std::optional<tensor<flag, axes::batch<>, axes::frames<>>>;

}  // namespace SPEARSTORM_NS::ops
