#pragma once
// Dropout whose mask is never stored: the random stream is a function of counters, so backward draws it again.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// y = x / (1 - rate) where a uniform draw is at least rate, else 0. Examples are numbered through the whole global batch.
template <class T>
struct dropout_row {
  random_stream draws;
  T const* x;
  T* y;
  index cols, rows_per_example;
  std::uint32_t first_example;
  float rate;
  T scale;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    auto const example = first_example + static_cast<std::uint32_t>(row / rows_per_example);
    index const start = row % rows_per_example * cols;
    Lanes::each(cols, [&](auto at) {
      auto const kept =
          at.generate([&](index i) { return draws.uniform(example, static_cast<std::uint32_t>(start + i)) >= rate ? scale : T(0); });
      at.store(y + row * cols, at.load(x + row * cols) * kept);
    });
  }
};

struct dropout_op {
  static constexpr char const* name = "dropout";

  template <class T>
  struct saved {
    dropout_row<T> program;
    index rows;
  };

  static auto forward(context_like auto& ctx, auto const& x, double rate, random_stream draws) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const rows = x.rows(), examples = x.rank == 1 ? 1 : x.extent(0);
    T* const y = ctx.template allocate<T>(x.size());
    dropout_row<T> const program{draws,
                                 x.data(),
                                 y,
                                 x.cols(),
                                 examples == 0 ? 1 : rows / examples,
                                 ctx.options().first_example,
                                 static_cast<float>(rate),
                                 static_cast<T>(1 / (1 - rate))};
    verbs::each_row<T>(ctx.exec(), rows, 8 * x.cols(), program);
    using axes = typename std::remove_cvref_t<decltype(x)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, x.extents()), saved<T>{program, rows}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    T* const dx = back.result(0, s.rows * s.program.cols);
    if (!dx) return;
    auto program = s.program;
    program.x = dy;
    program.y = dx;
    verbs::each_row<T>(back.exec(), s.rows, 8 * program.cols, program);
  }
};

/// Whether dropout acts: where rate is above 0 and the context was opened with `.stochastic`.
bool drops(context_like auto const& ctx, double rate) { return rate > 0 && ctx.options().stochastic; }

/// Acts where rate is above 0 and the context was opened with `.stochastic`; else x passes.
/// @shape x (example, ...), its first axis counting examples from the context's first_example on; returns the same
/// @math  y = x * m,  dx = dy * m,  m = 1 / (1 - rate) with probability 1 - rate, else 0
/// @cost  reads x, writes y, draws a number an element; recording keeps the stream's counters
/// @throws value_error where rate lies outside [0, 1)
auto dropout(context_like auto& ctx, operand auto const& x, double rate) {
  if (!(rate >= 0 && rate < 1)) fail<value_error>("dropout: rate = ", rate, ", expected 0 to less than 1");
  auto const xs = ctx.eval(x);
  static_assert(decltype(xs)::rank > 0, "spearstorm: dropout: a number has no axis of examples");
  if (!drops(ctx, rate)) return xs;
  return record<dropout_op>(ctx, std::tuple{xs}, rate, ctx.stream("dropout"));
}

}  // namespace SPEARSTORM_NS::ops
