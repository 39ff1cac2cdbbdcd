// expect-error: spearstorm: a part of a model needs `static void visit(auto& self, auto&& each)` that names its members
#include "spearstorm/backend/scalar.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace ss = spearstorm;

struct part {
  ss::parameter<ss::cpu::scalar<>, ss::axes::dim<>> weight;
};

auto wrong(part const& p) { return ss::parameter_count(p); }
