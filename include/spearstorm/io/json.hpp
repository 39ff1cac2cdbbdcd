#pragma once
// The one door to nlohmann/json, with a parse as strict as files deserve.

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::io {

using json = nlohmann::json;                  ///< keys sorted
using ordered_json = nlohmann::ordered_json;  ///< keys as written

/// Parses one JSON value and nothing else. `source` (a file's name) opens every message.
/// @throws format_error for bad JSON, a byte order mark or zero byte, a key given twice, or nesting deeper than `max_depth`
inline json parse_json(std::string_view text, std::string_view source, int max_depth = 64) {
  std::vector<std::set<std::string>> keys;  // of the objects open at this point
  auto const strict = [&](int depth, json::parse_event_t event, json& parsed) {
    using event_type = json::parse_event_t;
    if (depth >= max_depth && (event == event_type::object_start || event == event_type::array_start))
      fail<format_error>(source, ": JSON nested deeper than ", max_depth);
    if (event == event_type::object_start) keys.emplace_back();
    if (event == event_type::object_end) keys.pop_back();
    if (event == event_type::key && !keys.back().insert(parsed.get_ref<std::string const&>()).second)
      fail<format_error>(source, ": JSON key '", parsed.get_ref<std::string const&>(), "' is given twice");
    return true;
  };
  if (text.find('\0') != text.npos) fail<format_error>(source, ": JSON holds a zero byte");  // nlohmann takes it for the end
  if (text.starts_with("\xef\xbb\xbf")) fail<format_error>(source, ": JSON opens with a byte order mark");
  try {
    return json::parse(text.begin(), text.end(), strict);
  } catch (json::exception const& bad) {
    fail<format_error>(source, ": bad JSON: ", bad.what());
  }
}

}  // namespace SPEARSTORM_NS::io
