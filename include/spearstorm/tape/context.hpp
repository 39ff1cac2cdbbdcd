#pragma once
// The context that every layer is called with: where values are stored and, if its type says so, what is recorded.
//
//   inference<Exec> ctx{work};     stores values, instantiates no tape code
//   recording<Exec> ctx{work};     stores values and records; ctx.gradients(loss) walks back
//
// Contexts nest last in, first out; a second root on a busy workspace throws. What a user keeps beyond a context is an array.

#include <optional>

#include "spearstorm/expr/expand.hpp"
#include "spearstorm/expr/operators.hpp"
#include "spearstorm/expr/program.hpp"
#include "spearstorm/tape/sweep.hpp"

namespace SPEARSTORM_NS {

struct context_options {
  bool stochastic = false;          ///< dropout acts; gradient checks and comparisons leave it off
  std::uint32_t first_example = 0;  ///< the global index of the batch's first example, for data parallel runs
};

template <execution_policy Exec, bool Recording>
class basic_context;
template <execution_policy Exec>
using inference = basic_context<Exec, false>;
template <execution_policy Exec>
using recording = basic_context<Exec, true>;

template <class C>
inline constexpr bool is_context = false;
template <class Exec, bool Recording>
inline constexpr bool is_context<basic_context<Exec, Recording>> = true;

/// Any context of a policy: `context<Exec> auto& ctx`.
template <class C, class Exec>
concept context = is_context<C> && std::same_as<typename C::exec_type, Exec>;
/// Any context.
template <class C>
concept context_like = is_context<C>;

/// The gradients of one loss: of parameters by `of(parameter)`, of leaves by `of(tensor)`. Valid while the context lives.
template <execution_policy Exec>
class gradient_set : public gradient_table<Exec> {
 public:
  using typename gradient_table<Exec>::value_type;
  using gradient_table<Exec>::of;

  /// The gradient of a tensor made by `ctx.leaf`.
  /// @throws value_error where the loss does not depend on the leaf
  template <class T, axis_type... Axes>
  tensor<T, Axes...> of(tensor<T, Axes...> const& leaf) const {
    auto const at = leaves_.find(leaf.node());
    if (at == leaves_.end()) fail<value_error>("gradients: the loss does not depend on this tensor, or it is no leaf of the context");
    return {at->second, leaf.extents(), leaf.serial()};
  }

 private:
  template <execution_policy, bool>
  friend class basic_context;
  std::unordered_map<std::uint32_t, value_type*> leaves_;
};

template <execution_policy Exec, bool Recording>
class basic_context {
 public:
  using exec_type = Exec;
  using value_type = typename Exec::value_type;
  using memory = typename Exec::memory;
  static constexpr bool is_recording = Recording;

  /// A root context: begins a step of the workspace.
  /// @throws context_error where a context of this workspace is open already
  explicit basic_context(workspace<Exec>& work, context_options options = {}) : work_(&work), options_(options) {
    if (work.busy())
      fail<context_error>("context: the workspace has an open context; nest with ctx.no_record(), or use a second workspace");
    step_ = work.begin_step();
    open();
  }
  /// A child of the same step, e.g. for sampling inside a training step; its tensors end with it.
  template <bool Other>
  basic_context(basic_context<Exec, Other>& parent, std::uint32_t draws)
      : work_(&parent.work()), options_(parent.options()), step_(parent.step()), draws_(draws), root_(false) {
    parent.require_innermost();
    open();
  }
  basic_context(basic_context const&) = delete;
  basic_context& operator=(basic_context const&) = delete;
  ~basic_context() {
    if (!work_->close(serial_)) return;  // outlived its parent, whose end has taken its memory
    work_->values().rewind(values_mark_);
    work_->closures().rewind(closures_mark_);
    if (root_) {
      work_->values().coalesce();
      work_->closures().coalesce();
    }
  }

  workspace<Exec>& work() { return *work_; }
  Exec& exec() { return work_->exec(); }
  context_options const& options() const { return options_; }
  std::uint32_t step() const { return step_; }

  /// A child context that records nothing.
  inference<Exec> no_record() { return inference<Exec>(*this, next_draw()); }

  // -- values in and out

  /// The only way in: host values, copied. Floating values become the policy's value_type.
  template <class T, axis_type... Axes>
  auto upload(array<T, Axes...> const& host) {
    if constexpr (std::is_floating_point_v<T> && !std::is_same_v<T, value_type>) {
      array<value_type, Axes...> converted(host.extents());
      std::transform(host.begin(), host.end(), converted.begin(), [](T x) { return static_cast<value_type>(x); });
      return upload(converted);
    } else {
      if constexpr (verbs::counting<Exec>) ++exec().counts->uploads;
      T* const to = allocate<T>(host.size());
      memory::copy_in(to, host.data(), host.values().size_bytes());
      return tensor<T, Axes...>(to, host.extents(), current_serial());
    }
  }
  /// A tensor or expression as an array on the host.
  auto download(expression_like auto const& x) {
    auto const stored = eval(x);
    return to_array(stored);
  }
  /// The value of a tensor with one element.
  double item(expression_like auto const& x) {
    auto const host = download(x);
    check_size("item", "the tensor", "size", host.size(), "a number", 1);
    return static_cast<double>(host.data()[0]);
  }

  /// A parameter as a tensor of this context; a constant where it is frozen.
  template <axis_type... Axes>
  tensor<value_type, Axes...> use(parameter<Exec, Axes...> const& p) {
    std::uint32_t node = 0;
    if constexpr (Recording) {
      if (p.trainable()) node = tape_.node_of_parameter(p.id(), p.size());
    } else if constexpr (sizeof...(Axes) >= 2 && requires { exec().packs.note(p.data(), p.size(), p.id(), p.version(), p.life()); }) {
      exec().packs.note(p.data(), p.size(), p.id(), p.version(), p.life());  // a product may keep a matrix in the form that it reads
    }
    return {p.data(), p.extents(), current_serial(), node};
  }
  template <axis_type... Axes>
  tensor<value_type, Axes...> eval(parameter<Exec, Axes...> const& p) {
    return use(p);
  }

  /// The same values as a tensor whose gradient can be asked for.
  auto leaf(tensor_like auto const& x) {
    static_assert(Recording, "spearstorm: leaf: only a recording context has gradients");
    auto const y = eval(x);
    return with_node(y, tape_.new_node(y.size()));
  }

  // -- storing

  /// The only way to store an expression: one fused loop and, when recording, one tape entry. A tensor is passed through,
  /// checked for its context: one of another live context of this workspace becomes a constant.
  /// @throws stale_tensor, shape_error
  template <class T, axis_type... Axes>
  tensor<T, Axes...> eval(tensor<T, Axes...> const& x) {
    index const place = work_->position(x.serial());
    if (place < 0)
      fail<stale_tensor>(
          "eval: the tensor's context or frame has ended, or it belongs to another workspace; keep it with frame.keep or as an array");
    return place >= place_ ? x : tensor<T, Axes...>(x.data(), x.extents(), x.serial());
  }
  template <class E>
    requires(!tensor_like<E> && requires { typename E::expression_tag; })
  auto eval(E const& e);

  // -- for ops

  /// @throws context_error where a child context is open: contexts nest last in, first out
  void require_innermost() const {
    if (!work_->is_innermost(current_serial())) fail<context_error>("context: a child context of it is still open, or it has ended");
  }
  template <class T>
  T* allocate(index n) {
    require_innermost();
    return static_cast<T*>(work_->values().allocate(static_cast<std::size_t>(std::max<index>(n, 0)) * sizeof(T)));
  }
  /// A fresh tensor around memory of this context.
  template <class List, class T>
  tensor_with<T, List> wrap(T const* data, sizes<List::rank> const& extents, std::uint32_t node = 0) {
    return {data, extents, current_serial(), node};
  }
  /// Memory that lasts until the guard ends: allocate what outlives it before.
  class scratch_guard {
   public:
    explicit scratch_guard(basic_context& ctx) : work_(ctx.work_), mark_(work_->values().here()) {}
    scratch_guard(scratch_guard const&) = delete;
    ~scratch_guard() { work_->values().rewind(mark_); }

   private:
    workspace<Exec>* work_;
    typename arena<memory>::mark mark_;
  };
  scratch_guard scratch() { return scratch_guard(*this); }

  /// The random stream of one op: by name and by the number of streams drawn in this context before.
  random_stream stream(std::string_view name) { return {work_->random().seed, step_, stream_id(name, next_draw())}; }
  /// How far the streams have been drawn: a block that is run again starts from the same place.
  std::uint32_t draws() const { return draws_; }
  void continue_draws(std::uint32_t from) { draws_ = from; }

  tape<Exec>& recorded() {
    static_assert(Recording);
    return tape_;
  }
  /// The same values under another node; values of a parent context become this context's, or eval would drop the node.
  template <class T, axis_type... Axes>
  tensor<T, Axes...> with_node(tensor<T, Axes...> const& x, std::uint32_t node) {
    return {x.data(), x.extents(), work_->position(x.serial()) < place_ ? serial_ : x.serial(), node};
  }
  /// Keeps a closure as long as the tape.
  template <class Closure>
  Closure const* keep(Closure const& closure) {
    static_assert(std::is_trivially_destructible_v<Closure>, "spearstorm: what the tape keeps must not need a destructor");
    return new (work_->closures().allocate(sizeof(Closure))) Closure(closure);
  }

  // -- frames

  /// Temporaries end with the frame; `return f.keep(y)` moves the result down to its start. Recording, nothing is rewound.
  class frame_guard {
   public:
    explicit frame_guard(basic_context& ctx, bool wanted = true)
        : ctx_(&ctx),
          outer_(ctx.current_serial()),
          serial_(wanted ? ctx.work_->open() : outer_),
          mark_(ctx.work_->values().here()),
          wanted_(wanted) {
      ctx_->frame_ = serial_;
    }
    frame_guard(frame_guard const&) = delete;
    ~frame_guard() { end(); }

    /// @throws context_error where a frame inside this one is open, or this one has kept a tensor already
    template <class T, axis_type... Axes>
    tensor<T, Axes...> keep(tensor<T, Axes...> const& x) {
      if (!wanted_) return ctx_->eval(x);
      if (ctx_->frame_ != serial_) fail<context_error>("frame: keep ends the frame, so it is called once and innermost frame first");
      ctx_->require_innermost();
      auto const y = ctx_->eval(x);
      end();
      if constexpr (Recording) {
        return {y.data(), y.extents(), outer_, y.node()};
      } else {
        auto const bytes = static_cast<std::size_t>(y.size()) * sizeof(T);
        void* const to = ctx_->work_->values().allocate(bytes);
        memory::move(to, y.data(), bytes);
        return {static_cast<T const*>(to), y.extents(), outer_};
      }
    }

   private:
    void end() {
      if (!wanted_ || ctx_->frame_ != serial_) return;
      ctx_->work_->close(serial_);
      ctx_->frame_ = outer_;
      if constexpr (!Recording) ctx_->work_->values().rewind(mark_);
    }
    basic_context* ctx_;
    std::uint32_t outer_, serial_;
    typename arena<memory>::mark mark_;
    bool wanted_;
  };
  frame_guard frame() { return frame_guard(*this); }
  /// A frame, or nothing at all: for a block of which more than its result may have to outlive it.
  frame_guard frame_if(bool wanted) { return frame_guard(*this, wanted); }

  // -- the way back

  /// Gradients of a loss with one element, for every parameter it depends on and every leaf; they live in this context.
  /// @throws value_error where the loss has more elements than one or depends on nothing that was recorded
  gradient_set<Exec> gradients(tensor_like auto const& loss);

  /// The same into a table that the caller owns, on top of what is written there; its parameters are the wanted ones.
  void gradients(tensor_like auto const& loss, gradient_table<Exec>& into) {
    auto back = begin_sweep(loss, into);
    run_sweep(back, loss);
  }

 private:
  void open() {
    values_mark_ = work_->values().here();
    closures_mark_ = work_->closures().here();
    serial_ = frame_ = work_->open();
    place_ = work_->position(serial_);
  }
  std::uint32_t current_serial() const { return frame_; }
  std::uint32_t next_draw() { return stream_id("draw", ++draws_); }

  template <class T, axis_type... Axes>
  array<T, Axes...> to_array(tensor<T, Axes...> const& x) {
    if constexpr (verbs::counting<Exec>) ++exec().counts->downloads;
    array<T, Axes...> host(x.extents());
    memory::copy_out(host.data(), x.data(), host.values().size_bytes());
    return host;
  }
  sweep<Exec> begin_sweep(tensor_like auto const& loss, gradient_table<Exec>& into) {
    static_assert(Recording, "spearstorm: gradients: only a recording context has gradients");
    auto const y = eval(loss);
    check_size("gradients", "the loss", "size", y.size(), "a scalar", 1);
    if (y.node() == 0) fail<value_error>("gradients: the loss depends on no parameter or leaf of this context");
    return sweep<Exec>(*work_, tape_, into);
  }
  void run_sweep(sweep<Exec>& back, tensor_like auto const& loss) {
    auto* const one = back.template scratch<value_type>(1);
    verbs::fill(exec(), one, 1, value_type{1});
    back.run(loss.node(), one, 1);
  }

  struct nothing {};
  workspace<Exec>* work_;
  context_options options_;
  std::uint32_t step_ = 0, serial_ = 0, frame_ = 0, draws_ = 0;
  index place_ = 0;
  bool root_ = true;
  typename arena<memory>::mark values_mark_;
  arena<host_memory>::mark closures_mark_;
  [[no_unique_address]] std::conditional_t<Recording, tape<Exec>, nothing> tape_;
};

template <execution_policy Exec, bool Recording>
gradient_set<Exec> basic_context<Exec, Recording>::gradients(tensor_like auto const& loss) {
  static_assert(Recording, "spearstorm: gradients: only a recording context has gradients");
  gradient_set<Exec> made;
  index total = 0;
  for (auto const& p : tape_.parameters()) total += tape_.size_of(p.node);
  auto* at = allocate<value_type>(total);
  for (auto const& p : tape_.parameters()) {
    made.add(p.id, at, tape_.size_of(p.node));
    at += tape_.size_of(p.node);
  }
  auto back = begin_sweep(loss, made);
  run_sweep(back, loss);
  for (std::uint32_t node = 1; node < tape_.nodes(); ++node)
    if (auto* const reached = back.reached(node)) made.leaves_.emplace(node, reached);
  return made;
}

}  // namespace SPEARSTORM_NS

#include "spearstorm/tape/eval.hpp"
