#pragma once
// A residual quantizer: each level's codebook is learned from what the levels before it left over.

#include "spearstorm/codec/concept.hpp"
#include "spearstorm/codec/kmeans.hpp"

namespace SPEARSTORM_NS::codec {

/// Codebooks of several levels and their search. Const members may be called from several threads.
/// @math level l's id is the nearest code to x - sum over earlier levels of their codes; a decoded row is the sum of its codes
class residual_kmeans {
 public:
  using codebooks_type = array<float, axes::levels<>, axes::vocab<>, axes::dim<>>;

  /// @throws value_error where a size is 0 or a value is not finite
  explicit residual_kmeans(codebooks_type codebooks) : codebooks_(std::move(codebooks)) {
    check_range<index>("residual_kmeans", "levels", levels(), 1, 4096);
    check_range<index>("residual_kmeans", "codebook_size", codebook_size(), 1, index{1} << 24);
    check_range<index>("residual_kmeans", "dim", dim(), 1, index{1} << 24);
    for (float value : codebooks_)
      if (!std::isfinite(value)) fail<value_error>("residual_kmeans: codebooks hold ", value, ", expected finite values");
    for (index level = 0; level < levels(); ++level) searches_.emplace_back(codebook(level), dim());
  }

  /// Learns the levels one after the other, all from the same sample of rows.
  /// @shape rows (n, dim)
  static residual_kmeans learn(std::span<float const> rows, index dim, index levels, kmeans_options options, thread_team& team) {
    check_range<index>("residual_kmeans::learn", "levels", levels, 1, 4096);
    check_range<index>("residual_kmeans::learn", "dim", dim, 1, index{1} << 24);
    codebooks_type codebooks({levels, options.codebook_size, dim});
    std::uint32_t const stream = options.stream;
    std::vector<float> left = detail::sample_rows(rows, dim, options.sample_rows, {.seed = options.seed, .step = 0, .stream = stream});
    std::vector<std::int32_t> ids(left.size() / static_cast<std::size_t>(dim));
    for (index level = 0; level < levels; ++level) {
      options.stream = stream_id("/level", stream + static_cast<std::uint32_t>(level));
      kmeans_result const learned = kmeans(left, dim, options, team);
      std::ranges::copy(learned.codebook, codebooks.begin() + level * learned.codebook.size());
      nearest_code const search(learned.codebook.values(), dim);
      index const n = static_cast<index>(ids.size());
      team.run((n + detail::kmeans_chunk - 1) / detail::kmeans_chunk, [&](index task) {
        index const from = task * detail::kmeans_chunk, count = std::min(detail::kmeans_chunk, n - from);
        take_away(search, learned.codebook.values(), dim,
                  std::span(left).subspan(static_cast<std::size_t>(from * dim), static_cast<std::size_t>(count * dim)),
                  std::span(ids).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(count)));
      });
    }
    return residual_kmeans(std::move(codebooks));
  }

  index levels() const { return codebooks_.extent(0); }
  index codebook_size() const { return codebooks_.extent(1); }
  index dim() const { return codebooks_.extent(2); }
  codebooks_type const& codebooks() const { return codebooks_; }

  /// @shape rows (frames, dim)  returns (frames, levels)
  audio_codes encode(std::span<float const> rows) const {
    check_size("residual_kmeans::encode", "rows", "size modulo dim", static_cast<index>(rows.size()) % dim(), "codebooks", 0);
    index const n = static_cast<index>(rows.size()) / dim();
    audio_codes codes({n, levels()});
    std::vector<float> left(rows.begin(), rows.end());
    std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
    for (index level = 0; level < levels(); ++level) {
      take_away(searches_[static_cast<std::size_t>(level)], codebook(level), dim(), left, ids);
      for (index t = 0; t < n; ++t) codes.data()[t * levels() + level] = ids[static_cast<std::size_t>(t)];
    }
    return codes;
  }

  /// @shape codes (frames, at least `used` levels)  returns (frames, dim)
  /// @throws shape_error where codes have fewer levels than used, value_error for a level or an id out of range
  std::vector<float> decode(audio_codes const& codes, index used) const {
    check_range<index>("residual_kmeans::decode", "levels", used, 1, levels());
    if (codes.extent(1) < used)
      fail<shape_error>("residual_kmeans::decode: codes have levels = ", codes.extent(1), ", asked to use ", used);
    std::vector<float> rows(static_cast<std::size_t>(codes.extent(0) * dim()));
    for (index t = 0; t < codes.extent(0); ++t)
      for (index level = 0; level < used; ++level) {
        std::int32_t const id = codes.data()[t * codes.extent(1) + level];
        check_range<index>("residual_kmeans::decode", "id", id, 0, codebook_size() - 1);
        float const* const code = codebook(level).data() + id * dim();
        for (index d = 0; d < dim(); ++d) rows[static_cast<std::size_t>(t * dim() + d)] += code[d];
      }
    return rows;
  }

 private:
  std::span<float const> codebook(index level) const {
    std::size_t const size = static_cast<std::size_t>(codebook_size() * dim());
    return codebooks_.values().subspan(static_cast<std::size_t>(level) * size, size);
  }
  static void take_away(nearest_code const& search, std::span<float const> codebook, index dim, std::span<float> left,
                        std::span<std::int32_t> ids) {
    search(left, ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
      for (index d = 0; d < dim; ++d)
        left[i * static_cast<std::size_t>(dim) + static_cast<std::size_t>(d)] -= codebook[static_cast<std::size_t>(ids[i] * dim + d)];
  }

  codebooks_type codebooks_;
  std::vector<nearest_code> searches_;
};

}  // namespace SPEARSTORM_NS::codec
