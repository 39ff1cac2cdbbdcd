#pragma once
// Element-wise functions: `value` beside `partial`. One source serves a float, a SIMD batch and a device thread, so the
// mathematics is written in unqualified calls and lookup chooses.
//
//   unary    value(x)        partial(x, y)           dy/dx at x, where y = value(x)
//   n-ary    value(a, b..)   partial<I>(a, b.., y)   the derivative by argument I

#include "spearstorm/core/math.hpp"

namespace SPEARSTORM_NS::functors {

struct add {
  template <class T> SPEARSTORM_HD static T value(T a, T b) { return a + b; }
  template <index I, class T> SPEARSTORM_HD static T partial(T, T, T) { return T(1); }
};
struct subtract {
  template <class T> SPEARSTORM_HD static T value(T a, T b) { return a - b; }
  template <index I, class T> SPEARSTORM_HD static T partial(T, T, T) { return I == 0 ? T(1) : T(-1); }
};
struct multiply {
  template <class T> SPEARSTORM_HD static T value(T a, T b) { return a * b; }
  template <index I, class T> SPEARSTORM_HD static T partial(T a, T b, T) { return I == 0 ? b : a; }
};
struct divide {
  template <class T> SPEARSTORM_HD static T value(T a, T b) { return a / b; }
  template <index I, class T> SPEARSTORM_HD static T partial(T, T b, T y) { return I == 0 ? T(1) / b : -y / b; }
};
/// The larger; where both are equal the gradient goes to the first.
struct maximum {
  template <class T> SPEARSTORM_HD static T value(T a, T b) { return max(a, b); }
  template <index I, class T> SPEARSTORM_HD static T partial(T a, T b, T) { return select(a >= b, T(I == 0), T(I == 1)); }
};
struct minimum {
  template <class T> SPEARSTORM_HD static T value(T a, T b) { return min(a, b); }
  template <index I, class T> SPEARSTORM_HD static T partial(T a, T b, T) { return select(a <= b, T(I == 0), T(I == 1)); }
};
/// a where the mask is not zero, else b.
struct where {
  template <class T> SPEARSTORM_HD static T value(T mask, T a, T b) { return select(mask != T(0), a, b); }
  template <index I, class T> SPEARSTORM_HD static T partial(T mask, T, T, T) {
    return I == 0 ? T(0) : select(mask != T(0), T(I == 1), T(I == 2));
  }
};

struct negate {
  template <class T> SPEARSTORM_HD static T value(T x) { return -x; }
  template <class T> SPEARSTORM_HD static T partial(T, T) { return T(-1); }
};
struct exp_of {
  template <class T> SPEARSTORM_HD static T value(T x) { return exp(x); }
  template <class T> SPEARSTORM_HD static T partial(T, T y) { return y; }
};
struct log_of {
  template <class T> SPEARSTORM_HD static T value(T x) { return log(x); }
  template <class T> SPEARSTORM_HD static T partial(T x, T) { return T(1) / x; }
};
struct sqrt_of {
  template <class T> SPEARSTORM_HD static T value(T x) { return sqrt(x); }
  template <class T> SPEARSTORM_HD static T partial(T, T y) { return T(0.5) / y; }
};
struct square {
  template <class T> SPEARSTORM_HD static T value(T x) { return x * x; }
  template <class T> SPEARSTORM_HD static T partial(T x, T) { return x + x; }
};
/// |x|; the gradient at 0 is 0.
struct magnitude {
  template <class T> SPEARSTORM_HD static T value(T x) { return abs(x); }
  template <class T> SPEARSTORM_HD static T partial(T x, T) { return select(x > T(0), T(1), select(x < T(0), T(-1), T(0))); }
};
struct tanh_of {
  template <class T> SPEARSTORM_HD static T value(T x) { return tanh(x); }
  template <class T> SPEARSTORM_HD static T partial(T, T y) { return T(1) - y * y; }
};
struct sigmoid {
  template <class T> SPEARSTORM_HD static T value(T x) { return T(1) / (T(1) + exp(-x)); }
  template <class T> SPEARSTORM_HD static T partial(T, T y) { return y * (T(1) - y); }
};
/// x * sigmoid(x), the Swish of the conformer.
struct silu {
  template <class T> SPEARSTORM_HD static T value(T x) { return x / (T(1) + exp(-x)); }
  template <class T> SPEARSTORM_HD static T partial(T x, T y) {
    T const s = sigmoid::value(x);
    return s + y * (T(1) - s);
  }
};
struct relu {
  template <class T> SPEARSTORM_HD static T value(T x) { return max(x, T(0)); }
  template <class T> SPEARSTORM_HD static T partial(T x, T) { return select(x > T(0), T(1), T(0)); }
};
/// The exact Gaussian error linear unit, x * Phi(x).
struct gelu {
  template <class T> SPEARSTORM_HD static T value(T x) { return T(0.5) * x * (T(1) + erf(x * T(0.70710678118654752))); }
  template <class T> SPEARSTORM_HD static T partial(T x, T) {
    return T(0.5) * (T(1) + erf(x * T(0.70710678118654752))) + x * T(0.39894228040143268) * exp(T(-0.5) * x * x);
  }
};
/// x, or slope * x where x is negative.
struct leaky_relu {
  double slope = 0.1;
  template <class T> SPEARSTORM_HD T value(T x) const { return select(x > T(0), x, x * T(slope)); }
  template <class T> SPEARSTORM_HD T partial(T x, T) const { return select(x > T(0), T(1), T(slope)); }
};
/// x kept inside [low, high]; no gradient outside.
struct clamp {
  double low, high;
  template <class T> SPEARSTORM_HD T value(T x) const { return min(max(x, T(low)), T(high)); }
  template <class T> SPEARSTORM_HD T partial(T x, T) const { return select((x >= T(low)) & (x <= T(high)), T(1), T(0)); }
};

}  // namespace SPEARSTORM_NS::functors
