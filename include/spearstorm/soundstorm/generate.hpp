#pragma once
// Generation: from a length, a prompt, semantic tokens, to codes.

#include "spearstorm/soundstorm/decode_on_device.hpp"
#include "spearstorm/soundstorm/decode_package.hpp"
#include "spearstorm/soundstorm/decode_paper.hpp"
#include "spearstorm/soundstorm/model.hpp"

namespace SPEARSTORM_NS::soundstorm {

/// An observer that looks at nothing: passes may stay where the logits are.
struct unobserved {
  void operator()(auto const&...) const {}
};

/// Where the host cannot read the policy's memory, decoding::paper runs there (decode_on_device) unless an observer or options.repetition
/// has to see each pass: then the logits of each pass come to the host.
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
  auto codes = [&] {
    if (options.decoding == decoding::soundstorm_pytorch) return decode_package(of, ctx, size, options, observe);
    if constexpr (!Exec::memory::on_host && std::is_same_v<Observe, unobserved>)
      if (options.repetition.window == 0) return decode_on_device(of, ctx, size, options);
    return decode_paper(of, ctx, size, options, observe);
  }();
  return size.padded ? token::fill_padding(std::move(codes), size.valid, 0) : std::move(codes);
}

template <soundstorm_shape C, execution_policy Exec>
token::code_array model<C, Exec>::generate(workspace<Exec>& work, generate_options const& options) const {
  return decode(*this, work, options, unobserved{});
}

}  // namespace SPEARSTORM_NS::soundstorm
