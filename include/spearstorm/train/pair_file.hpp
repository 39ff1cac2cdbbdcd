#pragma once
// Pairs of speech and text as a safetensors file, one shard of a set: the ids of all rows behind each other, I32, and where each row begins.
// Row i of a shard is row first + i * size of the set, so ranks write without knowing of each other. Lengths say where a row ends: rows
// need no delimiter, no padding id and no eos.

#include <filesystem>
#include <limits>

#include "spearstorm/io/metadata.hpp"
#include "spearstorm/io/safetensors.hpp"
#include "spearstorm/token/sequences.hpp"

namespace SPEARSTORM_NS::train {

inline constexpr std::string_view pair_file_format = "spearstorm.pairs";
inline constexpr index pair_file_version = 1;

/// What all shards of a set have in common.
struct pair_info {
  index num_semantic_token_ids = 0;
  index num_text_token_ids = 0;  ///< eos not counted: it stands in no row
  index rows = 0;                ///< of the whole set
  bool run_lengths = false;      ///< repeats were removed from the speech, and how many there were is kept
  std::string made_by{};         ///< whatever tells this labelling from another, e.g. a model's name and its options

  friend bool operator==(pair_info const&, pair_info const&) = default;
};

/// One row; the spans are the set's own.
struct pair_row {
  std::span<std::int32_t const> semantic, text;
  std::span<std::int32_t const> run_lengths;  ///< as many as semantic; empty where the set keeps none
};

/// Sequences behind each other: sequence i is ids[begin[i]] to ids[begin[i + 1]].
struct flat_rows {
  std::vector<std::int32_t> ids{}, begin{0};

  index size() const { return static_cast<index>(begin.size()) - 1; }
  std::span<std::int32_t const> row(index i) const {
    auto const from = static_cast<std::size_t>(begin.at(static_cast<std::size_t>(i)));
    return std::span(ids).subspan(from, static_cast<std::size_t>(begin.at(static_cast<std::size_t>(i) + 1)) - from);
  }
  /// @throws value_error where the file's numbers cannot count so many ids
  void add(std::span<std::int32_t const> row) {
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    if (row.size() > most - ids.size())
      fail<value_error>("pair_file: ", ids.size(), " and ", row.size(), " ids in one shard, expected at most ", most);
    ids.insert(ids.end(), row.begin(), row.end());
    begin.push_back(static_cast<std::int32_t>(ids.size()));
  }
  friend bool operator==(flat_rows const&, flat_rows const&) = default;
};

/// Some rows of a set that one rank wrote.
struct pair_shard {
  pair_info info;
  index rank = 0, size = 1;  ///< rank r of n owns rows r, r + n, ...
  index number = 0;          ///< counted from 0 by each rank
  index first = 0;           ///< row of the set that is the first here
  flat_rows semantic{}, text{};
  std::vector<std::int32_t> run_lengths{};  ///< as many as semantic.ids; empty where the set keeps none

  index rows() const { return semantic.size(); }
  index row_number(index i) const { return first + i * size; }
  pair_row row(index i) const {
    auto const ids = semantic.row(i);
    auto const at = static_cast<std::size_t>(ids.data() - semantic.ids.data());
    return {ids, text.row(i), info.run_lengths ? std::span(run_lengths).subspan(at, ids.size()) : std::span<std::int32_t const>{}};
  }
  friend bool operator==(pair_shard const&, pair_shard const&) = default;
};

/// `pairs-00003-rank-0-of-2.safetensors`
inline std::string pair_shard_name(index number, index rank, index size) {
  std::string const digits = std::to_string(number);
  return message("pairs-", std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0'), digits, "-rank-", rank, "-of-", size,
                 ".safetensors");
}

namespace detail {

template <class Error>
void check_ids(std::string const& where, char const* what, std::span<std::int32_t const> row, index number, index ids) {
  for (std::size_t t = 0; t < row.size(); ++t)
    if (row[t] < 0 || row[t] >= ids)
      fail<Error>(where, what, " id ", t, " of row ", number, " is ", row[t], ", expected 0 to ", ids - 1, " (eos stands in no row)");
}

/// One row of the set.
template <class Error>
void check_pair(std::string const& where, pair_row const& row, index number, pair_info const& info) {
  check_ids<Error>(where, "semantic", row.semantic, number, info.num_semantic_token_ids);
  check_ids<Error>(where, "text", row.text, number, info.num_text_token_ids);
  if (row.run_lengths.size() != (info.run_lengths ? row.semantic.size() : 0))
    fail<Error>(where, "row ", number, " has ", row.run_lengths.size(), " run lengths for ", row.semantic.size(),
                " semantic ids, expected ", info.run_lengths ? "as many" : "none");
  for (std::int32_t length : row.run_lengths)
    if (length < 1) fail<Error>(where, "a run length of row ", number, " is ", length, ", expected 1 or more");
}

template <class Error>
void check_pair_numbers(std::string const& where, pair_info const& info, index rank, index size) {
  auto const range = [&](char const* name, index value, index low, index high) {
    if (value < low || value > high) fail<Error>(where, name, " = ", value, ", expected ", low, " to ", high);
  };
  constexpr index most = std::numeric_limits<std::int32_t>::max();
  range("num_semantic_token_ids", info.num_semantic_token_ids, 1, most);
  range("num_text_token_ids", info.num_text_token_ids, 1, most);
  range("rows", info.rows, 0, most);
  range("size", size, 1, most);
  range("rank", rank, 0, size - 1);
}

/// The shard may follow others of its rank, and its rows lie inside the set.
template <class Error>
void check_pair_shard(std::string const& where, pair_shard const& shard) {
  check_pair_numbers<Error>(where, shard.info, shard.rank, shard.size);
  if (shard.number < 0) fail<Error>(where, "shard = ", shard.number, ", expected 0 or more");
  if (shard.text.size() != shard.rows()) fail<Error>(where, shard.text.size(), " rows of text, expected ", shard.rows());
  if (shard.rows() < 1) fail<Error>(where, "the shard holds no row");
  if (shard.first < shard.rank || (shard.first - shard.rank) % shard.size != 0 || shard.row_number(shard.rows() - 1) >= shard.info.rows)
    fail<Error>(where, "rows ", shard.first, " to ", shard.row_number(shard.rows() - 1), " in steps of ", shard.size,
                ", expected rows of rank ", shard.rank, " below ", shard.info.rows);
  if (shard.run_lengths.size() != (shard.info.run_lengths ? shard.semantic.ids.size() : 0))
    fail<Error>(where, shard.run_lengths.size(), " run lengths for ", shard.semantic.ids.size(), " semantic ids, expected ",
                shard.info.run_lengths ? "as many" : "none");
  for (index i = 0; i < shard.rows(); ++i) check_pair<Error>(where, shard.row(i), shard.row_number(i), shard.info);
}

inline std::vector<std::int32_t> read_numbers(io::safetensors_file const& file, std::string const& name, std::string const& where) {
  io::tensor_info const& tensor = file.info(name);
  if (tensor.shape.size() != 1) fail<format_error>(where, "tensor '", name, "' has ", tensor.shape.size(), " axes, expected 1");
  std::vector<std::int32_t> values(static_cast<std::size_t>(tensor.shape[0]));
  file.read<std::int32_t>(name, values);
  return values;
}

inline flat_rows read_rows(io::safetensors_file const& file, std::string const& name, std::string const& where) {
  flat_rows made{read_numbers(file, name, where), read_numbers(file, name + "_begin", where)};
  auto const& begin = made.begin;
  if (begin.empty() || begin.front() != 0 || static_cast<std::size_t>(begin.back()) != made.ids.size() || !std::ranges::is_sorted(begin))
    fail<format_error>(where, "tensor '", name, "_begin' does not go from 0 up to ", made.ids.size());
  return made;
}

}  // namespace detail

/// The file appears whole or not at all.
/// @throws value_error where the shard contradicts itself, io_error where the system refuses
inline void save_pair_shard(std::filesystem::path const& folder, pair_shard const& shard) {
  detail::check_pair_shard<value_error>("save_pair_shard: ", shard);
  io::safetensors_writer writer(folder / pair_shard_name(shard.number, shard.rank, shard.size));
  writer.metadata("format", std::string(pair_file_format)).metadata("format_version", io::number_text(pair_file_version));
  auto const put = [&](char const* name, index value) { writer.metadata(name, io::number_text(value)); };
  put("num_semantic_token_ids", shard.info.num_semantic_token_ids);
  put("num_text_token_ids", shard.info.num_text_token_ids);
  put("rows_of_set", shard.info.rows);
  put("run_lengths", shard.info.run_lengths);
  put("rank", shard.rank);
  put("size", shard.size);
  put("shard", shard.number);
  put("first_row", shard.first);
  put("rows", shard.rows());
  writer.metadata("made_by", shard.info.made_by);
  auto const add = [&](std::string const& name, std::vector<std::int32_t> const& values) {
    writer.add(name, {static_cast<index>(values.size())}, values);
  };
  add("semantic", shard.semantic.ids);
  add("semantic_begin", shard.semantic.begin);
  add("text", shard.text.ids);
  add("text_begin", shard.text.begin);
  if (shard.info.run_lengths) add("run_lengths", shard.run_lengths);
  writer.commit();
}

/// @throws io_error where the system refuses, format_error where the file is no pair file, of another version, or contradicts itself
inline pair_shard load_pair_shard(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  std::string const where = "load_pair_shard: '" + path.string() + "': ";
  io::metadata_reader const metadata(file.metadata(), where);
  metadata.require(pair_file_format, pair_file_version);
  auto const get = [&](char const* name) { return metadata.number<index>(name); };
  pair_shard shard{.info = {.num_semantic_token_ids = get("num_semantic_token_ids"),
                            .num_text_token_ids = get("num_text_token_ids"),
                            .rows = get("rows_of_set"),
                            .run_lengths = get("run_lengths") != 0,
                            .made_by = metadata.text("made_by")},
                   .rank = get("rank"),
                   .size = get("size"),
                   .number = get("shard"),
                   .first = get("first_row"),
                   .semantic = detail::read_rows(file, "semantic", where),
                   .text = detail::read_rows(file, "text", where)};
  if (shard.info.run_lengths) shard.run_lengths = detail::read_numbers(file, "run_lengths", where);
  if (index const rows = get("rows"); rows != shard.rows())
    fail<format_error>(where, "metadata 'rows' is ", rows, ", the tensors hold ", shard.rows());
  detail::check_pair_shard<format_error>(where, shard);
  return shard;
}

}  // namespace SPEARSTORM_NS::train
