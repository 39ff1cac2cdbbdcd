#pragma once
// Rows of ids of different lengths in one array: an id below 0 is padding and only ever stands behind a row's last id.
// So every id from 0 on is an ordinary one, text's id 0 too.

#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::token {

using sequence = std::vector<std::int32_t>;

/// What a sequence model reads and what it must write, row by row, without eos.
struct pair_batch {
  id_array source;  ///< (batch, frames)
  id_array target;  ///< (batch, other frames)
  friend bool operator==(pair_batch const&, pair_batch const&) = default;
};

/// As many frames as the longest row has, -1 behind the others' last ids.
/// @shape returns (rows, frames)
/// @throws value_error where a row holds an id below 0
inline id_array pad_rows(std::span<sequence const> rows) {
  std::size_t most = 0;
  for (sequence const& row : rows) most = std::max(most, row.size());
  id_array ids({static_cast<index>(rows.size()), static_cast<index>(most)}, -1);
  for (std::size_t b = 0; b < rows.size(); ++b) {
    auto const bad = std::ranges::find_if(rows[b], [](std::int32_t id) { return id < 0; });
    if (bad != rows[b].end())
      fail<value_error>("pad_rows: id ", bad - rows[b].begin(), " of row ", b, " is ", *bad, ", expected 0 or more");
    std::ranges::copy(rows[b], ids.begin() + static_cast<std::ptrdiff_t>(b * most));
  }
  return ids;
}

namespace detail {
inline std::span<std::int32_t const> frames_of(id_array const& ids, index row) {
  return ids.values().subspan(static_cast<std::size_t>(row * ids.extent(1)), static_cast<std::size_t>(ids.extent(1)));
}

inline index row_length(std::string_view function, id_array const& ids, index row) {
  auto const all = detail::frames_of(ids, row);
  auto const length = std::ranges::find_if(all, [](std::int32_t id) { return id < 0; }) - all.begin();
  auto const again = std::find_if(all.begin() + length, all.end(), [](std::int32_t id) { return id >= 0; }) - all.begin();
  if (again < ids.extent(1))
    fail<value_error>(function, ": frame ", again, " of row ", row, " holds ", all[static_cast<std::size_t>(again)],
                      ", expected padding from frame ", length, " on");
  return length;
}
}  // namespace detail

/// How many ids each row holds.
/// @throws value_error where an id follows padding
inline std::vector<index> row_lengths(id_array const& ids) {
  std::vector<index> lengths;
  for (index b = 0; b < ids.extent(0); ++b) lengths.push_back(detail::row_length("row_lengths", ids, b));
  return lengths;
}

/// 1 where there is an id.
/// @shape ids (batch, frames)  returns (batch, frames)
inline flag_array valid_ids(id_array const& ids) {
  flag_array valid(ids.extents());
  std::ranges::transform(ids, valid.begin(), [](std::int32_t id) { return static_cast<flag>(id >= 0); });
  return valid;
}

/// One row without its padding.
/// @throws value_error where there is no such row, or an id follows padding
inline sequence row_of(id_array const& ids, index row) {
  check_range<index>("row_of", "row", row, 0, ids.extent(0) - 1);
  auto const all = detail::frames_of(ids, row);
  return {all.begin(), all.begin() + detail::row_length("row_of", ids, row)};
}

/// The rows without their padding.
/// @throws value_error where an id follows padding
inline std::vector<sequence> rows_of(id_array const& ids) {
  std::vector<sequence> rows;
  for (index b = 0; b < ids.extent(0); ++b) rows.push_back(row_of(ids, b));
  return rows;
}

/// `eos` behind each row's last id: spear-tts-pytorch's set_eos_id, which writes over ids that equal its padding.
/// @shape ids (batch, frames)  returns (batch, frames + 1)
/// @throws value_error where an id follows padding or eos is below 0
inline id_array with_eos(id_array const& ids, std::int32_t eos) {
  if (eos < 0) fail<value_error>("with_eos: eos = ", eos, ", expected 0 or more");
  id_array closed({ids.extent(0), ids.extent(1) + 1}, -1);
  for (index b = 0; b < ids.extent(0); ++b) {
    index const length = detail::row_length("with_eos", ids, b);
    std::int32_t* const row = std::copy_n(detail::frames_of(ids, b).begin(), length, closed.data() + b * closed.extent(1));
    *row = eos;
  }
  return closed;
}

/// What stands behind a row's first `eos` becomes padding: spear-tts-pytorch's mask_after_eos.
/// @shape ids (batch, frames)  returns (batch, frames)
inline id_array until_eos(id_array ids, std::int32_t eos) {
  for (index b = 0; b < ids.extent(0); ++b) {
    auto const first = ids.begin() + b * ids.extent(1), last = first + ids.extent(1), end = std::find(first, last, eos);
    if (end != last) std::fill(end + 1, last, -1);
  }
  return ids;
}

/// spear-tts-pytorch's padding becomes ours, behind each row's last other id; the same id inside a row is an ordinary one and stays.
/// @shape ids (batch, frames)  returns (batch, frames)
inline id_array from_padded(id_array ids, std::int32_t pad_id) {
  for (index b = 0; b < ids.extent(0); ++b)
    for (index t = ids.extent(1) - 1; t >= 0 && ids(b, t) == pad_id; --t) ids(b, t) = -1;
  return ids;
}

/// Ids of which no two neighbours are equal, and how often each stood there.
struct run_lengths {
  sequence ids;
  std::vector<index> lengths;
  friend bool operator==(run_lengths const&, run_lengths const&) = default;
};

/// Repeats removed: 7 7 7 2 7 is 7 2 7, lengths 3 1 1.
inline run_lengths unique_consecutive(std::span<std::int32_t const> ids) {
  run_lengths runs;
  for (std::int32_t id : ids) {
    if (runs.ids.empty() || runs.ids.back() != id)
      runs.ids.push_back(id), runs.lengths.push_back(1);
    else
      ++runs.lengths.back();
  }
  return runs;
}

/// The way back: each id as often as its length says.
/// @throws shape_error where ids and lengths are not as many, value_error where a length is below 1
inline sequence repeated(run_lengths const& runs) {
  check_size("repeated", "lengths", "runs", static_cast<index>(runs.lengths.size()), "ids", static_cast<index>(runs.ids.size()));
  sequence ids;
  for (std::size_t i = 0; i < runs.ids.size(); ++i) {
    check_range<index>("repeated", "length", runs.lengths[i], 1, 2147483647);
    ids.insert(ids.end(), static_cast<std::size_t>(runs.lengths[i]), runs.ids[i]);
  }
  return ids;
}

/// Repeats removed in every row.
/// @shape ids (batch, frames)  returns (batch, frames of the longest row left)
/// @throws value_error where an id follows padding
inline id_array batch_unique_consecutive(id_array const& ids) {
  std::vector<sequence> rows = rows_of(ids);
  for (sequence& row : rows) row.erase(std::unique(row.begin(), row.end()), row.end());
  return pad_rows(rows);
}

}  // namespace SPEARSTORM_NS::token
