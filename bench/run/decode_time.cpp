// SPEAR-TTS's decoder: time and work of a token against its position, as a table and as a picture. Keys and values of the source are
// projected once; what each token costs where they are projected for every token, as spear-tts-pytorch does, is counted beside it.
//
//   bench_decode_time [--tokens 500] [--characters 128] [--batch 1] [--dim 512] [--depth 6] [--runs 3] [--threads 0] [--picture decode_time.png]

#include <chrono>
#include <ctime>
#include <map>

#include "common.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/io/plot_curves.hpp"
#include "spearstorm/spear_tts/generate.hpp"
#if defined(SPEARSTORM_HAVE_PNG)
#include "spearstorm/io/png.hpp"
#endif

namespace {

namespace ss = spearstorm;
using exec = ss::counted<test::fastest>;
using net = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;
using kind = ss::spear_tts::token_kind;

struct command_line {
  std::map<std::string, ss::index> of{{"--tokens", 500}, {"--characters", 128}, {"--batch", 1},  {"--dim", 512},
                                      {"--depth", 6},    {"--runs", 3},         {"--threads", 0}};
  std::string picture = "decode_time.png";

  command_line(int count, char** words) {
    for (int i = 1; i < count; i += 2) {
      bool const known = i + 1 < count && (of.contains(words[i]) || std::strcmp(words[i], "--picture") == 0);
      if (!known) {
        std::string flags;
        for (auto const& [flag, value] : of) flags += " [" + flag + " N]";
        std::fprintf(stderr, "%s%s [--picture FILE]\n", words[0], flags.c_str());
        std::exit(2);
      }
      if (of.contains(words[i]))
        of[words[i]] = std::atol(words[i + 1]);
      else
        picture = words[i + 1];
    }
  }
  ss::index operator[](char const* flag) const { return of.at(flag); }
};

/// What the step that made a token took.
struct token_cost {
  double seconds = HUGE_VAL;    ///< the least over the runs
  double processor = HUGE_VAL;  ///< the same of all threads' processor time: others on the machine disturb it less
  double flops = 0;             ///< of matrix products
  double touched = 0;           ///< numbers read and written by all verbs
};

/// The first token is left out: its step begins with the encoder.
std::vector<token_cost> costs_of_tokens(net const& model, ss::workspace<exec>& work, ss::token::id_array const& source, ss::index tokens,
                                        ss::index runs) {
  using clock = std::chrono::steady_clock;
  auto const& counts = *work.exec().counts;
  std::vector<token_cost> costs(static_cast<std::size_t>(tokens));
  for (ss::index run = 0; run < runs; ++run) {
    auto before = clock::now();
    auto spent = std::clock();
    ss::counters at;
    ss::spear_tts::generate(model, work, source, kind::text, kind::speech,
                            {.max_length = tokens, .temperature = 0, .progress = [&](ss::index token, ss::index) {
                               auto const now = clock::now();
                               auto const spent_now = std::clock();
                               auto& cost = costs[static_cast<std::size_t>(token - 1)];
                               cost.seconds = std::min(cost.seconds, std::chrono::duration<double>(now - before).count());
                               cost.processor = std::min(cost.processor, static_cast<double>(spent_now - spent) / CLOCKS_PER_SEC);
                               cost.flops = counts.flops - at.flops;
                               cost.touched = (counts.bytes - at.bytes) / sizeof(float);
                               at = counts;
                               spent = std::clock();
                               before = clock::now();
                             }});
  }
  costs.erase(costs.begin());
  return costs;
}

/// FLOPs of projecting the source's keys and values, all layers.
double flops_of_projection(net const& model, ss::workspace<exec>& work, ss::token::id_array const& source) {
  ss::inference<exec> ctx{work};
  auto const encoded = model.encode(ctx, source, kind::text);
  *work.exec().counts = {};
  ss::nn::cross_memory memory(ctx, model.target_transformer, encoded.features);
  return work.exec().counts->flops;
}

/// The mean of neighbouring positions, in ms and millions.
struct bucket {
  ss::index first = 0, last = 0;  ///< positions
  double ms = 0, processor = 0, products = 0, touched = 0, attention = 0;

  double middle() const { return 0.5 * static_cast<double>(first + last); }
};

/// @param attention FLOPs of both products of attention where a query sees one key, all layers and rows  @param keys of the source
std::vector<bucket> buckets_of(std::vector<token_cost> const& costs, double attention, ss::index keys) {
  auto const steps = static_cast<ss::index>(costs.size()), count = std::min<ss::index>(10, steps);
  std::vector<bucket> made;
  for (ss::index b = 0; b < count; ++b) {
    ss::index const first = b * steps / count, last = (b + 1) * steps / count;
    bucket sum{first + 1, last};
    for (ss::index i = first; i < last; ++i) {
      auto const& cost = costs[static_cast<std::size_t>(i)];
      double const share = 1 / static_cast<double>(last - first);
      sum.ms += share * cost.seconds * 1e3, sum.processor += share * cost.processor * 1e3;
      sum.products += share * cost.flops * 1e-6, sum.touched += share * cost.touched * 1e-6;
    }
    sum.attention = attention * (sum.middle() + 1 + static_cast<double>(keys)) * 1e-6;  // the start token's key, and the source's
    made.push_back(sum);
  }
  return made;
}

void print(std::vector<bucket> const& buckets, double projection) {
  std::printf("%11s %10s %13s %15s %17s %20s %28s\n", "positions", "ms a step", "processor ms", "MFLOP products", "MFLOP attention",
              "numbers touched, M", "MFLOP, projected each time");
  for (auto const& b : buckets)
    std::printf("%4td to %4td %10.3f %13.3f %15.3f %17.3f %20.3f %28.1f\n", b.first, b.last, b.ms, b.processor, b.products, b.attention,
                b.touched, b.products + projection);
  auto const &front = buckets.front(), &back = buckets.back();
  std::printf("\nfrom the first to the last: time x %.3f, processor time x %.3f, numbers touched x %.3f, FLOPs x %.3f\n",
              back.ms / front.ms, back.processor / front.processor, back.touched / front.touched,
              (back.products + back.attention) / (front.products + front.attention));
  std::printf("the source projected for every token would be %.1f %% of all products, which would be x %.1f\n",
              100 * projection / (projection + front.products), (projection + front.products) / front.products);
}

#if defined(SPEARSTORM_HAVE_PNG)
/// Times above, FLOPs below.
void draw(std::string const& path, std::vector<bucket> const& buckets, double projection) {
  ss::io::curve measured{"measured"}, processor{"processor time, all threads"}, expected{"its first, by what attention adds"},
      products{"ours: products"}, all{"and attention"}, each_time{"source projected for each token (counted)"},
      zero;  // a line at 0 without a name: pictures begin there
  auto const add = [](ss::io::curve& to, double x, double y) { to.x.push_back(x), to.y.push_back(y); };
  for (auto const& b : buckets) {
    add(zero, b.middle(), 0);
    add(measured, b.middle(), b.ms);
    add(processor, b.middle(), b.processor);
    add(expected, b.middle(), buckets[0].processor * b.touched / buckets[0].touched);
    add(products, b.middle(), b.products);
    add(all, b.middle(), b.products + b.attention);
    add(each_time, b.middle(), b.products + b.attention + projection);
  }
  auto const above =
      ss::io::plot_curves({measured, processor, expected, zero}, {.title = "time of a token", .x_label = "position", .y_label = "ms"});
  auto const below =
      ss::io::plot_curves({products, all, each_time, zero}, {.title = "work of a token", .x_label = "position", .y_label = "MFLOP"});
  ss::io::image both(above.width, above.height + below.height);
  std::copy(above.rgb.begin(), above.rgb.end(), both.rgb.begin());
  std::copy(below.rgb.begin(), below.rgb.end(), both.rgb.begin() + static_cast<std::ptrdiff_t>(above.rgb.size()));
  ss::io::save_png(path, both);
  std::printf("%s\n", path.c_str());
}
#endif

/// The program's exit status.
int run(command_line const& line) {
  ss::index const tokens = line["--tokens"], batch = line["--batch"], depth = line["--depth"], characters = line["--characters"];
  ss::check_range<ss::index>("decode_time", "--tokens", tokens, 2, 1 << 20);
  ss::workspace<exec> work{{.seed = 1, .threads = line["--threads"]}};
  net const model{work,
                  {.dim = line["--dim"],
                   .source_depth = depth,
                   .target_depth = depth,
                   .num_text_token_ids = 256,
                   .num_semantic_token_ids = 500,
                   .autoset_semantic_eos_id = false}};  // no row ends
  ss::token::id_array const source({batch, characters}, 7);
  double const projection = flops_of_projection(model, work, source) * 1e-6;
  auto const costs = costs_of_tokens(model, work, source, tokens, line["--runs"]);
  auto const per_key = 4 * static_cast<double>(batch * depth * model.shape.target().inner());
  auto const buckets = buckets_of(costs, per_key, characters + 2);  // its end, and the null key

  std::printf("%td characters, %td tokens, batch %td, dim %td, %td + %td layers; a step is one token of every row\n\n", characters, tokens,
              batch, line["--dim"], depth, depth);
  print(buckets, projection);
#if defined(SPEARSTORM_HAVE_PNG)
  draw(line.picture, buckets, projection);
#endif
  if (std::all_of(costs.begin(), costs.end(), [&](token_cost const& cost) { return cost.flops == costs[0].flops; })) return 0;
  std::fprintf(stderr, "decode_time: products differ from position to position\n");
  return 1;
}

}  // namespace

int main(int count, char** words) {
  return bench_run::or_say([&] { return run(command_line(count, words)); });
}
