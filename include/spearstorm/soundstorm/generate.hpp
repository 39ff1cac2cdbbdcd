#pragma once
// Generation: from a length, a prompt, semantic tokens, to codes.

#include "spearstorm/soundstorm/decode_package.hpp"
#include "spearstorm/soundstorm/decode_paper.hpp"
#include "spearstorm/soundstorm/model.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// @param observe called after each pass with (token::decode_pass, token::decoding_state after it, pass_guess): plots, tests, or
///                std::ref(trace) of a decode_trace
/// @shape returns (batch, frames, levels), 0 at padded frames
/// @throws value_error where no length is given or an option is out of range, shape_error or value_error as start_decoding
/// @see   SoundStorm section 4.1; soundstorm-pytorch: SoundStorm.generate
template <soundstorm_shape C, execution_policy Exec, class Observe>
token::code_array decode(model<C, Exec> const& of, workspace<Exec>& work, generate_options const& options, Observe const& observe) {
  check_options(options, of.shape());
  auto const size = size_of(options, of.shape(), of.options.rates);
  inference<Exec> ctx{work};
  auto codes =
      options.decoding == decoding::paper ? decode_paper(of, ctx, size, options, observe) : decode_package(of, ctx, size, options, observe);
  return size.padded ? token::fill_padding(std::move(codes), size.valid, 0) : std::move(codes);
}

template <soundstorm_shape C, execution_policy Exec>
token::code_array model<C, Exec>::generate(workspace<Exec>& work, generate_options const& options) const {
  return decode(*this, work, options, [](auto const&...) {});
}

}  // namespace SPEARSTORM_NS::soundstorm
