#pragma once
// What the parts of compare_ours share: a case of compare_cases.json, and who times what. Models are compiled once, with dynamic sizes.

#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/bench/timer.hpp"
#include "spearstorm/io/json.hpp"
#include "spearstorm/runtime/array.hpp"
#include "spearstorm/runtime/workspace.hpp"

namespace compare {

namespace ss = spearstorm;
using exec = ss::cpu::simd<>;

/// One case: its sizes by the names of the file.
struct sizes_of_case {
  ss::io::json values;
  ss::index operator[](char const* name) const { return values.at(name).get<ss::index>(); }
  ss::index or_else(char const* name, ss::index other) const { return values.contains(name) ? (*this)[name] : other; }
};

/// Fills an array of ids with numbers below `ids`.
template <class Array>
Array random_ids(Array made, ss::index ids, std::uint32_t seed = 0) {
  ss::random_stream const draws{1, 0, seed};
  for (ss::index i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<std::int32_t>(draws.below(static_cast<std::uint32_t>(ids), 0, static_cast<std::uint32_t>(i)));
  return made;
}

// compare_text_to_semantic.cpp
ss::bench::timing text_to_semantic_generate(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options);
ss::bench::timing text_to_semantic_train(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options);

}  // namespace compare
