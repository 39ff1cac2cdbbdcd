#pragma once
// docs/options.md is a table of every option for each model: what it says of our defaults is compared with the code, and the code's fields with it.

#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

#include "catch.hpp"
#include "spearstorm/core/config.hpp"

namespace test {

// What the page writes for a default.
inline std::string text(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}
inline std::string text(float value) { return text(static_cast<double>(value)); }
inline std::string text(spearstorm::index value) { return std::to_string(value); }
inline std::string text(std::int32_t value) { return std::to_string(value); }
inline std::string text(bool value) { return value ? "true" : "false"; }
template <class T>
std::string text(std::optional<T> const& value) {
  return value ? "set" : "none";
}
template <class F>
std::string text(std::function<F> const& value) {
  return value ? "set" : "none";
}

/// The cells of each row of the table below a heading; the last four are the package's default (its newest generation's), our field, our
/// default, and why they differ.
inline std::vector<std::vector<std::string>> option_rows(std::string const& heading) {
  std::ifstream file(SPEARSTORM_GOLDEN_DIR "/../../docs/options.md");
  REQUIRE(file);
  std::vector<std::vector<std::string>> all;
  bool below = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) below = line == "## " + heading;
    if (!below || !line.starts_with("| ") || line.starts_with("| where")) continue;
    std::vector<std::string> cells;
    std::istringstream parts(line.substr(2));
    for (std::string cell; std::getline(parts, cell, '|');) {
      auto const first = cell.find_first_not_of(' '), last = cell.find_last_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    }
    all.push_back(cells);
  }
  REQUIRE(!all.empty());
  return all;
}

/// @param defaults ours as the code has them, "type::field": each must be told once, and where it is not the package's, with a reason
inline void check_option_table(std::string const& heading, std::map<std::string, std::string> const& defaults) {
  std::map<std::string, int> told;
  for (auto const& row : option_rows(heading)) {
    REQUIRE(row.size() >= 6);
    auto const& package = row[row.size() - 4];
    auto const& field = row[row.size() - 3];
    auto const& value = row[row.size() - 2];
    INFO(row[0] << ", " << row[1] << ": " << field);
    if (value == "-") continue;
    REQUIRE(defaults.contains(field));
    CHECK(value == defaults.at(field));
    ++told[field];
    bool const as_package = package == value || package == value + ".0" || (package == "True" && value == "true") ||
                            (package == "False" && value == "false") || (package == "None" && value == "none");
    bool const says_why = !row.back().empty() || package == "None" || package == "-";
    CHECK((as_package || says_why));
  }
  for (auto const& [field, value] : defaults) {
    INFO(field << " is missing from docs/options.md");
    CHECK(told[field] == 1);
  }
}

}  // namespace test
