#pragma once
// Alignment regularisation of five examples, in one rank or spread over two: the loss must be the same, and the gradients must add up.

#include "spearstorm/spear_tts/alignment.hpp"

namespace test {

/// The loss, then the gradient of a scale of the features, as a parameter has one, on the source and on the target side.
/// @param first, count which of the five examples this rank has
template <class Exec>
std::vector<double> alignment_of(spearstorm::index first, spearstorm::index count, spearstorm::communicator const* among,
                                 bool smooth = true) {
  namespace ss = spearstorm;
  using namespace ss::axes;
  ss::index const frames_of = 4, width = 3;
  ss::workspace<Exec> work{{.threads = 1}};
  ss::recording<Exec> ctx{work};
  ss::random_stream const draws{3};
  auto const features = [&](std::uint32_t side) {
    ss::array<double, batch<>, frames<>, dim<>> host({count, frames_of, width});
    for (ss::index i = 0; i < host.size(); ++i)
      host.data()[i] = draws.normal(side, static_cast<std::uint32_t>(first * frames_of * width + i));
    return ctx.upload(host);
  };
  ss::array<ss::flag, batch<>, frames<>> real({count, frames_of}, 1);
  for (ss::index b = 0; b < count; ++b)
    for (ss::index t = 3; t < frames_of; ++t) real(b, t) = (first + b) % 2;
  auto const scale = [&](double at) { return ctx.leaf(ctx.upload(ss::array<double, dim<>>({width}, {at, 1.0, -at}))); };
  auto const s = scale(0.5), t = scale(2);
  auto const loss =
      ss::spear_tts::alignment_loss(ctx, features(0) * s, ctx.upload(real), features(1) * t, {}, {.use_logsumexp_pool = smooth}, {}, among);
  auto const g = ctx.gradients(*loss);
  std::vector<double> all{ctx.item(*loss)};
  for (auto const& of : {s, t})
    for (double x : ctx.download(g.of(of))) all.push_back(x);
  return all;
}

}  // namespace test
