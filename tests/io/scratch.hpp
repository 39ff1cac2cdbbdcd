#pragma once
// A folder of its own for each test, removed at the end.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "catch.hpp"

namespace test_io {

/// The string matcher by one name in Catch2 2 and 3.
inline auto contains(std::string const& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

struct scratch {
  std::filesystem::path folder;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "spearstorm-io-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("scratch: cannot make " + name);
    folder = name;
  }
  scratch(scratch const&) = delete;
  scratch& operator=(scratch const&) = delete;
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::filesystem::path operator/(std::string const& name) const { return folder / name; }
  std::ptrdiff_t count() const { return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()); }
};

inline std::string content(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void put(std::filesystem::path const& path, std::string const& text) { std::ofstream(path, std::ios::binary) << text; }

/// The message of what `call` throws as an `Error`; empty where nothing is thrown.
template <class Error, class Call>
std::string what_of(Call&& call) {
  try {
    call();
  } catch (Error const& caught) {
    return caught.what();
  }
  return {};
}

}  // namespace test_io
