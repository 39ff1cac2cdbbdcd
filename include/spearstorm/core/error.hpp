#pragma once
// Errors in one form: `function: what was found, what was expected`. The text is the same in debug and release builds.

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "spearstorm/core/config.hpp"

namespace SPEARSTORM_NS {

/// The base of everything this library throws on bad input.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct shape_error : error {
  using error::error;
};  ///< a run-time length differs from what the function expects
struct value_error : error {
  using error::error;
};  ///< an option or an id lies outside its range
struct stale_tensor : error {
  using error::error;
};  ///< a handle is used after its context or frame ended
struct context_error : error {
  using error::error;
};  ///< contexts or frames are not nested as they must be
struct numeric_error : error {
  using error::error;
};  ///< anomaly mode met a value that is not finite
struct format_error : error {
  using error::error;
};  ///< a file's content breaks its format
struct io_error : error {
  using error::error;
};  ///< the operating system refused a file

/// Joins its arguments into one message, as a stream would print them.
template <class... Parts>
std::string message(Parts const&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

/// Throws `Error` with the joined message.
template <class Error, class... Parts>
[[noreturn]] void fail(Parts const&... parts) {
  throw Error(message(parts...));
}

/// `check_size("linear", "input", "dim", 384, "weight", 512)` throws
/// `linear: input has dim = 384, weight expects dim = 512`.
/// @throws shape_error where found differs from expected
inline void check_size(std::string_view function, std::string_view argument, std::string_view axis, index found, std::string_view other,
                       index expected) {
  if (found != expected)
    fail<shape_error>(function, ": ", argument, " has ", axis, " = ", found, ", ", other, " expects ", axis, " = ", expected);
}

/// @throws value_error where value lies outside [low, high]
template <class T>
void check_range(std::string_view function, std::string_view argument, T value, T low, T high) {
  if (!(value >= low && value <= high))  // written so that NaN fails too
    fail<value_error>(function, ": ", argument, " = ", value, ", expected ", low, " to ", high);
}

}  // namespace SPEARSTORM_NS
