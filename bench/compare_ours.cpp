// The times of spearstorm for bench/compare, which starts this program once a case and asks for a few runs in turn with the peers.
//
//   compare_ours --case soundstorm_train_128 --threads 2 [--seconds 2] [--runs 3] [--warm 2] [--how eigen] [--serve] [--cases FILE]
//
// prints one JSON line. With --serve it prints one when it is ready, and one for each line `seconds runs` that it reads.

#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "compare_case.hpp"
#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/bench/statistics.hpp"

namespace {

using namespace compare;

struct command_line {
  std::string name, how = "ours", cases = SPEARSTORM_BENCH_CASES;
  ss::index threads = 0, runs = 3, warm = 2;
  double seconds = 2;
  bool serve = false;

  command_line(int count, char** words) {
    for (int i = 1; i < count; ++i) {
      auto const is = [&](char const* flag) { return std::strcmp(words[i], flag) == 0 && i + 1 < count; };
      if (is("--case"))
        name = words[++i];
      else if (is("--threads"))
        threads = std::atol(words[++i]);
      else if (is("--seconds"))
        seconds = std::atof(words[++i]);
      else if (is("--runs"))
        runs = std::atol(words[++i]);
      else if (is("--warm"))
        warm = std::atol(words[++i]);
      else if (is("--how"))
        how = words[++i];
      else if (is("--cases"))
        cases = words[++i];
      else if (std::strcmp(words[i], "--serve") == 0)
        serve = true;
      else
        ss::fail<ss::value_error>(
            "compare_ours: '", words[i],
            "', expected --case NAME --threads N --seconds S --runs N --warm N --how ours|eigen --serve --cases FILE");
    }
  }
};

/// The case with what it takes from the one that it is like.
sizes_of_case read_case(command_line const& line) {
  std::ifstream file(line.cases);
  if (!file) ss::fail<ss::io_error>("compare_ours: cannot open '", line.cases, "'");
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  auto const cases = ss::io::parse_json(text, line.cases);
  if (!cases.contains(line.name)) ss::fail<ss::value_error>("compare_ours: --case ", line.name, ", expected a case of '", line.cases, "'");
  auto of = cases.at(line.name);
  if (!of.contains("like")) return {of};
  auto base = cases.at(of.at("like").get<std::string>());
  base.update(of);
  return {base};
}

makers all_works(std::string const& how, std::string const& dtype) {
  if (how == "eigen") return eigen_works();
  auto const with = []<class Precision>(std::type_identity<Precision>) {
    auto all = soundstorm_works<Precision>();
    all.merge(text_to_semantic_works<Precision>());
    all.merge(op_works<Precision>());
    return all;
  };
  if (dtype == "int8") return text_to_semantic_works<ss::int8_weights>();  // eight bits are for decoding alone
  return dtype == "bf16" ? with(std::type_identity<ss::bf16_mixed>{}) : with(std::type_identity<ss::f32>{});
}

double megabytes() {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

/// Runs a case for a while; short runs are timed several at once.
class timed {
 public:
  timed(work does, ss::index warm) : does_(std::move(does)) {
    double once = 0;
    for (ss::index i = 0; i < warm; ++i) once = run(1);
    constexpr double shortest = 200e-6;
    if (warm > 0) together_ = std::max<ss::index>(1, std::lround(shortest / std::max(once, 1e-9)));
  }
  /// Seconds of each run: at least so many runs, and at least so long.
  std::vector<double> turn(double seconds, ss::index runs) {
    std::vector<double> times;
    for (double total = 0; total < seconds || static_cast<ss::index>(times.size()) < runs;) {
      double const took = run(together_);
      total += took;
      times.push_back(took / static_cast<double>(together_));
    }
    return times;
  }

 private:
  double run(ss::index times) {
    using clock = std::chrono::steady_clock;
    auto const begin = clock::now();
    for (ss::index i = 0; i < times; ++i) does_();
    return std::chrono::duration<double>(clock::now() - begin).count();
  }

  work does_;
  ss::index together_ = 1;
};

std::string versions() {
  return ss::message("spearstorm ", SPEARSTORM_VERSION, ", Eigen ", EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION,
#if defined(__clang__)
                     ", clang ",
#else
                     ", g++ ",
#endif
                     __VERSION__);
}

void say(ss::io::json const& line) { std::cout << line.dump() << std::endl; }

void run(command_line const& line) {
  auto const of = read_case(line);
  auto const does = of.values.at("work").get<std::string>();
  auto const known = all_works(line.how, of.values.value("dtype", "f32"));
  if (!known.contains(does)) {
    std::string all;
    for (auto const& [name, unused] : known) all += (all.empty() ? "" : ", ") + name;
    ss::fail<ss::format_error>("compare_ours: '", line.cases, "' has work = ", does, ", expected one of ", all);
  }
  ss::index const threads = of.or_else("threads", line.threads);
  timed times(known.at(does)(of, threads), std::min(line.warm, of.or_else("warm", line.warm)));
  if (!line.serve) {
    auto const took = ss::bench::summarize(line.name, times.turn(line.seconds, line.runs));
    return say(
        {{"case", line.name}, {"ms_median", took.median * 1e3}, {"ms_min", took.least * 1e3}, {"runs", took.runs}, {"mb", megabytes()}});
  }
  say({{"ready", true}, {"versions", versions()}});
  double seconds = 0;
  for (ss::index runs = 0; std::cin >> seconds >> runs;) {
    auto made = times.turn(seconds, runs);
    for (double& each : made) each *= 1e3;
    say({{"ms", made}, {"mb", megabytes()}});
  }
}

}  // namespace

int main(int count, char** words) {
  try {
    run(command_line(count, words));
  } catch (std::exception const& failed) {
    std::fprintf(stderr, "%s\n", failed.what());
    return 1;
  }
}
