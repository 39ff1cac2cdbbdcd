// Ten steps of Adam and AdamW from the weights, masks and data of soundstorm-pytorch: every tensor moves as it does there.

#include <set>

#include "golden_soundstorm.hpp"
#include "spearstorm/optim/adamw.hpp"

using namespace test;
using namespace ss::axes;

namespace {

constexpr ss::index steps = 10;

/// One step's part of an array whose first axis is the steps.
template <class T, ss::axis_type... Axes>
ss::array<T, Axes...> part(std::vector<T> const& all, ss::index step, ss::sizes<sizeof...(Axes)> extents) {
  auto const n = static_cast<std::ptrdiff_t>(all.size()) / steps;
  return {extents, std::vector<T>(all.begin() + step * n, all.begin() + (step + 1) * n)};
}

struct recorded_step {
  ss::soundstorm::token_batch batch;
  ss::soundstorm::drawn_task task;
};

std::vector<recorded_step> steps_of(golden_soundstorm const& file) {
  auto const read = [&]<class T>(std::string const& name, std::vector<ss::index> shape, std::type_identity<T>) {
    ss::index n = 1;
    for (ss::index size : shape) n *= size;
    auto const host = file.read_as<T, rows<>>("input." + name, {n});
    return std::vector<T>(host.begin(), host.end());
  };
  std::vector<ss::index> shape;
  for (auto const& info : file.infos())
    if (info.name == "input.codes") shape = info.shape;
  REQUIRE(shape.size() == 4);
  REQUIRE(shape.front() == steps);
  std::vector<ss::index> const flat{shape[0], shape[1], shape[2]}, row{shape[0], shape[1]};
  std::type_identity<std::int32_t> const id;
  std::type_identity<ss::flag> const flag;
  auto const codes = read("codes", shape, id), masked = read("masked", shape, id), level = read("level", row, id);
  auto const chosen = read("chosen", flat, flag), valid = read("valid", flat, flag);
  std::vector<recorded_step> made;
  for (ss::index step = 0; step < steps; ++step) {
    ss::sizes<3> const all{shape[1], shape[2], shape[3]};
    ss::sizes<2> const frames_of{shape[1], shape[2]};
    recorded_step r;
    r.batch = {.codes = part<std::int32_t, batch<>, frames<>, levels<>>(codes, step, all),
               .valid = part<ss::flag, batch<>, frames<>>(valid, step, frames_of)};
    r.task.mask.input = part<std::int32_t, batch<>, frames<>, levels<>>(masked, step, all);
    r.task.mask.target_mask = part<ss::flag, batch<>, frames<>>(chosen, step, frames_of);
    for (auto l : part<std::int32_t, batch<>>(level, step, {shape[1]})) r.task.mask.level.push_back(l);
    r.task.mask.target = ss::token::id_array(frames_of);
    for (ss::index b = 0; b < shape[1]; ++b)
      for (ss::index t = 0; t < shape[2]; ++t)
        r.task.mask.target(b, t) = r.batch.codes(b, t, r.task.mask.level[static_cast<std::size_t>(b)]);
    made.push_back(std::move(r));
  }
  return made;
}

/// @param end   the weights to arrive at: "end." or "end_f64."
/// @param within of each tensor's update, by norm
template <class Exec>
void compare_steps(std::string const& name, std::string const& end, std::string const& losses, double within, double loss_within) {
  golden_soundstorm const file(name);
  ss::workspace<Exec> work;
  ss::soundstorm::model<ss::dynamic_soundstorm, Exec> model{work, file.shape(), file.options()};
  file.load(model);
  std::map<std::string, std::vector<double>> start;
  ss::for_each_parameter(model, [&](std::string const& path, auto const& p) {
    auto const host = p.to_host();
    start[path].assign(host.begin(), host.end());
  });

  ss::optim::adamw<Exec> adam{{.rate = file.config["lr"],
                               .beta1 = file.config["betas"][0],
                               .beta2 = file.config["betas"][1],
                               .eps = file.config["eps"],
                               .weight_decay = file.config["weight_decay"],
                               .max_grad_norm = file.config["clip"]}};
  std::set<std::string> const decayed = file.config["decayed"];
  std::map<std::string, std::vector<ss::index>> extents;
  ss::for_each_parameter(model,
                         [&](std::string const& path, auto const& p) { extents[path].assign(p.extents().begin(), p.extents().end()); });
  adam.decays = [&](std::string const& path, ss::index) {
    return decayed.contains(ss::soundstorm::place_of(file.generation(), path, extents.at(path)).key);
  };

  auto const expected_losses = file.values(losses);
  auto const recorded = steps_of(file);
  for (std::size_t step = 0; step < recorded.size(); ++step) {
    ss::recording<Exec> ctx{work};
    auto const loss = model.loss_of(ctx, recorded[step].batch, recorded[step].task);
    INFO("step " << step);
    CHECK(ctx.item(loss.total) == Approx(expected_losses[step]).epsilon(loss_within));
    auto g = ctx.gradients(loss.total);
    adam.step_(work, model, g);
  }

  // The update is made in double, and only then put into the package's shapes.
  auto const updates = ss::soundstorm::to_package(model, file.generation(), [&](std::string const& path, auto const& p) {
    auto const host = p.to_host();
    std::vector<double> moved(host.begin(), host.end());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] -= start.at(path)[i];
    return moved;
  });
  std::size_t compared = 0;
  for (auto const& [key, update] : updates) {
    auto expected = file.values(end + key);
    auto const from = file.values("param." + key);
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] -= from[i];
    INFO("the update of " << key);
    CHECK(distance({update.values.begin(), update.values.end()}, expected) <= within);
    ++compared;
  }
  for (auto const& info : file.infos()) compared -= info.name.starts_with("param.");
  CHECK(compared == 0);
}

void compare_on_all(std::string const& name) {
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(name << " on " << policy);
    compare_steps<Exec>(name, "end.", "output.losses", 1e-3, 1e-5);
  });
  INFO(name << " in float64");
  compare_steps<ss::cpu::scalar<ss::f64>>(name, "end_f64.", "output.losses_f64", 1e-6, 1e-9);
}

}  // namespace

TEST_CASE("soundstorm/optimizer_steps: ten steps of Adam move every tensor as soundstorm-pytorch 0.6.1 does") {
  compare_on_all("soundstorm_steps_adam");
}

TEST_CASE("soundstorm/optimizer_steps: and with hyper-connections") { compare_on_all("soundstorm_steps_streams"); }

TEST_CASE("soundstorm/optimizer_steps: ten steps of AdamW, clipped, move every tensor as soundstorm-pytorch 0.4.11 does") {
  compare_on_all("soundstorm_steps_adamw");
}
