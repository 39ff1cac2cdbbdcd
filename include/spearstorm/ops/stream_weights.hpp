#pragma once
// The weights of hyper-connections, each frame's own: norm, projection, tanh, scale and shift of every stream in one op. The normalised
// streams are never stored: a scale in front of a product may as well stand behind it.

#include "spearstorm/ops/rms_norm.hpp"
#include "spearstorm/ops/streams.hpp"

namespace SPEARSTORM_NS::ops {

/// What a stream is projected by, as the package has it. Mixes are the branch's input and the new streams.
struct stream_weights_options {
  double offset = 1;   ///< added to gamma
  double eps = 1e-12;  ///< a shorter row is divided by this, torch.nn.functional.normalize
};

namespace detail_streams {

/// Row j of (streams + 2): the projection j times gamma + offset. The last one is beta's.
template <class T>
struct scaled_projection_row {
  T const *alpha, *beta, *gamma;
  T* scaled;
  index mixes, cols;
  T offset;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = row < mixes ? alpha + row * cols : beta;
    Lanes::each(cols, [&](auto at) { at.store(scaled + row * cols, at.load(from) * (at.load(gamma) + pack(offset))); });
  }
};

/// Row (stream): what tanh is scaled by, and what is added to it, in the order of the result.
template <class T>
struct spread_row {
  T const *alpha_scale, *beta_scale, *alpha, *beta;
  T *scale, *shift;
  index mixes;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index stream) const {
    using pack = typename Lanes::pack;
    T *const by = scale + stream * (mixes + 1), *const to = shift + stream * (mixes + 1);
    Lanes::each(mixes, [&](auto at) {
      at.store(by, pack(alpha_scale[0]));
      at.store(to, at.load(alpha + stream * mixes));
    });
    Lanes::once([&] { by[mixes] = beta_scale[0], to[mixes] = beta[stream]; });
  }
};

/// Row (b, t, s): what each projection reads of the normalised stream, and the norm's factor as rms_norm keeps it.
template <class T>
struct read_stream_row {
  T const *x, *scaled;
  T *read, *factor;
  index cols, outs;
  T eps;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const* const from = x + row * cols;
    T const kept = rms_factor<Lanes>(from, cols, eps), r = kept < 0 ? -kept : kept;
    for (index j = 0; j < outs; ++j) {
      T const along = Lanes::sum(cols, [&](auto at) { return pack(at.load(from) * at.load(scaled + j * cols)); });
      Lanes::once([&] { read[row * outs + j] = r * along; });
    }
    Lanes::once([&] { factor[row] = kept; });
  }
};

/// y = tanh(read) scale + shift; scale and shift come round again every (streams, outs).
template <class T>
struct weigh_elements {
  T const *read, *scale, *shift;
  T* y;
  index period;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    index const column = first % period;
    Lanes::each(count,
                [&](auto at) { at.store(y + first, tanh(at.load(read + first)) * at.load(scale + column) + at.load(shift + column)); });
  }
};

/// The gradients of what was read and, for the sums of the scales, dy tanh(read).
template <class T>
struct weigh_back_elements {
  T const *read, *scale, *dy;
  T *dread, *dscale;
  index period;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index const column = first % period;
    Lanes::each(count, [&](auto at) {
      pack const t = tanh(at.load(read + first)), up = at.load(dy + first);
      at.store(dread + first, up * at.load(scale + column) * (pack(T(1)) - t * t));
      at.store(dscale + first, up * t);
    });
  }
};

/// Row (b, t, s): dx = r (sum_j dread_j scaled_j - x r sum_j dread_j read_j / dim).
template <class T>
struct read_stream_back_row {
  T const *x, *scaled, *read, *factor, *dread;
  T* dx;
  index cols, outs;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const *const from = x + row * cols, *const up = dread + row * outs;
    T const kept = factor[row], r = kept < 0 ? -kept : kept;
    T along(0);
    for (index j = 0; j < outs; ++j) along += up[j] * read[row * outs + j];
    pack const scale(r), pull(kept < 0 ? T(0) : along * r / static_cast<T>(cols));
    Lanes::each(cols, [&](auto at) {
      pack total(T(0));
      for (index j = 0; j < outs; ++j) total = total + pack(up[j]) * at.load(scaled + j * cols);
      at.store(dx + row * cols, scale * (total - at.load(from) * pull));
    });
  }
};

/// Row (chunk, j): the gradient of a scaled projection over the chunk's rows.
template <class T>
struct scaled_projection_back_row {
  T const *x, *factor, *dread;
  T* out;
  index rows, cols, outs;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index task) const {
    using pack = typename Lanes::pack;
    index const first = task / outs * detail::sum_chunk, last = first + detail::sum_chunk < rows ? first + detail::sum_chunk : rows;
    Lanes::each(cols, [&](auto at) {
      pack total(T(0));
      for (index row = first; row < last; ++row) {
        T const kept = factor[row], r = kept < 0 ? -kept : kept;
        total = total + at.load(x + row * cols) * pack(dread[row * outs + task % outs] * r);
      }
      at.store(out + task * cols, total);
    });
  }
};

/// One row: dgamma = sum_j dscaled_j projection_j.
template <class T>
struct projection_gamma_row {
  T const *alpha, *beta, *dscaled;
  T* dgamma;
  index mixes, cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index) const {
    using pack = typename Lanes::pack;
    Lanes::each(cols, [&](auto at) {
      pack total = at.load(dscaled + mixes * cols) * at.load(beta);
      for (index j = 0; j < mixes; ++j) total = total + at.load(dscaled + j * cols) * at.load(alpha + j * cols);
      at.store(dgamma, total);
    });
  }
};

}  // namespace detail_streams

struct stream_weights_op {
  static constexpr char const* name = "stream_weights";

  template <class T>
  struct saved {
    T const *x, *gamma, *alpha_fn, *beta_fn, *scaled, *scale, *read, *factor;
    index rows, streams, mixes, cols;  // rows counts every stream of every frame
    T offset;
    index outs() const { return mixes + 1; }
    index period() const { return streams * outs(); }
  };

  static auto forward(context_like auto& ctx, auto const& x, auto const& gamma, auto const& alpha_fn, auto const& alpha_scale,
                      auto const& alpha, auto const& beta_fn, auto const& beta_scale, auto const& beta,
                      stream_weights_options const& options) {
    using namespace detail_streams;
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    auto& exec = ctx.exec();
    auto const room = [&](index n) { return ctx.template allocate<T>(n); };
    index const rows = x.rows(), streams = x.extent(2), mixes = alpha_fn.extent(0), cols = x.cols(), outs = mixes + 1;
    T *const y = room(rows * outs), *const scaled = room(outs * cols), *const scale = room(streams * outs),
             *const shift = room(streams * outs), *const read = room(rows * outs), *const factor = room(rows);
    T const offset = static_cast<T>(options.offset);
    verbs::each_row<T>(exec, outs, cols,
                       scaled_projection_row<T>{alpha_fn.data(), beta_fn.data(), gamma.data(), scaled, mixes, cols, offset});
    verbs::each_row<T>(exec, streams, outs,
                       spread_row<T>{alpha_scale.data(), beta_scale.data(), alpha.data(), beta.data(), scale, shift, mixes});
    verbs::each_row<T>(exec, rows, outs * cols,
                       read_stream_row<T>{x.data(), scaled, read, factor, cols, outs, static_cast<T>(options.eps)});
    verbs::transform<T>(exec, rows * outs, streams * outs, weigh_elements<T>{read, scale, shift, y, streams * outs});
    using axes = axis_list<axes::batch<>, axes::frames<>, axes::streams<>, axes::mixes<>>;
    return std::pair{
        ctx.template wrap<axes>(y, sizes<4>{x.extent(0), x.extent(1), streams, outs}),
        saved<T>{x.data(), gamma.data(), alpha_fn.data(), beta_fn.data(), scaled, scale, read, factor, rows, streams, mixes, cols, offset}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    using namespace detail_streams;
    auto& exec = back.exec();
    auto const room = [&](index n) { return back.template scratch<T>(n); };
    index const outs = s.outs(), n = s.rows * outs, frames = s.rows / s.streams;
    T *const dread = room(n), *const dtanh = room(n);
    verbs::transform<T>(exec, n, s.period(), weigh_back_elements<T>{s.read, s.scale, dy, dread, dtanh, s.period()});
    if (T* const dx = back.result(0, s.rows * s.cols))
      verbs::each_row<T>(exec, s.rows, outs * s.cols, read_stream_back_row<T>{s.x, s.scaled, s.read, s.factor, dread, dx, s.cols, outs});

    T *const dgamma = back.result(1, s.cols), *const dalpha_fn = back.result(2, s.mixes * s.cols), *const dbeta_fn = back.result(5, s.cols);
    if (dgamma || dalpha_fn || dbeta_fn) {
      index const chunks = (s.rows + detail::sum_chunk - 1) / detail::sum_chunk;
      T *const parts = room(chunks * outs * s.cols), *const dscaled = room(outs * s.cols);
      verbs::each_row<T>(exec, chunks * outs, detail::sum_chunk * s.cols,
                         scaled_projection_back_row<T>{s.x, s.factor, dread, parts, s.rows, s.cols, outs});
      detail::sum_over(exec, 1, chunks, outs * s.cols, parts, dscaled, room);
      if (dgamma)
        verbs::each_row<T>(exec, 1, outs * s.cols, projection_gamma_row<T>{s.alpha_fn, s.beta_fn, dscaled, dgamma, s.mixes, s.cols});
      // d projection = d scaled (gamma + offset): the same program as on the way there
      T* const unscaled = room(outs * s.cols);
      verbs::each_row<T>(exec, outs, s.cols,
                         scaled_projection_row<T>{dscaled, dscaled + s.mixes * s.cols, s.gamma, unscaled, s.mixes, s.cols, s.offset});
      if (dalpha_fn) verbs::copy_rows(exec, s.mixes, s.cols, unscaled, s.cols, dalpha_fn, s.cols);
      if (dbeta_fn) verbs::copy_rows(exec, 1, s.cols, unscaled + s.mixes * s.cols, s.cols, dbeta_fn, s.cols);
    }
    // What is the same at every frame: sums over frames, of which alpha has the first columns and beta the last.
    auto const over_frames = [&](T const* of) {
      T* const total = room(s.period());
      detail::sum_over(exec, 1, frames, s.period(), of, total, room);
      return total;
    };
    auto const scale_of = [&](T const* total, index columns, T* to) {
      T* const own = room(s.streams * columns);
      verbs::copy_rows(exec, s.streams, columns, total, outs, own, columns);
      detail::sum_over(exec, 1, s.streams * columns, 1, own, to, room);
    };
    T *const dalpha_scale = back.result(3, 1), *const dbeta_scale = back.result(6, 1);
    T *const dalpha = back.result(4, s.streams * s.mixes), *const dbeta = back.result(7, s.streams);
    if (dalpha_scale || dbeta_scale) {
      T const* const total = over_frames(dtanh);
      if (dalpha_scale) scale_of(total, s.mixes, dalpha_scale);
      if (dbeta_scale) scale_of(total + s.mixes, 1, dbeta_scale);
    }
    if (dalpha || dbeta) {
      T const* const total = over_frames(dy);
      if (dalpha) verbs::copy_rows(exec, s.streams, s.mixes, total, outs, dalpha, s.mixes);
      if (dbeta) verbs::copy_rows(exec, s.streams, 1, total + s.mixes, outs, dbeta, index{1});
    }
  }
};

/// Column 0 of the result weighs what the branch reads, columns 1 to streams the new streams, the last column what of the branch's output
/// each stream is given.
/// @shape x (batch, frames, streams, dim)  gamma (dim)  alpha_fn (mixes = streams + 1, dim)  alpha_scale, beta_scale (1)
///        alpha (streams, mixes)  beta_fn (dim)  beta (streams)  returns (batch, frames, streams, mixes + 1)
/// @math  h = rms_norm(x);  y = [tanh(h alpha_fn^T) alpha_scale + alpha, tanh(h beta_fn) beta_scale + beta]
/// @cost  2 rows (streams + 2) dim FLOPs, twice that backward; reads x once, stores no normalised streams; recording keeps x and streams + 3
///        numbers for each of its rows
/// @throws shape_error where a parameter does not fit x
/// @see   hyper_connections: HyperConnections.width_connection;  Zhu et al. 2024, arXiv 2409.19606, equations 10 to 12
auto stream_weights(context_like auto& ctx, operand auto const& x, operand auto const& gamma, operand auto const& alpha_fn,
                    operand auto const& alpha_scale, operand auto const& alpha, operand auto const& beta_fn, operand auto const& beta_scale,
                    operand auto const& beta, stream_weights_options const& options = {}) {
  constexpr std::string_view here = "stream_weights";
  auto const xs = ctx.eval(x);
  auto const matrix = ctx.eval(alpha_fn);
  auto const still = ctx.eval(alpha);
  static_assert(decltype(xs)::rank == 4 && decltype(matrix)::rank == 2 && decltype(still)::rank == 2,
                "spearstorm: stream_weights: x is (batch, frames, streams, dim), alpha_fn (mixes, dim), alpha (streams, mixes)");
  auto const given =
      std::tuple{xs, ctx.eval(gamma), matrix, ctx.eval(alpha_scale), still, ctx.eval(beta_fn), ctx.eval(beta_scale), ctx.eval(beta)};
  index const streams = xs.extent(2), mixes = streams + 1;
  check_size(here, "gamma", "dim", std::get<1>(given).size(), "x", xs.cols());
  check_size(here, "alpha_fn", "mixes", matrix.extent(0), "x", mixes);
  check_size(here, "alpha_fn", "dim", matrix.extent(1), "x", xs.cols());
  check_size(here, "alpha_scale", "size", std::get<3>(given).size(), "a number", 1);
  check_size(here, "alpha", "streams", still.extent(0), "x", streams);
  check_size(here, "alpha", "mixes", still.extent(1), "x", mixes);
  check_size(here, "beta_fn", "dim", std::get<5>(given).size(), "x", xs.cols());
  check_size(here, "beta_scale", "size", std::get<6>(given).size(), "a number", 1);
  check_size(here, "beta", "streams", std::get<7>(given).size(), "x", streams);
  return record<stream_weights_op>(ctx, given, options);
}

}  // namespace SPEARSTORM_NS::ops
