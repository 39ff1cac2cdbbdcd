#include "spearstorm/optim/adamw.hpp"

#include <limits>

#include "check_op.hpp"
#include "far_memory.hpp"
#include "golden.hpp"
#include "spearstorm/nn/linear.hpp"
#include "spearstorm/optim/gradient_slab.hpp"
#if defined(SPEARSTORM_TEST_THRUST)
#include "thrust_blocks.hpp"
#endif

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

TEST_CASE("optim/adamw: where the host waits last, a step that is not finite changes nothing and is not counted, and goes by its name") {
  auto const check = []<class Exec>(std::type_identity<Exec>) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    ss::workspace<Exec> work;
    auto model = make(work), never = make(work);
    ss::optim::adamw<Exec> adam{{.rate = 0.1}}, spared{{.rate = 0.1}};
    auto const step = [&](auto& with, auto& of, float factor) {
      ss::recording<Exec> ctx{work};
      auto g = ctx.gradients(ctx.eval(loss_of<Exec>(ctx, of) * factor));
      return with.step_(work, of, g);
    };
    auto const moments = [&](auto const& of) {
      std::vector<float> all(8);
      Exec::memory::copy_out(all.data(), of.slots()[0].mean.data(), 4 * sizeof(float));
      Exec::memory::copy_out(all.data() + 4, of.slots()[0].square.data(), 4 * sizeof(float));
      return all;
    };
    CHECK_THROWS_WITH(step(adam, model, infinity), "adamw: the gradients' norm is inf, expected a finite number; no parameter was changed");
    CHECK(adam.steps() == 0);
    CHECK(moments(adam) == std::vector<float>(8));
    for (int i = 0; i < 3; ++i) {
      CHECK(step(adam, model, 1) == step(spared, never, 1));
      CHECK_THROWS_AS(step(adam, model, infinity), ss::numeric_error);
      CHECK(adam.steps() == i + 1);
      CHECK(model.weight.to_host() == never.weight.to_host());
      CHECK(model.bias.to_host() == never.bias.to_host());
      CHECK(moments(adam) == moments(spared));
    }
    CHECK(model.weight.to_host()(0, 0) < 0.8f);

    // A loss that is told decides as well; a norm that is known is not computed.
    ss::recording<Exec> ctx{work};
    auto const loss = loss_of<Exec>(ctx, model);                                   // ()
    auto g = ctx.gradients(loss);
    adam.add_loss_(ctx, loss * infinity);
    CHECK_THROWS_WITH(adam.step_(work, model, g), "adamw: the loss is inf, expected a finite number; no parameter was changed");
    CHECK_THROWS_WITH(adam.step_(work, model, g, std::nan("")),
                      "adamw: the gradients' norm is nan, expected a finite number; no parameter was changed");
    CHECK(model.weight.to_host() == never.weight.to_host());
    CHECK(adam.step_(work, model, g, 2.5) == 2.5);
    CHECK(adam.steps() == 4);
  };
  check(std::type_identity<ss::cpu::scalar<>>{});
  check(std::type_identity<far_device>{});
#if defined(SPEARSTORM_TEST_THRUST)
  check(std::type_identity<far<thrust_blocks<>>>{});
#endif
}

TEST_CASE("optim/adamw: losses of a step are told one by one, and a step that nobody asks for is settled by the next") {
  auto const check = []<class Exec>(std::type_identity<Exec>) {
    ss::workspace<Exec> work;
    auto model = make(work), twin = make(work);
    ss::optim::adamw<Exec> adam{{.rate = 0.1}}, other{{.rate = 0.1}};
    for (float factor : {1.0f, std::numeric_limits<float>::infinity(), 1.0f}) {
      ss::recording<Exec> ctx{work};
      auto const loss = ctx.eval(loss_of<Exec>(ctx, model) * factor);              // ()
      auto g = ctx.gradients(loss);
      for (float part : {1.0f, 2.0f}) adam.add_loss_(ctx, loss * part, 2);
      adam.enqueue_(work, model, g);
      if (std::isfinite(factor)) {
        auto own = ctx.gradients(ctx.eval(loss_of<Exec>(ctx, twin)));
        other.step_(work, twin, own);
      }
    }
    CHECK(adam.steps() == 2);  // with the last one, which is under way
    CHECK(model.weight.to_host() == twin.weight.to_host());
    // 3 * 4 + 2 = 14 at first; a step of 0.1 takes 0.1 * (12 + 2) from it
    auto const last = adam.settle_(work);
    CHECK(last.loss == Approx(1.5 * 12.6).epsilon(1e-5));
    CHECK(last.norm == Approx(std::sqrt(38.0)));
    CHECK(last.taken);
    CHECK(adam.settle_(work).loss == last.loss);
    CHECK(adam.steps() == 2);

    ss::recording<Exec> ctx{work};
    CHECK_THROWS_WITH(adam.add_loss_(ctx, ctx.use(model.bias)), "add_loss: the loss has size = 2, a scalar expects size = 1");
    auto g = ctx.gradients(loss_of<Exec>(ctx, model));
    adam.enqueue_(work, model, g);
    CHECK(adam.settle_(work).loss == 0);  // none was told
  };
  check(std::type_identity<ss::cpu::scalar<>>{});
  check(std::type_identity<far_device>{});
#if defined(SPEARSTORM_TEST_THRUST)
  check(std::type_identity<far<thrust_blocks<>>>{});
#endif
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
