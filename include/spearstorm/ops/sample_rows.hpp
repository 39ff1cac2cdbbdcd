#pragma once
// A token of each row of logits where they lie, with its probability: what token/sampling.hpp does on the host, in one row program.

#include "spearstorm/core/random.hpp"
#include "spearstorm/ops/ids.hpp"
#include "spearstorm/ops/row_candidates.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

struct sample_options {
  ops::guidance guidance{};  ///< with a scale beside 1 a second half of the rows follows, those without the condition
  float temperature = 1;     ///< 0: the most likely token
  index top_k = 0;           ///< so many are candidates; 0: all
  double top_p = 1;          ///< of these the likeliest that make up this share; 1: all
  random_stream noise{};     ///< token v of a row draws (example, position * vocab + v), as token::gumbel_sample
  index first_example = 0;   ///< added to a row's example
  index first_position = 0;  ///< and to its position
  index positions = 1;       ///< place p is of example p / positions and position p % positions
};

/// logits / temperature + Gumbel noise, -inf for what is no candidate.
template <class T>
struct noisy_logits {
  row_logits<T> row;
  row_cut cut;
  random_stream noise;
  float temperature;
  std::uint32_t example, position;

  SPEARSTORM_HD float operator()(index v) const {
    float const x = row(v), removed = -std::numeric_limits<float>::infinity();
    if (x == removed || !cut.keeps(ordered(x), v)) return removed;
    return x / temperature + noise.gumbel(example, position + static_cast<std::uint32_t>(v));
  }
};

template <class T>
struct sample_row {
  T const *with, *without;
  index vocab;
  std::int32_t const* places;
  sample_options of;
  std::int32_t* ids;
  float* confidence;

  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    auto const logits = guided_row<Lanes>(with + row * vocab, without + row * vocab, vocab, of.guidance);
    auto const best = first_highest<Lanes>(vocab, logits);
    index id = best.at;
    if (of.temperature > 0.0f) {
      row_cut cut;
      if (of.top_k > 0 && of.top_k < vocab) cut = largest<Lanes>(vocab, logits, of.top_k);
      if (of.top_p < 1.0) cut = nucleus<Lanes>(vocab, logits, cut, best.value, of.top_p);
      index const example = of.first_example + places[row] / of.positions, position = of.first_position + places[row] % of.positions;
      float const temperature = of.temperature > 1e-10f ? of.temperature : 1e-10f;
      id = first_highest<Lanes>(vocab, noisy_logits<T>{logits, cut, of.noise, temperature, static_cast<std::uint32_t>(example),
                                                       static_cast<std::uint32_t>(position * vocab)})
               .at;
    }
    auto const raised = [&](index v) { return exp(static_cast<double>(logits(v)) - static_cast<double>(best.value)); };
    double const all = sum_of<Lanes>(vocab, raised);
    Lanes::once([&] {
      ids[row] = static_cast<std::int32_t>(id);
      confidence[row] = static_cast<float>(raised(id) / all);
    });
  }
};

template <axis_type Rows>
struct sampled_rows {
  tensor<std::int32_t, Rows> ids;
  tensor<float, Rows> confidence;  ///< probability of the id under the row's softmax, whatever temperature and candidates
};

namespace detail_sample {
/// Logits are numbers or -inf (a removed token), and one at least of a row is finite.
template <class T>
void check_rows(std::span<T const> all, index rows, index vocab, guidance by) {
  float const infinity = std::numeric_limits<float>::infinity();
  for (index r = 0; r < rows; ++r) {
    row_logits<T> const row{all.data() + r * vocab, by.scale == 1 ? nullptr : all.data() + (rows + r) * vocab, by.scale};
    bool any = false;
    for (index v = 0; v < vocab; ++v) {
      float const x = row(v);
      if (!(x < infinity))
        fail<numeric_error>("sample_rows: logit of row ", r, ", token ", v, " is ", x, ", expected a finite number or -inf");
      any = any || x > -infinity;
    }
    if (!any) fail<numeric_error>("sample_rows: none of the ", vocab, " logits of row ", r, " is finite, expected 1 or more");
  }
}
}  // namespace detail_sample

/// Records nothing. Draws the host's random numbers; its logarithms and exponentials may differ from the host's in the last bit.
/// @shape logits (rows, vocab), with guidance (2 rows, vocab)  places (rows)  returns (rows) each
/// @cost  reads the logits some 30 times where there is a filter (once from memory), else three times; writes two numbers a row
/// @throws shape_error where the number of places is another, value_error where an option is out of range or a row has more than 2^20
///         tokens, numeric_error where a logit is nan or +inf or all of a row are -inf; a device looks at them in anomaly mode only
/// @see   token::gumbel_sample, token::candidates, token::confidence
template <axis_type Rows>
sampled_rows<Rows> sample_rows(context_like auto& ctx, operand auto const& logits, tensor<std::int32_t, Rows> const& places,
                               sample_options const& options) {
  constexpr char const* here = "sample_rows";
  auto const x = ctx.eval(logits);
  static_assert(decltype(x)::rank == 2, "spearstorm: sample_rows: logits need two axes, (rows, vocab)");
  using T = typename decltype(x)::value_type;
  auto const at = ctx.eval(places);
  bool const guided = options.guidance.scale != 1;
  index const rows = at.size(), vocab = x.cols();
  check_size(here, "logits", "rows", x.rows(), guided ? "places, twice" : "places", guided ? 2 * rows : rows);
  check_range<index>(here, "the size of the vocabulary", vocab, 1, most_codes);
  check_range(here, "temperature", options.temperature, 0.0f, std::numeric_limits<float>::max());
  check_range<index>(here, "top_k", options.top_k, 0, vocab);
  check_range(here, "top_p", options.top_p, 0.0, 1.0);
  check_range<index>(here, "positions", options.positions, 1, (index{1} << 32) / vocab);
  check_range<index>(here, "first_position", options.first_position, 0, (index{1} << 32) / vocab - options.positions);
  detail::inspect(ctx, x, [&](std::span<T const> of) { detail_sample::check_rows(of, rows, vocab, options.guidance); });
  auto* const ids = ctx.template allocate<std::int32_t>(rows);
  auto* const confidence = ctx.template allocate<float>(rows);
  verbs::each_row<double>(ctx.exec(), rows, 32 * vocab,
                          sample_row<T>{x.data(), x.data() + (guided ? rows * vocab : 0), vocab, at.data(), options, ids, confidence});
  using list = axis_list<Rows>;
  return {ctx.template wrap<list>(ids, at.extents()), ctx.template wrap<list>(confidence, at.extents())};
}

}  // namespace SPEARSTORM_NS::ops
