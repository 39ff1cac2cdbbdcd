#pragma once
// What the parts of compare_ours share: a case of compare_cases.json, and who does what. Each part is compiled once for each precision, its
// models once with dynamic sizes.

#include <functional>
#include <map>
#include <memory>

#include "run/random_ids.hpp"
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

using bench_run::random_ids;

}  // namespace compare
