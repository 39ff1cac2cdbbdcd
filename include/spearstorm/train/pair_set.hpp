#pragma once
// All pairs of a folder, by row number, and several such sets as one.

#include <map>
#include <memory>
#include <tuple>

#include "spearstorm/train/pair_file.hpp"

namespace SPEARSTORM_NS::train {

/// Rows 0 to size() - 1. Copies share the ids, which are all in memory: 4 bytes each.
class pair_set {
 public:
  pair_set() = default;
  explicit pair_set(pair_info info) : info_(std::move(info)) {}

  pair_info const& info() const { return info_; }
  index size() const { return static_cast<index>(places_.size()); }
  /// @throws value_error where there is no such row
  pair_row operator[](index row) const {
    check_range<index>("pair_set", "row", row, 0, size() - 1);
    auto const [shard, at] = places_[static_cast<std::size_t>(row)];
    return shards_[shard]->row(at);
  }

  /// The next row is row `at` of a shard that is shared.
  void add(std::shared_ptr<pair_shard const> const& shard, index at) {
    if (shards_.empty() || shards_.back() != shard) shards_.push_back(shard);
    places_.push_back({shards_.size() - 1, at});
  }
  /// All rows of another set behind ours.
  void add(pair_set const& other) {
    for (auto const& [shard, at] : other.places_) places_.push_back({shards_.size() + shard, at});
    shards_.insert(shards_.end(), other.shards_.begin(), other.shards_.end());
    info_.rows = size();
  }

 private:
  struct place {
    std::size_t shard;
    index at;
  };
  pair_info info_;
  std::vector<std::shared_ptr<pair_shard const>> shards_;
  std::vector<place> places_;
};

struct load_pairs_options {
  bool unfinished = false;  ///< take what there is where rows are missing; they are left out and the others move together
};

/// A folder that pair_writer wrote, by one process or several.
/// @throws format_error where a file breaks the format, two differ in what they say of the set, a row is in two files, or rows are missing;
///         io_error where the system refuses
inline pair_set load_pairs(std::filesystem::path const& folder, load_pairs_options const& options = {}) {
  std::string const where = "load_pairs: '" + folder.string() + "': ";
  if (!std::filesystem::is_directory(folder)) fail<io_error>(where, "no such folder");
  std::map<std::string, std::shared_ptr<pair_shard const>> shards;
  for (auto const& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".safetensors")
      shards[entry.path().filename().string()] = std::make_shared<pair_shard const>(load_pair_shard(entry.path()));
  if (shards.empty()) fail<format_error>(where, "no *.safetensors");
  auto const& [first_name, first] = *shards.begin();

  struct origin {
    std::string const* file;
    std::shared_ptr<pair_shard const> const* shard;
    index at;
  };
  std::map<index, origin> rows;
  for (auto const& [name, shard] : shards) {
    if (shard->info != first->info || shard->size != first->size)
      fail<format_error>(where, name, " and ", first_name, " are of different sets, expected the same metadata in both");
    for (index i = 0; i < shard->rows(); ++i)
      if (auto const [held, fresh] = rows.try_emplace(shard->row_number(i), origin{&name, &shard, i}); !fresh)
        fail<format_error>(where, "row ", held->first, " is in ", *held->second.file, " and in ", name, ", expected it once");
  }
  index const missing = first->info.rows - static_cast<index>(rows.size());
  if (missing > 0 && !options.unfinished) {
    index row = 0;
    while (rows.contains(row)) ++row;
    fail<format_error>(where, missing, " of ", first->info.rows, " rows are missing, the first is row ", row,
                       "; expected all of them (option `unfinished` takes what there is)");
  }
  pair_set set(first->info);
  for (auto const& [number, from] : rows) set.add(*from.shard, from.at);
  return set;
}

/// Several sets as one, e.g. generated pairs and labelled ones; row numbers go on. Each row keeps the run lengths that it has.
/// @throws value_error where there is no set, or their vocabularies differ
inline pair_set concatenated(std::span<pair_set const> sets) {
  if (sets.empty()) fail<value_error>("concatenated: 0 sets, expected 1 or more");
  pair_info info = sets.front().info();
  for (pair_set const& set : sets) {
    for (auto const& [name, found, expected] :
         {std::tuple{"num_semantic_token_ids", set.info().num_semantic_token_ids, info.num_semantic_token_ids},
          std::tuple{"num_text_token_ids", set.info().num_text_token_ids, info.num_text_token_ids}})
      if (found != expected)
        fail<value_error>("concatenated: set ", &set - sets.data(), " has ", name, " = ", found, ", expected ", expected, " as in set 0");
    info.run_lengths = info.run_lengths && set.info().run_lengths;
  }
  pair_set all(std::move(info));
  for (pair_set const& set : sets) all.add(set);
  return all;
}

/// Rows in memory, e.g. transcribed utterances of a corpus, as a set.
/// @throws value_error where the counts differ or an id lies outside its vocabulary
inline pair_set pair_set_of(pair_info info, std::span<token::sequence const> semantic, std::span<token::sequence const> text) {
  check_size("pair_set_of", "text", "rows", static_cast<index>(text.size()), "semantic", static_cast<index>(semantic.size()));
  info.rows = static_cast<index>(semantic.size());
  info.run_lengths = false;
  auto shard = std::make_shared<pair_shard>(pair_shard{.info = info});
  for (token::sequence const& row : semantic) shard->semantic.add(row);
  for (token::sequence const& row : text) shard->text.add(row);
  if (info.rows > 0) detail::check_pair_shard<value_error>("pair_set_of: ", *shard);
  pair_set set(info);
  for (index i = 0; i < info.rows; ++i) set.add(shard, i);
  return set;
}

}  // namespace SPEARSTORM_NS::train
