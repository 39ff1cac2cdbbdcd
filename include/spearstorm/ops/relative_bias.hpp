#pragma once
// T5's relative position bias (Raffel et al. 2020): one learned number per head and bucket of distances. Stored over the
// offset key - query, so nothing of size frames x frames exists.

#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::axes {
SPEARSTORM_AXIS(offsets);  // key - query, from -(frames - 1) to frames - 1
}

namespace SPEARSTORM_NS::ops {

struct relative_bias_options {
  index max_distance = 128;  ///< soundstorm-pytorch; larger distances share the last bucket
  double scale = 1;          ///< soundstorm-pytorch's conformer: sqrt(dim_head)
};

/// Half of the buckets for keys before the query, half for keys behind; in each, one bucket per small distance, then
/// logarithmic ones. In float as the package does it, with a logarithm that is rounded the same way everywhere.
struct relative_buckets {
  index half, exact;
  float log_range;  // of max_distance / exact

  relative_buckets(index buckets, index max_distance)
      : half(buckets / 2),
        exact(buckets / 4),
        log_range(static_cast<float>(log(static_cast<double>(max_distance) / static_cast<double>(exact)))) {}

  SPEARSTORM_HD index operator()(index key_minus_query) const {
    index const behind = key_minus_query > 0 ? half : 0, distance = key_minus_query > 0 ? key_minus_query : -key_minus_query;
    if (distance < exact) return behind + distance;
    float const ratio = static_cast<float>(distance) / static_cast<float>(exact);
    float const logarithm = static_cast<float>(log(static_cast<double>(ratio)));
    index const far = exact + static_cast<index>(logarithm / log_range * static_cast<float>(half - exact));
    return behind + (far < half ? far : half - 1);
  }
};

/// The bucket of each offset.
struct bucket_elements {
  relative_buckets bucket;
  std::int32_t* buckets;
  index frames;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    for (index i = first; i < first + count; ++i) buckets[i] = static_cast<std::int32_t>(bucket(i - (frames - 1)));
  }
};

/// Row of one head.
template <class T>
struct relative_bias_row {
  T const* weight;
  std::int32_t const* buckets;
  T* bias;
  index heads, offsets;
  T scale;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index head) const {
    Lanes::each_position(offsets, [&](index i) { bias[head * offsets + i] = weight[buckets[i] * heads + head] * scale; });
  }
};

/// Row (bucket, head): the sum over the offsets of the bucket.
template <class T>
struct relative_bias_back_row {
  T const* dbias;
  std::int32_t const* buckets;
  T* dweight;
  index heads, offsets;
  T scale;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const bucket = row / heads;
    T const* const from = dbias + row % heads * offsets;
    T const sum = Lanes::sum(offsets, [&](auto at) { return at.generate([&](index i) { return buckets[i] == bucket ? from[i] : T(0); }); });
    Lanes::once([&] { dweight[row] = scale * sum; });
  }
};

struct relative_bias_op {
  static constexpr char const* name = "relative_bias";

  template <class T>
  struct saved {
    std::int32_t const* buckets;
    index rows, heads, offsets;
    T scale;
  };

  static auto forward(context_like auto& ctx, auto const& weight, index frames, relative_bias_options options) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    index const heads = weight.extent(1), offsets = 2 * frames - 1;
    T const scale = static_cast<T>(options.scale);
    T* const bias = ctx.template allocate<T>(heads * offsets);
    auto* const buckets = ctx.template allocate<std::int32_t>(offsets);
    relative_buckets const bucket(weight.extent(0), options.max_distance);
    verbs::transform<T>(ctx.exec(), offsets, 256, bucket_elements{bucket, buckets, frames});
    verbs::each_row<T>(ctx.exec(), heads, offsets, relative_bias_row<T>{weight.data(), buckets, bias, heads, offsets, scale});
    auto const made = ctx.template wrap<axis_list<axes::heads<>, axes::offsets<>>>(bias, {heads, offsets});
    return std::pair{made, saved<T>{buckets, weight.extent(0), heads, offsets, scale}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dbias) {
    if (T* const dweight = back.result(0, s.rows * s.heads))
      verbs::each_row<T>(back.exec(), s.rows * s.heads, s.offsets,
                         relative_bias_back_row<T>{dbias, s.buckets, dweight, s.heads, s.offsets, s.scale});
  }
};

/// The bias for `attend` over `frames` queries and keys: entry frames - 1 + (key - query).
/// @shape weight (buckets, heads)  returns (heads, offsets = 2 frames - 1)
/// @math  bias(h, o) = scale weight(bucket(o), h);  dweight(b, h) = scale * the sum of dbias(h, o) over bucket(o) = b
/// @cost  recording keeps the bucket of each offset
/// @throws value_error where frames < 1, weight has fewer than 4 buckets or max_distance is not above a quarter of them
auto relative_bias(context_like auto& ctx, operand_of<axes::buckets<>, axes::heads<>> auto const& weight, index frames,
                   relative_bias_options options = {}) {
  auto const w = ctx.eval(weight);
  if (frames < 1) fail<value_error>("relative_bias: frames = ", frames, ", expected at least 1");
  if (w.extent(0) < 4) fail<value_error>("relative_bias: weight has buckets = ", w.extent(0), ", expected at least 4");
  if (options.max_distance <= w.extent(0) / 4)
    fail<value_error>("relative_bias: max_distance = ", options.max_distance, ", ", w.extent(0), " buckets expect more than ",
                      w.extent(0) / 4);
  return record<relative_bias_op>(ctx, std::tuple{w}, frames, options);
}

}  // namespace SPEARSTORM_NS::ops
