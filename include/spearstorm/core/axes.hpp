#pragma once
// Named axes. An axis is a type that carries a name and a size, static or `dynamic`: `dim<512>`, `frames<>`.

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "spearstorm/core/config.hpp"

/// Declares an axis of the given name; users declare their own the same way, in any namespace.
#define SPEARSTORM_AXIS(NAME)                              \
  template <::spearstorm::index N = ::spearstorm::dynamic> \
  struct NAME {                                            \
    static constexpr ::spearstorm::index extent = N;       \
    static constexpr std::string_view name = #NAME;        \
    template <::spearstorm::index M>                       \
    using resized = NAME<M>;                               \
  }

namespace SPEARSTORM_NS {

namespace axes {
SPEARSTORM_AXIS(batch);    // examples
SPEARSTORM_AXIS(frames);   // time steps of codec or encoder
SPEARSTORM_AXIS(levels);   // quantizers of the codec, coarse to fine
SPEARSTORM_AXIS(dim);      // features
SPEARSTORM_AXIS(vocab);    // codes of a codebook, ids of a vocabulary
SPEARSTORM_AXIS(rows);     // chosen positions, flattened
SPEARSTORM_AXIS(heads);    // attention heads
SPEARSTORM_AXIS(in);       // a weight's input features
SPEARSTORM_AXIS(out);      // a weight's output features
SPEARSTORM_AXIS(kernel);   // taps of a convolution
SPEARSTORM_AXIS(buckets);  // relative positions of T5
SPEARSTORM_AXIS(samples);  // audio samples
SPEARSTORM_AXIS(bins);     // frequencies of a spectrum, bands of a mel spectrum
}  // namespace axes

template <class A>
concept axis_type = requires {
  { A::extent } -> std::convertible_to<index>;
  { A::name } -> std::convertible_to<std::string_view>;
  typename A::template resized<dynamic>;
};

/// Same name, whatever the sizes.
template <class A, class B>
concept same_axis = std::same_as<typename A::template resized<dynamic>, typename B::template resized<dynamic>>;

/// Same name, and sizes that do not contradict each other at compile time.
template <class Given, class Wanted>
concept axis_fits = same_axis<Given, Wanted> && (Given::extent == dynamic || Wanted::extent == dynamic || Given::extent == Wanted::extent);

template <class... Axes>
struct axis_list {
  static constexpr index rank = sizeof...(Axes);
};

namespace detail {
template <class Given, class Wanted>
inline constexpr bool axes_fit = false;
template <class... G, class... W>
  requires(sizeof...(G) == sizeof...(W))
inline constexpr bool axes_fit<axis_list<G...>, axis_list<W...>> = (axis_fits<G, W> && ...);

template <class List>
struct last_axis {};
template <class A>
struct last_axis<axis_list<A>> {
  using type = A;
};
template <class A, class B, class... Rest>
struct last_axis<axis_list<A, B, Rest...>> : last_axis<axis_list<B, Rest...>> {};

template <class List, class Last>
struct replace_last {};
template <class Old, class Last>
struct replace_last<axis_list<Old>, Last> {
  using type = axis_list<Last>;
};
template <class A, class B, class... Rest, class Last>
struct replace_last<axis_list<A, B, Rest...>, Last> {
  template <class... Tail>
  static axis_list<A, Tail...> prepend(axis_list<Tail...>);
  using type = decltype(prepend(typename replace_last<axis_list<B, Rest...>, Last>::type{}));
};
}  // namespace detail

template <class Given, class Wanted>
concept axes_fit = detail::axes_fit<Given, Wanted>;

template <class List>
using last_axis = typename detail::last_axis<List>::type;

template <class List, class Last>
using replace_last = typename detail::replace_last<List, Last>::type;

/// The run-time sizes of a list of axes.
template <index Rank>
using sizes = std::array<index, static_cast<std::size_t>(Rank)>;

template <std::size_t Rank>
constexpr index product(std::array<index, Rank> const& of) {
  index n = 1;
  for (index size : of) n *= size;
  return n;
}

/// `(batch = 2, frames = 7, dim = 16)`
template <class... Axes>
std::string to_string(axis_list<Axes...>, sizes<sizeof...(Axes)> const& of) {
  std::string text = "(";
  std::size_t at = 0;
  (((text += (at == 0 ? "" : ", ")), (text += Axes::name), (text += " = "), (text += of[at] == dynamic ? "?" : std::to_string(of[at])),
    ++at),
   ...);
  return text + ")";
}

}  // namespace SPEARSTORM_NS
