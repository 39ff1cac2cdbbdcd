#include "spearstorm/optim/ema.hpp"

#include "check_op.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/nn/linear.hpp"

using namespace test;
using namespace ss::axes;

namespace {

template <class Exec>
void set(ss::nn::linear<3, 2, Exec>& layer, double value) {
  using T = typename Exec::param_type;
  ss::for_each_parameter(layer,
                         [&](std::string const&, auto& p) { p.assign_(std::vector<T>(static_cast<std::size_t>(p.size()), T(value))); });
}

template <class Model>
std::vector<double> all_of(Model const& model) {
  std::vector<double> values;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    values.insert(values.end(), host.begin(), host.end());
  });
  return values;
}

template <class Exec>
double average_of(ss::optim::ema<Exec> const& ema) {
  typename Exec::param_type first{};
  Exec::memory::copy_out(&first, ema.slots()[0].values.data(), sizeof first);
  return static_cast<double>(first);
}

}  // namespace

TEST_CASE("optim/ema: a copy until update_after_step, then a share of what is new at every second step") {
  for_each_policy<ss::f64>([]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(policy);
    ss::workspace<Exec> work;
    ss::nn::linear<3, 2, Exec> layer{work};
    ss::optim::ema<Exec> ema{{.beta = 0.75, .update_after_step = 2, .update_every = 2, .inv_gamma = 1, .power = 1}};
    std::vector<double> averages;
    for (double weight : {8.0, 4.0, 16.0, 2.0, 32.0, 1.0, 64.0, 5.0, 8.0}) {
      set(layer, weight);
      ema.update_(work, layer);
      averages.push_back(average_of(ema));
    }
    // step 4: t = 2, decay 1 - 1/3 = 2/3: 16 + (32 - 16) / 3; step 6: t = 4, decay 4/5 cut to 3/4; step 8: 3/4
    double const fourth = 16 + 16.0 / 3, sixth = fourth + (64 - fourth) / 4, eighth = sixth + (8 - sixth) / 4;
    std::vector<double> const expected{8, 8, 16, 16, fourth, fourth, sixth, sixth, eighth};
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(averages[i] == Approx(expected[i]).epsilon(1e-12));
    CHECK(ema.steps() == 9);
  });
}

TEST_CASE("optim/ema: the decay warms up to beta, and is never below min_value") {
  ss::optim::ema<ss::cpu::scalar<>> const ema{};
  CHECK(ema.decay_at(0) == 0);
  CHECK(ema.decay_at(100) == 0);
  CHECK(ema.decay_at(101) == Approx(1 - std::pow(2.0, -2.0 / 3)));
  CHECK(ema.decay_at(107) == Approx(0.75));  // 1 - 8^(-2/3)
  CHECK(ema.decay_at(100 + 999999) == Approx(0.9999));
  ss::optim::ema<ss::cpu::scalar<>> const bounded{{.beta = 0.9, .update_after_step = 0, .min_value = 0.5}};
  CHECK(bounded.decay_at(0) == 0);
  CHECK(bounded.decay_at(1) == 0.5);
  CHECK(bounded.decay_at(1000) == 0.9);
}

TEST_CASE("optim/ema: a guard lends the average to the model and gives the weights back, a second model gets a copy") {
  for_each_policy<ss::f32>([]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(policy);
    ss::workspace<Exec> work{{.seed = 5}};
    ss::nn::linear<3, 2, Exec> layer{work};
    ss::nn::linear<3, 2, Exec> second{work};
    ss::optim::ema<Exec> ema{};
    ema.update_(work, layer);
    auto const averaged = all_of(layer);
    set(layer, 7);
    auto const trained = all_of(layer);
    auto const version = layer.weight.version();
    {
      ss::optim::with_ema const lent(work, ema, layer);
      CHECK(all_of(layer) == averaged);
      CHECK(layer.weight.version() > version);  // what was packed of the weights is stale
    }
    CHECK(all_of(layer) == trained);
    CHECK(all_of(second) != averaged);
    ema.copy_to_(work, second);
    CHECK(all_of(second) == averaged);
    CHECK(all_of(layer) == trained);
  });
}

TEST_CASE("optim/ema: restored steps and slots go on as if nothing had stopped") {
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work{{.seed = 6}};
  ss::nn::linear<3, 2, exec> layer{work};
  ss::optim::ema_options const options{.beta = 0.9, .update_after_step = 0, .update_every = 2};
  ss::optim::ema<exec> whole{options}, part{options};
  for (int step = 0; step < 3; ++step) set(layer, step * 0.3), whole.update_(work, layer);
  part.restore_steps_(layer, whole.steps());
  for (std::size_t i = 0; i < part.slots().size(); ++i)
    std::copy_n(whole.slots()[i].values.data(), whole.slots()[i].values.size(), part.slots()[i].values.data());
  for (int step = 3; step < 7; ++step) {
    set(layer, step * 0.3);
    whole.update_(work, layer);
    part.update_(work, layer);
    CHECK(average_of(part) == average_of(whole));
  }
  CHECK(average_of(whole) > 0.3);
}

TEST_CASE("optim/ema: an update is one verb for all parameters, and nothing is copied in but once") {
  using exec = ss::counted<ss::cpu::scalar<>>;
  ss::workspace<exec> work;
  ss::nn::linear<3, 2, exec> layer{work};
  ss::optim::ema<exec> ema{{.update_every = 1}};
  for (int step = 0; step < 3; ++step) {
    set(layer, step);
    *work.exec().counts = {};
    ema.update_(work, layer);
    CHECK(work.exec().counts->calls == 1);
    CHECK(work.exec().counts->uploads == (step == 0 ? 1 : 0));
  }
  *work.exec().counts = {};
  { ss::optim::with_ema const lent(work, ema, layer); }
  CHECK(work.exec().counts->calls == 2);
  CHECK(work.exec().counts->uploads == 1);
}

TEST_CASE("optim/ema: errors name what is wrong") {
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work;
  ss::nn::linear<3, 2, exec> layer{work};
  ss::nn::linear<3, 4, exec> wider{work};
  ss::nn::linear<3, 2, exec> bare{work, {3, 2, false}};
  ss::optim::ema<exec> ema{};
  CHECK_THROWS_WITH(ema.exchange_(work, layer), "ema: exchange after 0 updates, expected 1 or more");
  ema.update_(work, layer);
  CHECK_THROWS_WITH(ema.copy_to_(work, wider), "ema: parameter 0 is weight of 12 numbers, the average has weight of 6");
  CHECK_THROWS_WITH(ema.copy_to_(work, bare), "ema: the model has 1 parameters, the average 2");
  CHECK_THROWS_WITH(ss::optim::ema<exec>({.beta = 1.5}), Catch::Matchers::StartsWith("ema: beta = 1.5"));
  CHECK_THROWS_WITH(ss::optim::ema<exec>({.update_every = 0}), Catch::Matchers::StartsWith("ema: update_every = 0"));
  CHECK_THROWS_WITH(ss::optim::ema<exec>({.inv_gamma = 0}), "ema: inv_gamma = 0, expected above 0");
}
