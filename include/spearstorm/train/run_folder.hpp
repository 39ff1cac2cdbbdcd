#pragma once
// The folder of one run: checkpoint-00001000.safetensors ..., log.jsonl. What an earlier run left is never cleared silently.

#include <cstdio>
#include <filesystem>
#include <map>

#include "spearstorm/io/input_file.hpp"
#include "spearstorm/io/json.hpp"

namespace SPEARSTORM_NS::train {

/// What to do with a folder that holds results already.
struct folder_options {
  bool resume = false;                    ///< go on from the last checkpoint, or begin where there is none
  bool force_clear_prev_results = false;  ///< remove checkpoints and log, and nothing else; audiolm-pytorch's name
};

/// @throws value_error where the folder holds results and no option says what to do with them, or both do; io_error where the system refuses
class run_folder {
 public:
  explicit run_folder(std::filesystem::path path, folder_options options = {}) : path_(std::move(path)) {
    if (options.resume && options.force_clear_prev_results)
      fail<value_error>("train: resume and force_clear_prev_results are both set, expected at most one");
    std::error_code failed;
    std::filesystem::create_directories(path_, failed);
    if (failed) io::fail_errno("train", "make the folder", path_, failed.value());
    auto const found = checkpoints();
    bool const used = !found.empty() || std::filesystem::exists(log_path());
    if (used && options.force_clear_prev_results) {
      for (auto const& [step, file] : found) std::filesystem::remove(file);
      std::filesystem::remove(log_path());
    } else if (used && !options.resume) {
      fail<value_error>("train: '", path_.string(), "' holds the results of an earlier run (", found.size(), " checkpoints",
                        found.empty() ? "" : message(", the last of step ", found.rbegin()->first),
                        "); set resume to go on, force_clear_prev_results to remove them, or choose another folder");
    }
  }

  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path log_path() const { return path_ / "log.jsonl"; }
  std::filesystem::path checkpoint_path(index step) const {
    std::string const digits = std::to_string(step);
    return path_ / ("checkpoint-" + std::string(8 - std::min<std::size_t>(8, digits.size()), '0') + digits + ".safetensors");
  }

  /// All checkpoints by their step.
  std::map<index, std::filesystem::path> checkpoints() const { return checkpoints_in(path_); }
  static std::map<index, std::filesystem::path> checkpoints_in(std::filesystem::path const& folder) {
    std::map<index, std::filesystem::path> found;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
      std::string const name = entry.path().filename().string();
      std::string_view const front = "checkpoint-", back = ".safetensors";
      if (!name.starts_with(front) || !name.ends_with(back) || name.size() <= front.size() + back.size()) continue;
      std::string const digits = name.substr(front.size(), name.size() - front.size() - back.size());
      if (digits.size() <= 18 && digits.find_first_not_of("0123456789") == digits.npos) found[std::stoll(digits)] = entry.path();
    }
    return found;
  }
  /// Removes all but the last `keep` checkpoints; 0 keeps all.
  void prune(index keep) const {
    auto found = checkpoints();
    while (keep > 0 && static_cast<index>(found.size()) > keep) {
      std::filesystem::remove(found.begin()->second);
      found.erase(found.begin());
    }
  }

  /// Adds a line to the log.
  void log(io::json const& entry) const {
    std::string const line = entry.dump() + "\n";
    io::descriptor const file(::open(log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (file.get() < 0 || ::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      io::fail_errno("train", "write", log_path());
  }
  /// The log's lines, an incomplete last one left out.
  static std::vector<io::json> read_log(std::filesystem::path const& path) {
    std::vector<io::json> lines;
    if (!std::filesystem::exists(path)) return lines;
    std::string const text = io::input_file(path).text();
    for (std::size_t from = 0, end; (end = text.find('\n', from)) != text.npos; from = end + 1)
      lines.push_back(io::parse_json(std::string_view(text).substr(from, end - from), path.string()));
    return lines;
  }
  /// Forgets lines of steps behind `step`: who resumes there takes them again.
  void rewind_log(index step) const {
    std::string kept;
    for (auto const& line : read_log(log_path()))
      if (line.value("step", index{0}) <= step) kept += line.dump() + "\n";
    io::write_atomically(log_path(), kept);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace SPEARSTORM_NS::train
