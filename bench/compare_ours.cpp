// The times of spearstorm for bench/compare: one case of compare_cases.json, one JSON line.
//
//   compare_ours --case soundstorm_train_128 --threads 2 [--seconds 2] [--warm 2] [--cases FILE]

#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "compare_case.hpp"
#include "spearstorm/soundstorm.hpp"

namespace {

using namespace compare;
using net = ss::soundstorm::model<ss::dynamic_soundstorm, exec>;

struct command_line {
  std::string name, cases = SPEARSTORM_BENCH_CASES;
  ss::index threads = 0, warm = 2;
  double seconds = 2;

  command_line(int count, char** words) {
    for (int i = 1; i < count; ++i) {
      auto const is = [&](char const* flag) { return std::strcmp(words[i], flag) == 0 && i + 1 < count; };
      if (is("--case"))
        name = words[++i];
      else if (is("--threads"))
        threads = std::atol(words[++i]);
      else if (is("--seconds"))
        seconds = std::atof(words[++i]);
      else if (is("--warm"))
        warm = std::atol(words[++i]);
      else if (is("--cases"))
        cases = words[++i];
      else
        ss::fail<ss::value_error>("compare_ours: '", words[i], "', expected --case NAME --threads N --seconds S --warm N --cases FILE");
    }
  }
};

ss::soundstorm_shape shape(sizes_of_case const& of) {
  return {.codebook_size = of["codebook"],
          .num_quantizers = of["levels"],
          .body = {.dim = of["dim"],
                   .depth = of["depth"],
                   .dim_head = of["dim_head"],
                   .heads = of["heads"],
                   .ff_mult = of["ff_mult"],
                   .conv_kernel_size = of["conv_kernel_size"]}};
}

ss::token::code_array random_codes(sizes_of_case const& of, ss::index ids) {
  return random_ids(ss::token::code_array({of["batch"], of["frames"], of["levels"]}), ids);
}

/// Masks drawn as the peer draws them, forward, loss, backward, AdamW.
ss::bench::timing train(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options) {
  net model{work, shape(of)};
  ss::optim::adamw<exec> adam{{.rate = 3e-4, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.01, .max_grad_norm = 0}};
  ss::soundstorm::token_batch const batch{random_codes(of, of["codebook"])};
  return ss::bench::measure(
      "train",
      [&] {
        ss::recording<exec> ctx{work};
        auto const loss = model.loss(ctx, batch, {.no_replace_prob = 0, .random_token_prob = 0});
        auto gradients = ctx.gradients(loss.total);
        adam.step_(work, model, gradients);
        return ctx.item(loss.total);
      },
      options);
}

/// The logits of all levels at all frames, as the peer's network gives them.
ss::bench::timing forward(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options) {
  net const model{work, shape(of)};
  auto const codes = random_codes(of, of["codebook"] + 1);
  ss::index const positions = of["batch"] * of["frames"], levels = of["levels"];
  ss::array<std::int32_t, ss::axes::rows<>> rows({positions * levels});
  std::vector<ss::index> offsets;
  for (ss::index i = 0; i < rows.size(); ++i) rows.data()[i] = static_cast<std::int32_t>(i % positions);
  for (ss::index level = 0; level <= levels; ++level) offsets.push_back(level * positions);
  return ss::bench::measure(
      "forward",
      [&] {
        ss::inference<exec> ctx{work};
        return model.net.logits(ctx, model.net.trunk(ctx, ctx.upload(codes)), ctx.upload(rows), offsets).data();
      },
      options);
}

/// A whole generation.
ss::bench::timing decode(sizes_of_case const& of, ss::workspace<exec>& work, ss::bench::measure_options const& options) {
  net const model{work, shape(of)};
  ss::soundstorm::generate_options const wanted{.num_latents = of["frames"], .batch_size = of["batch"], .steps = of["steps"]};
  return ss::bench::measure("decode", [&] { return model.generate(work, wanted).size(); }, options);
}

ss::io::json run(command_line const& line) {
  std::ifstream file(line.cases);
  if (!file) ss::fail<ss::io_error>("compare_ours: cannot open '", line.cases, "'");
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  auto const cases = ss::io::parse_json(text, line.cases);
  if (!cases.contains(line.name)) ss::fail<ss::value_error>("compare_ours: --case ", line.name, ", expected a case of '", line.cases, "'");
  sizes_of_case const of{cases.at(line.name)};
  auto const does = of.values.at("work").get<std::string>();
  using timing = ss::bench::timing;
  std::map<std::string, timing (*)(sizes_of_case const&, ss::workspace<exec>&, ss::bench::measure_options const&)> const known{
      {"train", train},
      {"forward", forward},
      {"decode", decode},
      {"text_to_semantic_generate", text_to_semantic_generate},
      {"text_to_semantic_train", text_to_semantic_train}};
  if (!known.contains(does)) {
    std::string all;
    for (auto const& [name, unused] : known) all += (all.empty() ? "" : ", ") + name;
    ss::fail<ss::format_error>("compare_ours: '", line.cases, "' has work = ", does, ", expected one of ", all);
  }

  ss::workspace<exec> work{{.seed = 1, .threads = line.threads}};
  auto const took = known.at(does)(of, work,
                                   {.seconds = line.seconds,
                                    .min_runs = of.or_else("runs", 3),
                                    .warm = std::min(line.warm, of.or_else("warm", line.warm)),
                                    .print = nullptr});
  auto const passes = static_cast<double>(does == "decode"                      ? of["steps"] + of["levels"] - 1
                                          : does == "text_to_semantic_generate" ? of["tokens"]
                                                                                : 1);
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  return {{"case", line.name},
          {"ms_median", took.median * 1e3 / passes},
          {"ms_min", took.least * 1e3 / passes},
          {"runs", took.runs},
          {"mb", static_cast<double>(used.ru_maxrss) / 1024}};
}

}  // namespace

int main(int count, char** words) {
  try {
    std::puts(run(command_line(count, words)).dump().c_str());
  } catch (std::exception const& failed) {
    std::fprintf(stderr, "%s\n", failed.what());
    return 1;
  }
}
