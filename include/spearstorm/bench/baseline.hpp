#pragma once
// Timings of earlier runs, kept in a small text file and compared with the present ones.

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "spearstorm/bench/statistics.hpp"
#include "spearstorm/io/atomic_file.hpp"

namespace SPEARSTORM_NS::bench {

/// A line a timing: `median low high least runs name`, seconds, sorted by name.
class baseline {
 public:
  /// A file that is not there yet is an empty baseline.
  /// @throws format_error naming file and line where the file holds something else
  explicit baseline(std::filesystem::path path) : path_(std::move(path)) {
    std::ifstream file(path_);
    std::string line;
    for (index number = 1; std::getline(file, line); ++number) {
      std::istringstream fields(line);
      timing kept;
      if (!(fields >> kept.median >> kept.low >> kept.high >> kept.least >> kept.runs) || fields.get() != ' ' ||
          !std::getline(fields, kept.name))
        fail<format_error>("baseline: '", path_.string(), "', line ", number, ": found '", line,
                           "', expected median low high least runs name");
      before_[kept.name] = kept;
    }
    now_ = before_;
  }

  /// The timing of that name in an earlier run; null where there is none.
  timing const* before(std::string const& name) const {
    auto const at = before_.find(name);
    return at == before_.end() ? nullptr : &at->second;
  }
  /// Keeps a timing for the next run; what was measured before keeps its place until then.
  /// @throws value_error where the name is empty or holds a line break, io_error where the file cannot be written
  void keep_(timing const& now) {
    if (now.name.empty() || now.name.find_first_of("\r\n") != now.name.npos)
      fail<value_error>("baseline: name '", now.name, "', expected one line");
    now_[now.name] = now;
    std::ostringstream text;
    text.precision(std::numeric_limits<double>::max_digits10);
    for (auto const& [name, kept] : now_)
      text << kept.median << ' ' << kept.low << ' ' << kept.high << ' ' << kept.least << ' ' << kept.runs << ' ' << name << '\n';
    io::write_atomically(path_, text.str());
  }

 private:
  std::filesystem::path path_;
  std::map<std::string, timing> before_, now_;
};

}  // namespace SPEARSTORM_NS::bench
