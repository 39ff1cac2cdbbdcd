#pragma once
// Rotary position embedding (Su et al. 2021, arXiv:2104.09864): each pair of features turns by an angle that grows with the frame.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

struct rotary_options {
  index heads = 8;
  double theta = 10000;      ///< soundstorm-pytorch
  bool interleaved = false;  ///< pairs are neighbours (2 i, 2 i + 1), as rotary-embedding-torch has them, not (i, i + dim_head / 2)
};

/// Row t: cosines and sines of the angles of frame t. Angles are made in double: at frame 500 a float has lost four digits.
template <class T>
struct rotary_table_row {
  T *cosines, *sines;
  index half;
  double log_theta;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index frame) const {
    Lanes::each_position(half, [&](index i) {
      double const angle = static_cast<double>(frame) * exp(-log_theta * static_cast<double>(i) / static_cast<double>(half));
      cosines[frame * half + i] = static_cast<T>(cos(angle));
      sines[frame * half + i] = static_cast<T>(sin(angle));
    });
  }
};

template <class Exec, class T>
void fill_rotary_table(Exec& exec, index frames, index half, double theta, T* cosines, T* sines) {
  index const work = 50 * half;  // an angle costs about as much as fifty products
  verbs::each_row<T>(exec, frames, work, rotary_table_row<T>{cosines, sines, half, log(theta)});
}

/// Row (batch, frame, head): pairs turned forwards by direction 1, backwards by -1.
template <class T>
struct rotary_row {
  T const *x, *cosines, *sines;
  T* y;  // may be x
  index frames, heads, half;
  T direction;
  bool interleaved;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    index const frame = row / heads % frames;
    T const *const first = x + row * 2 * half, *const second = first + half;
    T* const to = y + row * 2 * half;
    if (interleaved) return turn_neighbours<Lanes>(first, cosines + frame * half, sines + frame * half, to);
    Lanes::each(half, [&](auto at) {
      pack const c = at.load(cosines + frame * half), s = at.load(sines + frame * half) * pack(direction);
      pack const a = at.load(first), b = at.load(second);
      at.store(to, a * c - b * s);
      at.store(to + half, b * c + a * s);
    });
  }

 private:
  template <class Lanes>
  SPEARSTORM_HD void turn_neighbours(T const* from, T const* c, T const* s, T* to) const {
    Lanes::each_position(half, [&](index i) {
      T const a = from[2 * i], b = from[2 * i + 1], turn = s[i] * direction;
      to[2 * i] = a * c[i] - b * turn;
      to[2 * i + 1] = b * c[i] + a * turn;
    });
  }
};

struct rotary_op {
  static constexpr char const* name = "rotary";

  template <class T>
  struct saved {
    T const *cosines, *sines;
    index rows, frames, heads, half;
    bool interleaved;
  };

  static auto forward(context_like auto& ctx, auto const& x, rotary_options options) {
    using context_type = std::remove_reference_t<decltype(ctx)>;
    using T = typename context_type::value_type;
    index const frames = x.extent(1), heads = options.heads, half = x.cols() / heads / 2, rows = x.rows() * heads;
    T* const y = ctx.template allocate<T>(x.size());
    T* table = context_type::is_recording ? ctx.template allocate<T>(2 * frames * half) : nullptr;
    auto const guard = ctx.scratch();
    if (!table) table = ctx.template allocate<T>(2 * frames * half);
    T* const sines = table + frames * half;
    fill_rotary_table(ctx.exec(), frames, half, options.theta, table, sines);
    verbs::each_row<T>(ctx.exec(), rows, 2 * half,
                       rotary_row<T>{x.data(), table, sines, y, frames, heads, half, T(1), options.interleaved});
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{table, sines, rows, frames, heads, half, options.interleaved}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    if (T* const dx = back.result(0, s.rows * 2 * s.half))
      verbs::each_row<T>(back.exec(), s.rows, 2 * s.half,
                         rotary_row<T>{dy, s.cosines, s.sines, dx, s.frames, s.heads, s.half, T(-1), s.interleaved});
  }
};

/// Turns the pairs (i, i + dim_head / 2) of each head, or neighbours; frame 0 is not turned. For queries and keys before `attend`.
/// @shape x (batch, frames, dim = heads * dim_head)  returns (batch, frames, dim)
/// @math  y_i = x_i cos(a) - x_j sin(a),  y_j = x_j cos(a) + x_i sin(a),  j = i + dim_head / 2,  a = frame * theta^(-2 i / dim_head);
///        dx = dy turned by -a
/// @cost  one pass; recording keeps the table of cosines and sines, (2, frames, dim_head / 2)
/// @throws shape_error where dim is no multiple of 2 * heads, value_error where heads < 1 or theta <= 0
auto rotary(context_like auto& ctx, operand_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& x, rotary_options options = {}) {
  auto const xs = ctx.eval(x);
  if (options.heads < 1) fail<value_error>("rotary: heads = ", options.heads, ", expected at least 1");
  if (!(options.theta > 0)) fail<value_error>("rotary: theta = ", options.theta, ", expected more than 0");
  if (xs.cols() % (2 * options.heads) != 0)
    fail<shape_error>("rotary: input has dim = ", xs.cols(), ", ", options.heads, " heads of even size expect a multiple of ",
                      2 * options.heads);
  return record<rotary_op>(ctx, std::tuple{xs}, options);
}

}  // namespace SPEARSTORM_NS::ops
