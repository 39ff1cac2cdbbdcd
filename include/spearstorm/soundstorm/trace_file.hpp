#pragma once
// A trace as a safetensors file: one tensor (passes, batch, frames) of each kind, the codes, and the passes' levels and steps.

#include "spearstorm/io/metadata.hpp"
#include "spearstorm/io/safetensors.hpp"
#include "spearstorm/soundstorm/trace.hpp"

namespace SPEARSTORM_NS::soundstorm {

namespace detail {
inline constexpr char const* trace_format = "spearstorm.decode_trace";
inline constexpr index trace_format_version = 1;

/// One field of all passes, one after the other.
template <class T, class Field>
std::vector<T> gathered(decode_trace const& trace, Field const& field) {
  std::vector<T> all;
  for (auto const& pass : trace.passes) {
    auto const& values = field(pass);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}
}  // namespace detail

/// @throws value_error for a trace without passes, io_error where the system refuses
inline void save_trace(std::filesystem::path const& path, decode_trace const& trace) {
  if (trace.passes.empty()) fail<value_error>("save_trace: '", path.string(), "': the trace holds 0 passes, expected 1 or more");
  auto const count = static_cast<index>(trace.passes.size());
  std::vector<index> const each{count, trace.codes.extent(0), trace.codes.extent(1)};
  std::vector<std::int32_t> passes;
  for (auto const& pass : trace.passes)
    for (index of : {pass.level, pass.step, pass.steps}) passes.push_back(static_cast<std::int32_t>(of));
  auto const states = detail::gathered<std::uint8_t>(trace, [](trace_pass const& p) -> auto& { return p.state; });
  auto const ids = detail::gathered<std::int32_t>(trace, [](trace_pass const& p) -> auto& { return p.ids; });
  auto const confidence = detail::gathered<float>(trace, [](trace_pass const& p) -> auto& { return p.confidence; });
  auto const scores = detail::gathered<float>(trace, [](trace_pass const& p) -> auto& { return p.score; });
  io::safetensors_writer file(path);
  file.metadata("format", detail::trace_format)
      .metadata("format_version", io::number_text(detail::trace_format_version))
      .metadata("passes", "level, step, steps")
      .metadata("state", "0 padding, 1 prompt, 2 fixed before, 3 fixed now, 4 masked, 5 masked again");
  file.add("passes", {count, 3}, passes).add("state", each, states).add("ids", each, ids);
  file.add("confidence", each, confidence).add("score", each, scores);
  file.add("codes", {trace.codes.extent(0), trace.codes.extent(1), trace.codes.extent(2)}, trace.codes.values());
  file.commit();
}

/// @throws format_error where the file is no trace, io_error where the system refuses
inline decode_trace load_trace(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  io::metadata_reader(file.metadata(), "load_trace: '" + path.string() + "': ").require(detail::trace_format, detail::trace_format_version);
  auto const& sizes = file.info("codes").shape;
  auto const& each = file.info("state").shape;
  if (sizes.size() != 3 || each.size() != 3 || each[1] != sizes[0] || each[2] != sizes[1])
    fail<format_error>("load_trace: '", path.string(), "': codes of rank ", sizes.size(), " and states of rank ", each.size(),
                       " do not fit, expected (batch, frames, levels) and (passes, batch, frames)");
  decode_trace trace;
  trace.codes = token::code_array({sizes[0], sizes[1], sizes[2]});
  file.read<std::int32_t>("codes", trace.codes.values());
  auto const whole = [&]<class T>(std::type_identity<T>, std::string const& name, index size) {
    std::vector<T> values(static_cast<std::size_t>(size));
    file.read<T>(name, std::span(values));
    return values;
  };
  index const count = each[0], frames = sizes[0] * sizes[1];
  auto const passes = whole(std::type_identity<std::int32_t>{}, "passes", count * 3);
  auto const states = whole(std::type_identity<std::uint8_t>{}, "state", count * frames);
  auto const ids = whole(std::type_identity<std::int32_t>{}, "ids", count * frames);
  auto const confidence = whole(std::type_identity<float>{}, "confidence", count * frames);
  auto const scores = whole(std::type_identity<float>{}, "score", count * frames);
  for (index p = 0; p < count; ++p) {
    auto const part = [&](auto const& all) { return std::vector(all.begin() + p * frames, all.begin() + (p + 1) * frames); };
    auto const of = [&](index field) { return static_cast<index>(passes[static_cast<std::size_t>(p * 3 + field)]); };
    spearstorm::sizes<2> const row{sizes[0], sizes[1]};
    trace.passes.push_back({.level = of(0),
                            .step = of(1),
                            .steps = of(2),
                            .state = {row, part(states)},
                            .ids = {row, part(ids)},
                            .confidence = {row, part(confidence)},
                            .score = {row, part(scores)}});
  }
  return trace;
}

}  // namespace SPEARSTORM_NS::soundstorm
