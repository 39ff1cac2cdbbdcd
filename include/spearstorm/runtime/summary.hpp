#pragma once
// A model on one page: names, shapes, parameters, and what a run costs.

#include <iomanip>
#include <sstream>

#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS {

/// What a dry or counted run told: shown under the table where it is given.
struct run_cost {
  double flops = 0;
  double bytes_high_water = 0;
};

/// A line a parameter, then the totals.
/// @param cost e.g. of a run under shape_only<Exec>; zeros are not shown
template <class Model>
std::string summary(Model const& model, run_cost cost = {}) {
  struct line {
    std::string name, shape;
    index size;
  };
  std::vector<line> lines;
  std::size_t name_width = 4, shape_width = 5;
  index total = 0;
  std::size_t bytes = 0;
  for_each_parameter(model, [&](std::string const& name, auto const& p) {
    using plain = std::remove_cvref_t<decltype(p)>;
    lines.push_back({name, to_string(typename plain::axes_type{}, p.extents()), p.size()});
    name_width = std::max(name_width, name.size());
    shape_width = std::max(shape_width, lines.back().shape.size());
    total += p.size();
    bytes += static_cast<std::size_t>(p.size()) * sizeof(typename plain::value_type);
  });
  std::ostringstream text;
  auto const row = [&](std::string const& name, std::string const& shape, std::string const& size) {
    text << std::left << std::setw(static_cast<int>(name_width) + 2) << name << std::setw(static_cast<int>(shape_width) + 2) << shape
         << std::right << std::setw(12) << size << '\n';
  };
  row("name", "shape", "parameters");
  for (auto const& l : lines) row(l.name, l.shape, std::to_string(l.size));
  row("total", std::to_string(lines.size()) + " tensors", std::to_string(total));
  text << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / 1e6 << " MB of parameters\n";
  if (cost.flops > 0) text << cost.flops / 1e9 << " GFLOP in matrix products of a run\n";
  if (cost.bytes_high_water > 0) text << cost.bytes_high_water / 1e6 << " MB of values at most during a run\n";
  return text.str();
}

}  // namespace SPEARSTORM_NS
