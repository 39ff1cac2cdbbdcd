#pragma once
// What the parts of compare_ours share: a case of compare_cases.json, and who does what. Each part is compiled once for each precision, its
// models once with dynamic sizes.

#include <functional>
#include <map>
#include <memory>

#include "spearstorm/core/random.hpp"
#include "spearstorm/io/json.hpp"
#include "spearstorm/runtime/array.hpp"

namespace compare {

namespace ss = spearstorm;

/// One case: its sizes by the names of the file.
struct sizes_of_case {
  ss::io::json values;
  ss::index operator[](char const* name) const { return values.at(name).get<ss::index>(); }
  ss::index or_else(char const* name, ss::index other) const { return values.contains(name) ? (*this)[name] : other; }
};

/// What a case does again and again; models and memory live in the function.
using work = std::function<void()>;
using maker = work (*)(sizes_of_case const& of, ss::index threads);
using makers = std::map<std::string, maker>;

/// The works of one part by the names of the file, for one precision: compare_soundstorm.cpp, compare_text_to_semantic.cpp, compare_ops.cpp.
template <class Precision>
makers soundstorm_works();
template <class Precision>
makers text_to_semantic_works();
template <class Precision>
makers op_works();
/// Eigen alone, the peer of gemm_f32: compare_eigen.cpp.
makers eigen_works();

/// Fills an array of ids with numbers below `ids`.
template <class Array>
Array random_ids(Array made, ss::index ids, std::uint32_t seed = 0) {
  ss::random_stream const draws{1, 0, seed};
  for (ss::index i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<std::int32_t>(draws.below(static_cast<std::uint32_t>(ids), 0, static_cast<std::uint32_t>(i)));
  return made;
}

}  // namespace compare
