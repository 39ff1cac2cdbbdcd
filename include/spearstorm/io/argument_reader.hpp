#pragma once
// Constructor arguments of a Python class as JSON: fields by their path, "conformer.dim", and what is wrong with them.

#include <concepts>

#include "spearstorm/io/json.hpp"

namespace SPEARSTORM_NS::io {

/// Shows `all`, which must live longer; `where` opens every message.
class argument_reader {
 public:
  argument_reader(json const& all, std::string where) : all_(all), where_(std::move(where)) {}

  bool has(std::string const& path) const {
    auto const* const found = find(path);
    return found && !found->is_null();
  }
  /// @throws format_error where the field is missing or of another type
  template <class T>
  T get(std::string const& path) const {
    constexpr bool is_flag = std::same_as<T, bool>, is_real = std::floating_point<T>;
    auto const* const found = find(path);
    bool const fits = found && (is_flag ? found->is_boolean() : is_real ? found->is_number() : found->is_number_integer());
    if (!fits)
      fail<format_error>(where_, "configuration field '", path, "' is ", found ? found->dump() : "missing", ", expected ",
                         is_flag   ? "true or false"
                         : is_real ? "a number"
                                   : "a whole number");
    return found->get<T>();
  }
  template <class T>
  T get_or(std::string const& path, T otherwise) const {
    return has(path) ? get<T>(path) : otherwise;
  }

 private:
  json const* find(std::string const& path) const {
    auto const dot = path.find('.');
    auto const found = all_.find(path.substr(0, dot));
    if (found == all_.end() || dot == std::string::npos) return found == all_.end() ? nullptr : &*found;
    auto const inner = found->is_object() ? found->find(path.substr(dot + 1)) : found->end();
    return inner == found->end() ? nullptr : &*inner;
  }

  json const& all_;
  std::string where_;
};

}  // namespace SPEARSTORM_NS::io
