#pragma once
// y = q h, h a running sum of kv that forgets by the gate a.

#include "spearstorm/ops/frame_mask.hpp"
#include "spearstorm/tape/record.hpp"

namespace SPEARSTORM_NS::ops {

/// y = q h, zeros where masked. y may be h.
template <class T>
struct gate_loop_elements {
  T const *q, *h;
  flag const* live;
  T* y;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    bool const kept = !live || live[first / cols];
    Lanes::each(count, [&](auto at) { at.store(y + first, kept ? pack(at.load(q + first) * at.load(h + first)) : pack(T(0))); });
  }
};

/// From dh, the gradient of the state: dq = dy h, dkv = dh, da = dh h_before, zeros where masked.
template <class T>
struct gate_loop_back_elements {
  T const *h, *dh, *dy;
  backend::scan_call call;
  T *dq, *dkv, *da;  // each may be null; dkv may be dh
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index first, index count) const {
    using pack = typename Lanes::pack;
    index const frame = first / call.cols, t = frame % call.frames;
    bool const live = call.is_live(frame), begins = t == (call.reverse ? call.frames - 1 : 0);
    T const* const before = live && !begins ? h + first + (call.reverse ? call.cols : -call.cols) : nullptr;
    Lanes::each(count, [&](auto at) {
      pack const zero(T(0));
      if (da) at.store(da + first, before ? pack(at.load(dh + first) * at.load(before)) : zero);
      if (dq) at.store(dq + first, live ? pack(at.load(dy + first) * at.load(h + first)) : zero);
      if (dkv) at.store(dkv + first, live ? at.load(dh + first) : zero);
    });
  }
};

struct gate_loop_op {
  static constexpr char const* name = "gate_loop";

  template <class T>
  struct saved {
    T const *q, *a, *h;
    backend::scan_call call;
  };

  static auto forward(context_like auto& ctx, auto const& q, auto const& kv, auto const& a, bool reverse, flag const* live) {
    using T = typename std::remove_reference_t<decltype(ctx)>::value_type;
    backend::scan_call const call{.batches = q.extent(0), .frames = q.extent(1), .cols = q.cols(), .reverse = reverse, .live = live};
    T* const y = ctx.template allocate<T>(q.size());
    T* h = y;
    if constexpr (std::remove_reference_t<decltype(ctx)>::is_recording) h = ctx.template allocate<T>(q.size());
    T const* const none = nullptr;
    verbs::scan_rows(ctx.exec(), call, a.data(), kv.data(), none, h);
    verbs::transform<T>(ctx.exec(), q.size(), call.cols, gate_loop_elements<T>{q.data(), h, live, y, call.cols});
    using axes = typename std::remove_cvref_t<decltype(q)>::axes_type;
    return std::pair{ctx.template wrap<axes>(y, q.extents()), saved<T>{q.data(), a.data(), h, call}};
  }

  template <class T>
  static void adjoint(auto& back, saved<T> const& s, T const* dy) {
    auto const& call = s.call;
    index const size = call.batches * call.frames * call.cols;
    T* const dq = back.result(0, size);
    T* const dkv = back.result(1, size);
    T* const da = back.result(2, size);
    T* const inner = back.template scratch<T>(size);  // what each state adds to y
    T* const dh = dkv ? dkv : back.template scratch<T>(size);
    verbs::transform<T>(back.exec(), size, call.cols, gate_loop_elements<T>{s.q, dy, call.live, inner, call.cols});
    auto way_back = call;
    way_back.reverse = !call.reverse;
    way_back.late = true;
    T const* const none = nullptr;
    verbs::scan_rows(back.exec(), way_back, s.a, inner, none, dh);
    verbs::transform<T>(back.exec(), size, call.cols, gate_loop_back_elements<T>{s.h, dh, dy, call, dq, dkv, da});
  }
};

struct gate_loop_options {
  bool reverse = false;  ///< from the last frame to the first
  frame_mask mask = {};  ///< a masked frame hands the state on, and its result is 0
};

namespace detail_gate_loop {
template <class Q, class Other>
void check(Q const& q, Other const& other, std::string_view what) {
  static_assert(Q::rank == 3 && Other::rank == 3, "spearstorm: gate_loop: q, kv and a are (batch, frames, dim)");
  check_size("gate_loop", "q", "batch", q.extent(0), what, other.extent(0));
  check_size("gate_loop", "q", "frames", q.extent(1), what, other.extent(1));
  check_size("gate_loop", "q", "dim", q.cols(), what, other.cols());
}
}  // namespace detail_gate_loop

/// The gates are numbers in 0 ... 1: sigmoids, already taken.
/// @shape q, kv, a (batch, frames, dim)  mask (batch, frames)  returns (batch, frames, dim)
/// @math  h_t = a_t h_t-1 + kv_t,  y_t = q_t h_t;  dh_t = q_t dy_t + a_t+1 dh_t+1,  da_t = dh_t h_t-1,  dkv_t = dh_t,  dq_t = dy_t h_t
/// @cost  one pass over frames, columns in parallel; recording keeps q, a and h
/// @throws shape_error where kv, a or mask does not fit q
/// @see   gateloop_transformer: gate_loop_operator;  Katsch 2023, arXiv 2311.01927
auto gate_loop(context_like auto& ctx, operand auto const& q, operand auto const& kv, operand auto const& a,
               gate_loop_options options = {}) {
  auto const qs = ctx.eval(q);
  auto const kvs = ctx.eval(kv);
  auto const as = ctx.eval(a);
  detail_gate_loop::check(qs, kvs, "kv");
  detail_gate_loop::check(qs, as, "a");
  flag const* live = nullptr;
  if (options.mask) {
    auto const frames = ctx.eval(*options.mask);
    check_size("gate_loop", "q", "batch", qs.extent(0), "mask", frames.extent(0));
    check_size("gate_loop", "q", "frames", qs.extent(1), "mask", frames.extent(1));
    live = frames.data();
  }
  return record<gate_loop_op>(ctx, std::tuple{qs, kvs, as}, options.reverse, live);
}

template <class Y, class State>
struct gate_loop_stepped {
  std::remove_const_t<Y> y;
  std::remove_const_t<State> state;
};

/// The same from a state on, and the state behind the last frame: frames given in parts equal frames given at once.
/// @shape q, kv, a (batch, frames, dim)  state (batch, dim)  returns y (batch, frames, dim) and the new state (batch, dim)
/// @throws shape_error where kv, a or state does not fit q, value_error where there are no frames
auto gate_loop_step(context_like auto& ctx, operand auto const& q, operand auto const& kv, operand auto const& a, auto const& state) {
  using context = std::remove_reference_t<decltype(ctx)>;
  using T = typename context::value_type;
  static_assert(!context::is_recording,
                "spearstorm: gate_loop_step: a state carried from call to call has no gradient; use inference<Exec>");
  auto const qs = ctx.eval(q);
  auto const kvs = ctx.eval(kv);
  auto const as = ctx.eval(a);
  auto const start = ctx.eval(state);
  static_assert(decltype(start)::rank == 2, "spearstorm: gate_loop_step: state is (batch, dim)");
  detail_gate_loop::check(qs, kvs, "kv");
  detail_gate_loop::check(qs, as, "a");
  index const batch = qs.extent(0), frames = qs.extent(1), cols = qs.cols();
  check_size("gate_loop", "q", "batch", batch, "state", start.extent(0));
  check_size("gate_loop", "q", "dim", cols, "state", start.cols());
  if (frames < 1) fail<value_error>("gate_loop: frames = ", frames, ", expected 1 or more");
  T* const h = ctx.template allocate<T>(qs.size());
  T* const last = ctx.template allocate<T>(start.size());
  verbs::scan_rows(ctx.exec(), {.batches = batch, .frames = frames, .cols = cols}, as.data(), kvs.data(), start.data(), h);
  verbs::copy_rows(ctx.exec(), batch, cols, static_cast<T const*>(h) + (frames - 1) * cols, frames * cols, last, cols);
  verbs::transform<T>(ctx.exec(), qs.size(), cols, gate_loop_elements<T>{qs.data(), h, nullptr, h, cols});
  auto const y = ctx.template wrap<typename decltype(qs)::axes_type>(h, qs.extents());
  auto const behind = ctx.template wrap<typename decltype(start)::axes_type>(last, start.extents());
  return gate_loop_stepped<decltype(y), decltype(behind)>{y, behind};
}

}  // namespace SPEARSTORM_NS::ops
