// expect-error: spearstorm: what the tape keeps must not need a destructor
#include <vector>

#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/tape/record.hpp"

namespace ss = spearstorm;
using exec = ss::cpu::scalar<>;

struct op {
  static constexpr char const* name = "op";
  static auto forward(auto&, auto const& x) { return std::pair{x, std::vector<float>{}}; }
  static void adjoint(auto&, std::vector<float> const&, float const*) {}
};

auto wrong(ss::recording<exec>& ctx, ss::tensor<float, ss::axes::dim<>> const& x) { return ss::record<op>(ctx, std::tuple{x}); }
