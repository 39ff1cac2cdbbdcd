#pragma once
// k-means for codebooks: k-means++ start (Arthur and Vassilvitskii 2007), Lloyd's iterations, dead codes replaced.

#include "spearstorm/codec/nearest.hpp"
#include "spearstorm/core/random.hpp"
#include "spearstorm/runtime/array.hpp"
#include "spearstorm/runtime/thread_team.hpp"

namespace SPEARSTORM_NS::codec {

struct kmeans_options {
  index codebook_size = 256;
  index iterations = 12;
  index sample_rows = 50'000;  ///< learn from at most so many rows, spread evenly over those given
  index dead_below = 2;        ///< a code with fewer rows is replaced by a random row; 2 is SoundStream's threshold
  std::uint64_t seed = 0;
  std::uint32_t stream = stream_id("codec/kmeans");
};

struct kmeans_result {
  array<float, axes::vocab<>, axes::dim<>> codebook;
  std::vector<index> counts;  ///< rows of each code
  double distortion = 0;      ///< mean squared distance of a row from its code
};

namespace detail {

inline constexpr index kmeans_chunk = 512;  // rows of a task

/// At most `most` rows: one drawn from each of `most` equal stretches.
/// @shape rows (n, dim)  returns (min(n, most), dim)
inline std::vector<float> sample_rows(std::span<float const> rows, index dim, index most, random_stream const& draws) {
  index const n = static_cast<index>(rows.size()) / dim, count = std::min(n, most);
  std::vector<float> sample(static_cast<std::size_t>(count * dim));
  for (index i = 0; i < count; ++i) {
    index const from = i * n / count, to = (i + 1) * n / count;
    index const row = from + draws.below(static_cast<std::uint32_t>(to - from), static_cast<std::uint32_t>(i), 0);
    std::copy_n(rows.begin() + row * dim, dim, sample.begin() + i * dim);
  }
  return sample;
}

/// Each next code is a row drawn with probability proportional to its squared distance from the codes so far.
/// Looks at 32 rows a code at most: a start need not see them all.
inline void kmeans_start(std::span<float const> rows, index dim, index codes, float* codebook, random_stream const& draws,
                         thread_team& team) {
  index const all = static_cast<index>(rows.size()) / dim, n = std::min(all, 32 * codes);
  auto row = [&](index i) { return rows.data() + (i * all / n) * dim; };
  std::vector<float> distance(static_cast<std::size_t>(n), std::numeric_limits<float>::infinity());
  index chosen = draws.below(static_cast<std::uint32_t>(n), 0, 0);
  for (index c = 0;;) {
    float const* const code = row(chosen);
    std::copy_n(code, dim, codebook + c * dim);
    if (++c == codes) return;
    team.run((n + kmeans_chunk - 1) / kmeans_chunk, [&](index task) {
      for (index i = task * kmeans_chunk; i < std::min(n, (task + 1) * kmeans_chunk); ++i) {
        float& nearest = distance[static_cast<std::size_t>(i)];
        nearest = std::min(nearest, squared_distance(row(i), code, dim));
      }
    });
    double total = 0;
    for (float d : distance) total += static_cast<double>(d);
    double left = total * static_cast<double>(draws.bits(static_cast<std::uint32_t>(c), 0)) / 4294967296.0;
    chosen = draws.below(static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(c), 1);  // holds where all rows are codes already
    for (index i = 0; total > 0 && i < n; ++i) {
      if (distance[static_cast<std::size_t>(i)] <= 0) continue;
      chosen = i;
      if ((left -= static_cast<double>(distance[static_cast<std::size_t>(i)])) < 0) break;
    }
  }
}

}  // namespace detail

/// Learns a codebook. The result depends on rows and options alone, not on the team's size.
/// @shape rows (n, dim)  returns codebook (codebook_size, dim), counts (codebook_size)
/// @throws value_error for options out of range or fewer rows than codes, shape_error where rows do not divide by dim
/// @cost iterations * min(n, sample_rows) * codebook_size * dim * 2 operations
/// @see tests/codec/kmeans.test.cpp
inline kmeans_result kmeans(std::span<float const> rows, index dim, kmeans_options const& options, thread_team& team) {
  check_range<index>("kmeans", "dim", dim, 1, index{1} << 24);
  check_size("kmeans", "rows", "size modulo dim", static_cast<index>(rows.size()) % dim, "caller", 0);
  check_range<index>("kmeans", "iterations", options.iterations, 0, 100'000);
  check_range<index>("kmeans", "codebook_size", options.codebook_size, 1, index{1} << 24);
  check_range<index>("kmeans", "sample_rows", options.sample_rows, options.codebook_size, index{1} << 31);
  check_range<index>("kmeans", "rows", static_cast<index>(rows.size()) / dim, options.codebook_size, index{1} << 40);

  auto draws = [&](std::uint32_t step) { return random_stream{.seed = options.seed, .step = step, .stream = options.stream}; };
  std::vector<float> const sample = detail::sample_rows(rows, dim, options.sample_rows, draws(0));
  index const n = static_cast<index>(sample.size()) / dim, codes = options.codebook_size;
  kmeans_result result{.codebook = array<float, axes::vocab<>, axes::dim<>>({codes, dim}), .counts = {}, .distortion = 0};
  float* const codebook = result.codebook.data();
  detail::kmeans_start(sample, dim, codes, codebook, draws(1), team);

  std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
  auto assign = [&] {
    nearest_code const search(result.codebook.values(), dim);
    team.run((n + detail::kmeans_chunk - 1) / detail::kmeans_chunk, [&](index task) {
      index const from = task * detail::kmeans_chunk, count = std::min(detail::kmeans_chunk, n - from);
      search(std::span(sample).subspan(static_cast<std::size_t>(from * dim), static_cast<std::size_t>(count * dim)),
             std::span(ids).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(count)));
    });
    result.counts.assign(static_cast<std::size_t>(codes), 0);
    for (std::int32_t id : ids) ++result.counts[static_cast<std::size_t>(id)];
  };

  std::vector<double> sums(static_cast<std::size_t>(codes * dim));
  for (index i = 0; i < options.iterations; ++i) {
    assign();
    std::ranges::fill(sums, 0.0);
    for (index r = 0; r < n; ++r)
      for (index d = 0, to = ids[static_cast<std::size_t>(r)] * dim; d < dim; ++d)
        sums[static_cast<std::size_t>(to + d)] += static_cast<double>(sample[static_cast<std::size_t>(r * dim + d)]);
    random_stream const replacements = draws(static_cast<std::uint32_t>(2 + i));
    for (index c = 0; c < codes; ++c) {
      index const count = result.counts[static_cast<std::size_t>(c)];
      index const spare = replacements.below(static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(c), 0);
      for (index d = 0; d < dim; ++d)
        codebook[c * dim + d] = count < options.dead_below || count == 0
                                    ? sample[static_cast<std::size_t>(spare * dim + d)]
                                    : static_cast<float>(sums[static_cast<std::size_t>(c * dim + d)] / static_cast<double>(count));
    }
  }
  assign();
  for (index r = 0; r < n; ++r)
    result.distortion +=
        static_cast<double>(squared_distance(sample.data() + r * dim, codebook + ids[static_cast<std::size_t>(r)] * dim, dim));
  result.distortion /= static_cast<double>(n);
  return result;
}

}  // namespace SPEARSTORM_NS::codec
