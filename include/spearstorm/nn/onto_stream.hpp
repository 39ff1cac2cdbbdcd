#pragma once
// How a part of a block ends: its last product goes through dropout where that acts, and onto the stream.

#include "spearstorm/nn/linear.hpp"
#include "spearstorm/ops/dropout.hpp"

namespace SPEARSTORM_NS::nn {

/// stream + scale * dropout(layer(h)); one op where dropout does not act.
auto onto_stream(context_like auto& ctx, auto const& layer, ops::row_operand auto const& h, double rate, ops::onto_like auto const& onto) {
  if (ops::drops(ctx, rate)) return ops::add_onto(ctx, ops::dropout(ctx, layer(ctx, h), rate), onto);
  return layer(ctx, h, onto);
}

}  // namespace SPEARSTORM_NS::nn
