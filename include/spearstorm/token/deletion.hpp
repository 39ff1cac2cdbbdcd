#pragma once
// SPEAR-TTS's pretraining on speech alone, as BART's: part of each row is deleted or masked, and the model puts it back.

#include "spearstorm/token/mask_subset.hpp"
#include "spearstorm/token/sequences.hpp"

namespace SPEARSTORM_NS::token {

struct deletion_options {
  double deletion_prob = 0.6;           ///< share of each row that goes, spear-tts-pytorch
  count_rule rule = count_rule::exact;  ///< spear-tts-pytorch; bernoulli: each id on its own
};

/// Flags what is deleted: floor(length * deletion_prob) ids of each row, each choice equally likely. Where a row holds two ids or more,
/// at least one goes and one stays; a shorter row stays whole.
/// departs from spear-tts-pytorch: it rounds up, and counts wrongly on rows with padding (fault 28)
/// @shape ids (batch, frames)  returns (batch, frames)
/// @throws value_error where deletion_prob lies outside [0, 1], or an id follows padding
inline flag_array draw_deletion(id_array const& ids, deletion_options const& options, random_stream const& stream, index first_example) {
  check_range("draw_deletion", "deletion_prob", options.deletion_prob, 0.0, 1.0);
  row_lengths(ids);
  return get_mask_subset_prob(valid_ids(ids), static_cast<float>(options.deletion_prob),
                              {.min_mask = 1, .min_keep_mask = 1, .rule = options.rule}, stream, first_example);
}

namespace detail {
inline void check_deleted(std::string_view function, id_array const& ids, flag_array const& deleted) {
  check_size(function, "deleted", "batch", deleted.extent(0), "ids", ids.extent(0));
  check_size(function, "deleted", "frames", deleted.extent(1), "ids", ids.extent(1));
  index const frames = ids.extent(1);
  for (index i = 0; i < ids.size(); ++i)
    if (deleted.data()[i] && ids.data()[i] < 0)
      fail<value_error>(function, ": frame ", i % frames, " of row ", i / frames, " is flagged, expected none of the padding");
}
}  // namespace detail

/// Source: the ids that stay, moved together. Target: those deleted, in order, or with reconstruct_seq the whole row. Rows may differ in
/// how many they lose (the package needs equal counts).
/// @shape ids (batch, frames)  deleted (batch, frames)  returns source (batch, most that stay)  target (batch, most that go or frames)
/// @throws shape_error where deleted has another shape, value_error where it flags padding or an id follows padding
inline pair_batch delete_marked(id_array const& ids, flag_array const& deleted, bool reconstruct_seq = false) {
  detail::check_deleted("delete_marked", ids, deleted);
  std::vector<sequence> stays, goes;
  for (index b = 0; b < ids.extent(0); ++b) {
    sequence const row = row_of(ids, b);
    stays.emplace_back(), goes.emplace_back();
    for (std::size_t t = 0; t < row.size(); ++t) (deleted(b, static_cast<index>(t)) ? goes : stays).back().push_back(row[t]);
  }
  return {pad_rows(stays), reconstruct_seq ? ids : pad_rows(goes)};
}

/// The source of pretraining by mask id; its target is the whole row. Whoever reads it needs an embedding for mask_id: a TextToSemantic with
/// semantic_mask_token has one, for spear_tts::mask_id (the package has none, fault 29).
/// @shape ids (batch, frames)  deleted (batch, frames)  returns (batch, frames)
/// @throws shape_error where deleted has another shape, value_error where it flags padding or mask_id is below 0
inline id_array mask_marked(id_array ids, flag_array const& deleted, std::int32_t mask_id) {
  if (mask_id < 0) fail<value_error>("mask_marked: mask_id = ", mask_id, ", expected 0 or more");
  detail::check_deleted("mask_marked", ids, deleted);
  for (index i = 0; i < ids.size(); ++i)
    if (deleted.data()[i]) ids.data()[i] = mask_id;
  return ids;
}

}  // namespace SPEARSTORM_NS::token
