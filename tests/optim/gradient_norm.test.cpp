#include "spearstorm/optim/gradient_norm.hpp"

#include <limits>

#include "check_op.hpp"
#include "far_memory.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/gradient_slab.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// Parameters below, at and above the length of a chunk, and an empty one.
template <class Exec>
struct uneven {
  std::vector<ss::parameter<Exec, dim<>>> all;
  explicit uneven(ss::workspace<Exec>& work) {
    for (ss::index size : {3, 0, 4096, 1, 4097, 10000, 4095}) all.push_back({work, {size}, ss::initialiser::normal(1)});
  }
  static void visit(auto& self, auto&& each) { each("all", self.all); }
};

/// The numbers that a slab is filled with, on the host.
template <class Exec>
std::vector<double> fill(ss::optim::gradient_slab<Exec>& slab) {
  using T = typename Exec::param_type;
  std::vector<T> values;
  for (ss::index i = 0; i < slab.size(); ++i) values.push_back(static_cast<T>(static_cast<double>(i * 7919 % 1000) * 1e-3 - 0.4));
  Exec::memory::copy_in(slab.data(), values.data(), values.size() * sizeof(T));
  for (auto& place : slab.places()) place.written = true;
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("optim/gradient_norm: over spans of all lengths, on every policy, as the host and as a device sums it") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(policy);
    ss::workspace<Exec> work;
    uneven<Exec> const model(work);
    ss::optim::gradient_slab<Exec> slab(model);
    auto const values = fill(slab);
    double square = 0;
    for (double g : values) square += g * g;
    auto const used = work.values().in_use();
    CHECK(ss::optim::gradient_norm(work, slab) == Approx(std::sqrt(square)).epsilon(1e-5));
    CHECK(ss::optim::detail::square_sum<Exec>{}.enqueue_and_wait(work, slab) == Approx(square).epsilon(1e-5));
    CHECK(work.values().in_use() == used);

    slab.places()[5].written = false;  // what no loss reached does not count
    for (std::size_t i = 8197; i < 18197; ++i) square -= values[i] * values[i];
    CHECK(ss::optim::gradient_norm(work, slab) == Approx(std::sqrt(square)).epsilon(1e-5));
    slab.clear_();
    CHECK(ss::optim::gradient_norm(work, slab) == 0.0);
  });
}

TEST_CASE("optim/gradient_norm: one number that is not finite makes the norm so, wherever it stands") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const*) {
    ss::workspace<Exec> work;
    uneven<Exec> const model(work);
    ss::optim::gradient_slab<Exec> slab(model);
    for (ss::index at : {ss::index{0}, ss::index{4098}, ss::index{4099}, slab.size() - 1}) {
      fill(slab);
      auto const nan = std::numeric_limits<float>::quiet_NaN();
      Exec::memory::copy_in(slab.data() + at, &nan, sizeof nan);
      CHECK(std::isnan(ss::optim::gradient_norm(work, slab)));
    }
  });
}

TEST_CASE("optim/adamw: a step is two verbs and one copy to the host, however many parameters there are") {
  using exec = ss::shape_only<ss::cpu::scalar<ss::f32>>;
  ss::workspace<exec> work;
  uneven<exec> model(work);
  ss::optim::gradient_slab<exec> slab(model);
  fill(slab);
  ss::optim::adamw<exec> adam;
  *work.exec().counts = {};
  CHECK(adam.step_(work, model, slab) == 0.0);
  CHECK(work.exec().counts->calls == 2);
  CHECK(work.exec().counts->downloads == 1);
  CHECK(work.exec().counts->uploads == 2);  // of where parameters and gradients lie

  auto const uploads = [&](std::vector<std::size_t> const& left_out) {
    fill(slab);
    for (std::size_t place : left_out) slab.places()[place].written = false;
    *work.exec().counts = {};
    adam.step_(work, model, slab);
    return work.exec().counts->uploads;
  };
  CHECK(uploads({}) == 0);
  CHECK(uploads({5}) == 2);
  CHECK(uploads({}) == 0);  // what was there before is still there
  CHECK(uploads({5}) == 0);
  for (std::size_t other : {0u, 2u, 3u}) CHECK(uploads({other}) == 2);
  CHECK(uploads({5}) == 0);
  CHECK(uploads({}) == 2);  // four tables are kept, the one asked for longest ago made room
}

TEST_CASE("optim/adamw: on a device a step is begun without a wait, and one small copy tells what became of it") {
  using exec = ss::counted<far_device>;
  ss::workspace<exec> work;
  uneven<exec> model(work);
  ss::optim::gradient_slab<exec> slab(model);
  auto const values = fill(slab);
  double square = 0;
  for (double g : values) square += g * g;
  ss::optim::adamw<exec> adam;
  adam.step_(work, model, slab);
  auto const in = far_memory::in, out = far_memory::out;
  *work.exec().counts = {};
  adam.enqueue_(work, model, slab);
  CHECK(work.exec().counts->calls == 4);  // sums of chunks, their sum, what follows from it, the step
  CHECK(far_memory::in == in);
  CHECK(far_memory::out == out);
  CHECK(adam.settle_(work).norm == Approx(std::sqrt(square)).epsilon(1e-5));
  adam.settle_(work);
  CHECK(far_memory::in == in);
  CHECK(far_memory::out - out == traffic{1, sizeof(ss::optim::detail::step_state)});
  CHECK(work.exec().counts->downloads == 1);
  CHECK(work.exec().counts->uploads == 0);
}

TEST_CASE("optim/adamw: one kernel for all parameters does to each number what its formula says, the same bits on any number of threads") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(policy);
    std::vector<float> first;
    for (ss::index threads : {1, 3}) {
      ss::workspace<Exec> work{{.threads = threads}};
      uneven<Exec> model(work);
      std::vector<float> before, after;
      for (auto const& p : model.all)
        for (float x : p.to_host()) before.push_back(x);
      ss::optim::gradient_slab<Exec> slab(model);
      auto const g = fill(slab);
      slab.places()[5].written = false;
      ss::optim::adamw<Exec> adam{{.rate = 0.1, .max_grad_norm = 0}};
      auto const version = model.all[4].version(), untouched = model.all[5].version();
      double const norm = adam.step_(work, model, slab);
      CHECK(norm == ss::optim::gradient_norm(work, slab));
      CHECK(model.all[4].version() == version + 1);
      CHECK(model.all[5].version() == untouched);
      for (auto const& p : model.all)
        for (float x : p.to_host()) after.push_back(x);
      bool right = true;
      for (std::size_t i = 0; i < after.size(); ++i) {
        bool const moved = i < 8197 || i >= 18197;  // the first step is the rate against the gradient's sign
        double const step = moved ? 0.1 * g[i] / (std::fabs(g[i]) + 1e-8) : 0;
        right = right && std::fabs(static_cast<double>(after[i]) - (static_cast<double>(before[i]) - step)) < 1e-5;
      }
      CHECK(right);
      if (threads == 1) first = after;
      CHECK(after == first);
    }
  });
}
