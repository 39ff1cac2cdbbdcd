#include "spearstorm/optim/adamw.hpp"

#include <limits>

#include "check_op.hpp"
#include "golden.hpp"
#include "spearstorm/nn/linear.hpp"
#include "spearstorm/optim/gradient_slab.hpp"

using namespace test;
using namespace ss::axes;

namespace {

/// Two parameters and nothing else: a matrix that decays and a vector that does not.
template <class Exec>
struct pair_of {
  ss::parameter<Exec, out<>, in<>> weight;
  ss::parameter<Exec, dim<>> bias;
  static void visit(auto& self, auto&& each) {
    each("weight", self.weight);
    each("bias", self.bias);
  }
};

template <class Exec>
struct only_weight {
  ss::parameter<Exec, out<>, in<>> weight;
  static void visit(auto& self, auto&& each) { each("weight", self.weight); }
};
template <class Exec>
struct borrowed_bias {
  ss::parameter<Exec, dim<>> const& bias;
  static void visit(auto& self, auto&& each) { each("bias", self.bias); }
};

template <class Exec>
pair_of<Exec> make(ss::workspace<Exec>& work) {
  return {{work, {2, 2}, ss::initialiser::ones()}, {work, {2}, ss::initialiser::ones()}};
}

/// loss = 3 * sum(weight) + sum(bias): the gradients are 3 and 1.
template <class Exec>
auto loss_of(auto& ctx, pair_of<Exec> const& p) {
  return ctx.eval(ss::ops::sum(ctx, p.weight) * 3.0 + ss::ops::sum(ctx, p.bias));
}

}  // namespace

TEST_CASE("optim/adamw: a first step moves every number by the rate against its gradient's sign, decay shrinks matrices only") {
  using exec = ss::cpu::scalar<ss::f64>;
  ss::workspace<exec> work;
  auto model = make(work);
  ss::optim::adamw<exec> adam{{.rate = 0.1, .weight_decay = 0.5, .max_grad_norm = 0}};
  ss::recording<exec> ctx{work};
  auto g = ctx.gradients(loss_of<exec>(ctx, model));
  double const norm = adam.step_(work, model, g);
  CHECK(norm == Approx(std::sqrt(4 * 9.0 + 2 * 1.0)));
  for (double w : model.weight.to_host()) CHECK(w == Approx(1 * (1 - 0.1 * 0.5) - 0.1));
  for (double b : model.bias.to_host()) CHECK(b == Approx(1 - 0.1));
  CHECK(adam.steps() == 1);
}

TEST_CASE("optim/adamw: which parameters decay can be said by their paths") {
  using exec = ss::cpu::scalar<ss::f64>;
  ss::workspace<exec> work;
  auto model = make(work);
  ss::optim::adamw<exec> adam{{.rate = 0.1, .weight_decay = 0.5, .max_grad_norm = 0}};
  adam.decays = [](std::string const& path, ss::index) { return path == "bias"; };
  ss::recording<exec> ctx{work};
  auto g = ctx.gradients(loss_of<exec>(ctx, model));
  adam.step_(work, model, g);
  for (double w : model.weight.to_host()) CHECK(w == Approx(1 - 0.1));
  for (double b : model.bias.to_host()) CHECK(b == Approx(1 * (1 - 0.1 * 0.5) - 0.1));
}

TEST_CASE("optim/adamw: five steps equal torch.optim.AdamW and Adam, on every policy") {
  for (std::string name : {"op_adamw", "op_adam"}) {
    golden const file(name);
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
      INFO(name << " on " << policy);
      ss::workspace<Exec> work;
      ss::optim::adamw<Exec> adam{{.rate = 0.003, .weight_decay = name == "op_adamw" ? 0.01 : 0.0, .max_grad_norm = 0}};
      auto const start = file.get<float, out<>, in<>>("param.weight");
      only_weight<Exec> model{{work, start.extents(), ss::initialiser::zeros()}};
      model.weight.assign_(start.values());
      for (int step = 1; file.contains("input.grad_" + std::to_string(step) + ".weight"); ++step) {
        auto const wanted = file.get<float, out<>, in<>>("input.grad_" + std::to_string(step) + ".weight");
        ss::recording<Exec> ctx{work};
        auto g = ctx.gradients(ss::ops::sum(ctx, ctx.use(model.weight) * ctx.upload(wanted)));
        adam.step_(work, model, g);
        auto const expected = file.get<float, out<>, in<>>("output.step_" + std::to_string(step) + ".weight");
        auto const found = model.weight.to_host();
        for (ss::index i = 0; i < found.size(); ++i) CHECK(ss::agree(found.data()[i], expected.data()[i], {1e-6, 1e-5}));
      }
      CHECK(adam.steps() == 5);
    });
  }
}

TEST_CASE("optim/adamw: clipping scales all gradients by one factor; a norm that is not finite changes nothing") {
  using exec = ss::cpu::scalar<ss::f64>;
  ss::workspace<exec> work;
  auto model = make(work);
  ss::optim::adamw<exec> adam{{.max_grad_norm = 0.5}};
  {
    ss::recording<exec> ctx{work};
    auto g = ctx.gradients(loss_of<exec>(ctx, model));
    adam.step_(work, model, g);
    // The first mean is (1 - beta1) times the clipped gradient.
    double mean = 0;
    exec::memory::copy_out(&mean, adam.slots()[0].mean.data(), sizeof mean);
    CHECK(mean == Approx(0.1 * 3 * 0.5 / std::sqrt(38.0)).epsilon(1e-5));
  }
  auto const before = model.weight.to_host();
  ss::recording<exec> ctx{work};
  auto g = ctx.gradients(ctx.eval(loss_of<exec>(ctx, model) * std::numeric_limits<double>::infinity()));
  CHECK_THROWS_AS(adam.step_(work, model, g), ss::numeric_error);
  CHECK(model.weight.to_host() == before);
  CHECK(adam.steps() == 1);
}

TEST_CASE("optim/gradient_slab: gradients add up until cleared, in visit order") {
  using exec = ss::cpu::scalar<ss::f64>;
  ss::workspace<exec> work;
  auto const model = make(work);
  ss::optim::gradient_slab<exec> slab(model);
  CHECK(slab.size() == 6);
  for (int round : {1, 2}) {
    ss::recording<exec> ctx{work};
    ctx.gradients(loss_of<exec>(ctx, model), slab);
    CHECK(slab.to_host(model.weight)(0, 1) == 3.0 * round);
    CHECK(slab.data()[4] == 1.0 * round);
  }
  slab.clear_();
  CHECK(slab.of(model.weight) == nullptr);
  CHECK(slab.data()[4] == 2.0);  // until somebody writes there again
  slab.zero_unwritten_(work.exec());
  CHECK(std::all_of(slab.data(), slab.data() + slab.size(), [](double x) { return x == 0; }));
  CHECK(slab.of(model.weight) == nullptr);
  ss::recording<exec> ctx{work};
  ctx.gradients(loss_of<exec>(ctx, model), slab);
  CHECK(slab.to_host(model.weight)(0, 1) == 3.0);
}

TEST_CASE("optim/gradient_slab: a parameter outside the slab gets no gradient") {
  using exec = ss::cpu::scalar<ss::f64>;
  ss::workspace<exec> work;
  auto const model = make(work);
  borrowed_bias<exec> const only{model.bias};
  ss::optim::gradient_slab<exec> slab(only);
  ss::recording<exec> ctx{work};
  ctx.gradients(loss_of<exec>(ctx, model), slab);
  CHECK(slab.of(model.weight) == nullptr);
  CHECK(slab.to_host(model.bias)(0) == 1.0);
}
