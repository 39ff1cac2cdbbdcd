// SoundStorm's time and memory against frames, levels, batch and depth: a forward pass with the logits of one level, and a training step.
// A table and a picture; beside what was measured stands what the arithmetic says: FLOPs, counted with counted<Exec>, at the middle one of
// the measured rates, and the straight line nearest to the memory of all sizes.
//
//   bench_growth [--dim 256] [--depth 4] [--frames 500] [--levels 8] [--batch 1] [--most 6000] [--runs 3] [--threads 0] [--only AXIS]
//                [--picture growth.png]

#include <chrono>
#include <map>

#include "common.hpp"
#include "random_ids.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/io/plot_curves.hpp"
#include "spearstorm/soundstorm.hpp"
#if defined(SPEARSTORM_HAVE_PNG)
#include "spearstorm/io/png.hpp"
#endif

namespace {

namespace ss = spearstorm;
using exec = ss::counted<test::fastest>;
using net = ss::soundstorm::model<ss::dynamic_soundstorm, exec>;

struct sizes {
  ss::index dim = 256, depth = 4, frames = 500, levels = 8, batch = 1;
};

struct command_line {
  sizes base;
  ss::index most = 6000, runs = 3, threads = 0;
  std::string only, picture = "growth.png";

  command_line(int count, char** words) {
    std::map<std::string, ss::index*> const numbers{{"--dim", &base.dim},       {"--depth", &base.depth}, {"--frames", &base.frames},
                                                    {"--levels", &base.levels}, {"--batch", &base.batch}, {"--most", &most},
                                                    {"--runs", &runs},          {"--threads", &threads}};
    for (int i = 1; i < count; i += 2) {
      std::string const flag = words[i];
      bool const has_value = i + 1 < count;
      if (has_value && numbers.contains(flag))
        *numbers.at(flag) = std::atol(words[i + 1]);
      else if (has_value && flag == "--only")
        only = words[i + 1];
      else if (has_value && flag == "--picture")
        picture = words[i + 1];
      else
        usage(words[0], numbers);
    }
  }
  [[noreturn]] static void usage(char const* program, std::map<std::string, ss::index*> const& numbers) {
    std::string flags;
    for (auto const& [flag, at] : numbers) flags += " [" + flag + " N]";
    std::fprintf(stderr, "%s%s [--only frames|levels|batch|depth] [--picture FILE]\n", program, flags.c_str());
    std::exit(2);
  }
};

/// What one call took and counted.
struct cost {
  double ms = HUGE_VAL, gigaflops = 0, megabytes = 0;
};

/// The least time of some runs after one before the clock, and the most memory that the workspace had in use.
template <class F>
cost cost_of(ss::workspace<exec>& work, ss::index runs, F const& f) {
  using clock = std::chrono::steady_clock;
  f();
  cost least;
  for (ss::index run = 0; run < runs; ++run) {
    double const before = work.exec().counts->flops;
    auto const begin = clock::now();
    f();
    least.ms = std::min(least.ms, std::chrono::duration<double>(clock::now() - begin).count() * 1e3);
    least.gigaflops = (work.exec().counts->flops - before) * 1e-9;
  }
  least.megabytes = static_cast<double>(work.values().high_water() + work.closures().high_water()) * 1e-6;
  return least;
}

ss::soundstorm_shape shape(sizes const& s) {
  return {.codebook_size = 1024,
          .num_quantizers = s.levels,
          .body = {.dim = s.dim, .depth = s.depth, .dim_head = 64, .heads = std::max<ss::index>(1, s.dim / 64), .conv_kernel_size = 5}};
}

ss::token::code_array random_codes(sizes const& s) {
  return bench_run::random_ids(ss::token::code_array({s.batch, s.frames, s.levels}), 1024);
}

cost forward(sizes const& s, command_line const& line) {
  ss::workspace<exec> work{{.seed = 1, .threads = line.threads}};
  net const model{work, shape(s)};
  auto const codes = random_codes(s);
  ss::index const positions = s.batch * s.frames;
  ss::array<std::int32_t, ss::axes::rows<>> rows({positions});
  for (ss::index i = 0; i < positions; ++i) rows.data()[i] = static_cast<std::int32_t>(i);
  std::vector<ss::index> offsets(static_cast<std::size_t>(s.levels) + 1, positions);  // all rows belong to the first level
  offsets[0] = 0;
  return cost_of(work, line.runs, [&] {
    ss::inference<exec> ctx{work};
    model.net.logits(ctx, model.net.trunk(ctx, ctx.upload(codes)), ctx.upload(rows), offsets);
  });
}

/// All frames of all levels masked, the first level asked for: a step's work does not depend on draws.
ss::token::drawn_mask all_masked(ss::token::code_array const& codes) {
  auto const examples = static_cast<std::size_t>(codes.extent(0));
  ss::sizes<2> const frames{codes.extent(0), codes.extent(1)};
  ss::token::id_array first(frames);
  for (ss::index i = 0; i < first.size(); ++i) first.data()[i] = codes.data()[i * codes.extent(2)];
  return {.prompt = std::vector<ss::index>(examples, 0),
          .level = std::vector<ss::index>(examples, 0),
          .input = ss::token::code_array(codes.extents(), 1024),
          .target = std::move(first),
          .target_mask = ss::token::flag_array(frames, ss::flag{1}),
          .kept = ss::token::flag_array(frames),
          .randomized = ss::token::flag_array(frames)};
}

cost train(sizes const& s, command_line const& line) {
  ss::workspace<exec> work{{.seed = 1, .threads = line.threads}};
  net model{work, shape(s)};
  ss::optim::adamw<exec> adam{{.max_grad_norm = 0}};
  ss::soundstorm::token_batch const batch{random_codes(s)};
  auto const drawn = all_masked(batch.codes);
  return cost_of(work, line.runs, [&] {
    ss::recording<exec> ctx{work};
    auto const loss = model.loss_of(ctx, batch, drawn);
    auto gradients = ctx.gradients(loss.total);
    adam.step_(work, model, gradients);
  });
}

/// One size after the other, along one axis.
struct growth {
  std::string axis;
  std::vector<double> at;
  std::vector<cost> forward, train;
};

growth measure(std::string const& axis, ss::index sizes::* changes, std::vector<ss::index> const& values, command_line const& line) {
  growth made{axis, {}, {}, {}};
  std::printf("\n%s: dim %td, depth %td, %td frames, %td levels, batch %td where it is not this that grows\n", axis.c_str(), line.base.dim,
              line.base.depth, line.base.frames, line.base.levels, line.base.batch);
  std::printf("%8s | %10s %8s %9s %8s | %10s %8s %9s %8s\n", axis.c_str(), "forward ms", "GFLOP", "GFLOP/s", "MB", "train ms", "GFLOP",
              "GFLOP/s", "MB");
  for (ss::index const value : values) {
    sizes s = line.base;
    s.*changes = value;
    made.at.push_back(static_cast<double>(value));
    auto const &f = made.forward.emplace_back(forward(s, line)), &t = made.train.emplace_back(train(s, line));
    std::printf("%8td | %10.2f %8.2f %9.1f %8.1f | %10.2f %8.2f %9.1f %8.1f\n", value, f.ms, f.gigaflops, f.gigaflops / f.ms * 1e3,
                f.megabytes, t.ms, t.gigaflops, t.gigaflops / t.ms * 1e3, t.megabytes);
    std::fflush(stdout);
  }
  return made;
}

/// FLOPs at the middle one of the rates that were measured.
std::vector<double> times_by_arithmetic(std::vector<cost> const& of) {
  std::vector<double> rates, made;
  for (auto const& each : of) rates.push_back(each.ms / each.gigaflops);
  double const rate = ss::bench::quantile(rates, 0.5);
  for (auto const& each : of) made.push_back(rate * each.gigaflops);
  return made;
}
/// The straight line nearest to all of them.
std::vector<double> memory_by_arithmetic(std::vector<double> const& at, std::vector<cost> const& of) {
  double const n = static_cast<double>(at.size());
  double x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < at.size(); ++i) x += at[i] / n, y += of[i].megabytes / n;
  for (std::size_t i = 0; i < at.size(); ++i) xx += (at[i] - x) * (at[i] - x), xy += (at[i] - x) * (of[i].megabytes - y);
  std::vector<double> made;
  for (double const each : at) made.push_back(y + (xx > 0 ? xy / xx : 0) * (each - x));
  return made;
}

void print_last(growth const& g) {
  std::size_t const last = g.at.size() - 1;
  auto const say = [&](char const* what, std::vector<cost> const& of) {
    std::printf("%s, %s %g: time x %.2f of what the arithmetic says, memory x %.2f\n", what, g.axis.c_str(), g.at[last],
                of[last].ms / times_by_arithmetic(of)[last], of[last].megabytes / memory_by_arithmetic(g.at, of)[last]);
  };
  say("forward", g.forward);
  say("training step", g.train);
}

#if defined(SPEARSTORM_HAVE_PNG)
/// One row for each axis: time on the left, memory on the right.
void draw(std::string const& path, std::vector<growth> const& all) {
  std::vector<ss::io::image> parts;
  for (auto const& g : all) {
    auto const curves = [&](auto const& value, auto const& expected) {
      std::vector<double> values[2];
      for (auto const& each : g.forward) values[0].push_back(value(each));
      for (auto const& each : g.train) values[1].push_back(value(each));
      return std::vector<ss::io::curve>{{"forward", g.at, values[0]},
                                        {"what the arithmetic says", g.at, expected(g.forward)},
                                        {"training step", g.at, values[1]},
                                        {"what the arithmetic says", g.at, expected(g.train)},
                                        {"", g.at, std::vector<double>(g.at.size(), 0.0)}};  // a line at 0: pictures begin there
    };
    auto const time = curves([](cost const& c) { return c.ms; }, times_by_arithmetic);
    auto const memory = curves([](cost const& c) { return c.megabytes; }, [&](auto const& of) { return memory_by_arithmetic(g.at, of); });
    parts.push_back(ss::io::plot_curves(time, {.title = "time against " + g.axis, .x_label = g.axis, .y_label = "ms"}));
    parts.push_back(ss::io::plot_curves(memory, {.title = "memory of a step against " + g.axis, .x_label = g.axis, .y_label = "MB"}));
  }
  ss::index const width = parts[0].width, height = parts[0].height;
  ss::io::image page(2 * width, height * static_cast<ss::index>(all.size()));
  for (std::size_t p = 0; p < parts.size(); ++p)
    for (ss::index y = 0; y < height; ++y) {
      auto const from = parts[p].rgb.begin() + y * width * 3;
      ss::index const row = static_cast<ss::index>(p / 2) * height + y;
      std::copy(from, from + width * 3, page.rgb.begin() + (row * 2 * width + static_cast<ss::index>(p % 2) * width) * 3);
    }
  ss::io::save_png(path, page);
  std::printf("\n%s\n", path.c_str());
}
#endif

int run(command_line const& line) {
  std::vector<ss::index> frames;
  for (ss::index const each : {125, 250, 500, 1000, 2000, 3000, 4500, 6000})
    if (each <= line.most) frames.push_back(each);
  std::vector<growth> all;
  auto const axis = [&](std::string const& name, ss::index sizes::* changes, std::vector<ss::index> const& values) {
    if (!line.only.empty() && line.only != name) return;
    all.push_back(measure(name, changes, values, line));
    print_last(all.back());
  };
  axis("frames", &sizes::frames, frames);
  axis("levels", &sizes::levels, {4, 8, 12, 16});
  axis("batch", &sizes::batch, {1, 2, 4, 8});
  axis("depth", &sizes::depth, {2, 4, 6, 8, 12});
  if (all.empty()) ss::fail<ss::value_error>("growth: --only ", line.only, ", expected frames, levels, batch or depth");
#if defined(SPEARSTORM_HAVE_PNG)
  draw(line.picture, all);
#endif
  return 0;
}

}  // namespace

int main(int count, char** words) {
  return bench_run::or_say([&] { return run(command_line(count, words)); });
}
