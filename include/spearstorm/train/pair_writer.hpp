#pragma once
// Writing a set of pairs row by row, so that a killed run loses the open shard at most and the next one goes on behind the last whole one.

#include "spearstorm/train/pair_file.hpp"

namespace SPEARSTORM_NS::train {

struct pair_writer_options {
  index shard_rows = 1024;   ///< rows a file
  index rank = 0, size = 1;  ///< this process writes rows rank, rank + size, ...
};

/// Rows come in the order of their numbers; a shard is written when it is full, the last one with the rank's last row.
/// @throws value_error where an option lies outside its range or a row contradicts the info; format_error where the folder holds another
///         set, or shards that do not follow each other; io_error where the system refuses
class pair_writer {
 public:
  pair_writer(std::filesystem::path folder, pair_info info, pair_writer_options options = {})
      : folder_(std::move(folder)), options_(options) {
    detail::check_pair_numbers<value_error>("pair_writer: ", info, options_.rank, options_.size);
    check_range<index>("pair_writer", "shard_rows", options_.shard_rows, 1, std::numeric_limits<std::int32_t>::max());
    open_ = {.info = std::move(info), .rank = options_.rank, .size = options_.size, .first = options_.rank};
    std::filesystem::create_directories(folder_);
    for (auto const& entry : std::filesystem::directory_iterator(folder_)) look_at(entry.path());
    while (std::filesystem::exists(folder_ / pair_shard_name(open_.number, open_.rank, open_.size))) pass_shard();
  }

  pair_info const& info() const { return open_.info; }
  /// How many rows this rank writes over all runs.
  index rows() const { return open_.info.rows > open_.rank ? (open_.info.rows - open_.rank - 1) / open_.size + 1 : 0; }
  /// How many of them are given, the open shard's too.
  index done() const { return (open_.first - open_.rank) / open_.size + open_.rows(); }
  bool complete() const { return done() == rows(); }
  /// The number of the row that `add` expects; beyond the set where complete.
  index next_row() const { return open_.row_number(open_.rows()); }
  /// How many rows the open shard still takes: batches that end there are the same after a kill.
  index room() const { return std::min(options_.shard_rows - open_.rows(), rows() - done()); }

  /// The row next_row().
  void add(std::span<std::int32_t const> semantic, std::span<std::int32_t const> text, std::span<std::int32_t const> run_lengths = {}) {
    if (complete()) fail<value_error>("pair_writer: row ", next_row(), " of a set of ", open_.info.rows);
    detail::check_pair<value_error>("pair_writer: ", {semantic, text, run_lengths}, next_row(), open_.info);
    open_.semantic.add(semantic);
    open_.text.add(text);
    open_.run_lengths.insert(open_.run_lengths.end(), run_lengths.begin(), run_lengths.end());
    if (open_.rows() < options_.shard_rows && !complete()) return;
    save_pair_shard(folder_, open_);
    begin_shard(next_row());
  }

 private:
  void begin_shard(index first) {
    ++open_.number;
    open_.first = first;
    open_.semantic = open_.text = {};
    open_.run_lengths.clear();
  }
  /// A file that is there already: of as many ranks as we are, or what a killed run of this rank left half written.
  void look_at(std::filesystem::path const& path) const {
    std::string const name = path.filename().string(), ours = message("-rank-", open_.rank, "-of-", open_.size, ".safetensors");
    if (!name.starts_with("pairs-")) return;
    if (name.find(ours + ".tmp-") != std::string::npos)
      std::filesystem::remove(path);
    else if (path.extension() == ".safetensors" && !name.ends_with(message("-of-", open_.size, ".safetensors")))
      fail<format_error>("pair_writer: '", path.string(), "' was written by another number of ranks, expected ", open_.size);
  }
  /// The shard is whole: we begin behind it.
  void pass_shard() {
    std::filesystem::path const path = folder_ / pair_shard_name(open_.number, open_.rank, open_.size);
    pair_shard const held = load_pair_shard(path);
    if (held.info != open_.info || held.number != open_.number || held.rank != open_.rank || held.size != open_.size)
      fail<format_error>("pair_writer: '", path.string(), "' belongs to another set, expected the same metadata as this run's");
    if (held.first != open_.first)
      fail<format_error>("pair_writer: '", path.string(), "' begins with row ", held.first, ", expected row ", open_.first);
    begin_shard(held.row_number(held.rows()));
  }

  std::filesystem::path folder_;
  pair_writer_options options_;
  pair_shard open_;
};

}  // namespace SPEARSTORM_NS::train
