#pragma once
// One walk over a model's parts serves saving, loading, counting, clipping and stepping. A part names its members once:
//
//   static void visit(auto& self, auto&& each) { each("norm", self.norm); each("out", self.out); }

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spearstorm/runtime/parameter.hpp"

namespace SPEARSTORM_NS {

namespace detail {
struct ignore_member {
  void operator()(std::string_view, auto&) const {}
};
template <class X>
inline constexpr bool is_vector = false;
template <class X>
inline constexpr bool is_vector<std::vector<X>> = true;
template <class X>
inline constexpr bool is_optional = false;
template <class X>
inline constexpr bool is_optional<std::optional<X>> = true;
}  // namespace detail

/// A record whose `visit` names its members.
template <class X>
concept visitable = requires(X& x) { std::remove_cvref_t<X>::visit(x, detail::ignore_member{}); };

/// Calls f(path, parameter) for each parameter in visit order; paths join names with dots, vectors count from 0.
template <class X, class F>
void for_each_parameter(X& x, F&& f, std::string const& path = {}) {
  using plain = std::remove_cvref_t<X>;
  auto const below = [&](std::string_view name) { return path.empty() ? std::string(name) : path + "." + std::string(name); };
  if constexpr (is_parameter<plain>) {
    f(path, x);
  } else if constexpr (detail::is_vector<plain>) {
    for (std::size_t i = 0; i < x.size(); ++i) for_each_parameter(x[i], f, below(std::to_string(i)));
  } else if constexpr (detail::is_optional<plain>) {
    if (x) for_each_parameter(*x, f, path);
  } else {
    static_assert(visitable<plain>,
                  "spearstorm: a part of a model needs `static void visit(auto& self, auto&& each)` that names its members");
    if constexpr (visitable<plain>)
      plain::visit(x, [&](std::string_view name, auto& member) { for_each_parameter(member, f, below(name)); });
  }
}

/// How many numbers a model learns.
template <class X>
index parameter_count(X const& model) {
  index count = 0;
  for_each_parameter(model, [&](std::string const&, auto const& p) { count += p.size(); });
  return count;
}

/// Freezes or frees all parameters of a part: `set_trainable_(model.source_transformer, false)`.
template <class X>
void set_trainable_(X& part, bool trainable) {
  for_each_parameter(part, [&](std::string const&, auto& p) { p.set_trainable_(trainable); });
}

}  // namespace SPEARSTORM_NS
