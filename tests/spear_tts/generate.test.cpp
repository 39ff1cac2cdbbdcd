#include "spearstorm/spear_tts/generate.hpp"

#include "check_op.hpp"
#include "golden.hpp"
#include "spearstorm/io/package_tensors.hpp"
#include "spearstorm/spear_tts/package_configuration.hpp"

using namespace test;
using namespace ss::axes;
using ss::spear_tts::generate_options;
using ss::spear_tts::token_kind;
using row = std::vector<float>;

namespace {

token_kind kind_named(std::string const& name) { return name == "text" ? token_kind::text : token_kind::speech; }

/// One recording of the package's generate; all have the first one's parameters.
struct recording_file {
  golden file, params{"spear_tts_generate_greedy"};
  ss::io::json config;

  explicit recording_file(std::string const& name) : file("spear_tts_generate_" + name), config(file.about()["config"]) {}

  token_kind from() const { return kind_named(config["source_type"]); }
  token_kind to() const { return kind_named(config["target_type"]); }
  ss::token::id_array ids(std::string const& name) const { return file.get<std::int32_t, batch<>, frames<>>(name); }

  template <class Exec>
  auto model(ss::workspace<Exec>& work) const {
    auto const made = ss::spear_tts::configuration_of(config["text_to_semantic"], "golden file: ");
    ss::text_to_semantic<ss::dynamic_text_to_semantic, Exec> net{work, made.shape, made.options};
    ss::io::package_dict read;
    auto const shapes = params.about()["state_dict"];
    ss::io::from_package_(net, ss::spear_tts::package_names{}, [&](std::string const& key) -> ss::io::package_tensor const* {
      auto const name = "param." + key;
      if (!params.contains(name)) return nullptr;
      auto shape = shapes[key].get<std::vector<ss::index>>();
      ss::index count = 1;
      for (auto size : shape) count *= size;
      auto const values = params.read<rows<>>(name, {count});
      return &(read[key] = {std::move(shape), {values.begin(), values.end()}});
    });
    return net;
  }
  generate_options options() const {
    auto const& of = config["generate"];
    return {.max_length = of["max_length"], .temperature = of["temperature"], .cond_scale = of["cond_scale"], .keep_eos = true};
  }
};

/// A filter that leaves in `seen` what the network said, and adds the package's noise to what its own filter leaves: the best is its draw then.
struct recorded_draws {
  recording_file const& of;
  std::vector<std::pair<ss::index, ss::index>> order;                              // (row, step) of each call
  std::vector<row> seen{};
  ss::array<float, batch<>, frames<>, vocab<>> noise{};

  explicit recorded_draws(recording_file const& with) : of(with) {
    auto const tokens = of.ids("output.tokens");
    for (ss::index t = 0; t < tokens.extent(1); ++t)
      for (ss::index r = 0; r < tokens.extent(0); ++r)
        if (tokens(r, t) >= 0) order.emplace_back(r, t);
    if (of.file.contains("noise.gumbel")) noise = of.file.get<float, batch<>, frames<>, vocab<>>("noise.gumbel");
  }
  row operator()(std::span<float const> logits) {
    auto const [r, t] = order.at(seen.size());
    seen.emplace_back(logits.begin(), logits.end());
    auto const& filter = of.config["generate"]["filter"];
    if (filter["name"] == "top_k" && filter.contains("k")) return ss::token::keep_top(logits, filter["k"].get<ss::index>());
    float const temperature = of.config["generate"]["temperature"];
    auto kept = ss::token::with_temperature(filter["name"] == "top_k" ? ss::token::spear_tts_top_k(logits, filter["thres"].get<double>())
                                                                      : ss::token::top_p(logits, filter["thres"].get<double>()),
                                            temperature);
    for (std::size_t v = 0; v < kept.size(); ++v) kept[v] += noise(r, t, static_cast<ss::index>(v));
    return kept;
  }
};

}  // namespace

TEST_CASE("spear_tts/generate: logits and tokens of spear-tts-pytorch, greedy, guided and with its random numbers, on every policy") {
  for (std::string const name : {"greedy", "greedy_text", "guided", "top_k", "top_p"}) {
    recording_file const recorded(name);
    auto const expected = recorded.file.get<float, batch<>, frames<>, vocab<>>("output.logits");
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
      INFO(name << " on " << policy);
      ss::workspace<Exec> work;
      auto const model = recorded.model(work);
      recorded_draws draws(recorded);
      auto options = recorded.options();
      options.temperature = 0, options.filter_logits = std::ref(draws);
      auto const made = ss::spear_tts::generate(model, work, recorded.ids("input.source"), recorded.from(), recorded.to(), options);
      CHECK(made.ids == recorded.ids("output.tokens"));
      REQUIRE(draws.seen.size() == draws.order.size());
      for (std::size_t i = 0; i < draws.seen.size(); ++i) {
        auto const [r, t] = draws.order[i];
        auto const* const from = expected.data() + (r * expected.extent(1) + t) * expected.extent(2);
        INFO("row " << r << ", token " << t);
        detail::compare("logits", {draws.seen[i].begin(), draws.seen[i].end()}, {from, from + expected.extent(2)},
                        ss::tolerance_of<float>(ss::computed::whole_model));
      }
    });
  }
}

TEST_CASE("spear_tts/generate: the n best of a search whose finished beams are kept aside, by the package's model, on every policy") {
  for (std::string const name : {"beam", "beam_penalty", "beam_cut", "beam_guided"}) {
    recording_file const recorded(name);
    auto const& of = recorded.config["generate"];
    // "output" counts every end, so that an empty row may win; "ranked" those that are among the best continuations, as we do
    auto const tokens = recorded.file.get<std::int32_t, batch<>, rows<>, frames<>>("ranked.tokens");
    auto const log_probs = recorded.file.get<float, batch<>, rows<>>("ranked.log_probs");
    auto const scores = recorded.file.get<float, batch<>, rows<>>("ranked.scores");
    for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
      INFO(name << " on " << policy);
      ss::workspace<Exec> work;
      auto const model = recorded.model(work);
      auto options = recorded.options();
      options.beam_search_decode = true, options.beam_size = of["beam_size"], options.n_best = of["n_best"],
      options.length_penalty = of["length_penalty"];
      auto const made = ss::spear_tts::generate(model, work, recorded.ids("input.source"), recorded.from(), recorded.to(), options);
      auto const eos = ss::spear_tts::eos_id(model.shape, recorded.to());
      for (ss::index b = 0; b < tokens.extent(0); ++b) {
        auto const& beams = made.beams.at(static_cast<std::size_t>(b));
        REQUIRE(static_cast<ss::index>(beams.size()) == tokens.extent(1));
        for (ss::index n = 0; n < tokens.extent(1); ++n) {
          auto const& beam = beams[static_cast<std::size_t>(n)];
          auto ids = beam.ids;
          if (beam.ended) ids.push_back(eos);
          ss::token::sequence expected;
          for (ss::index t = 0; t < tokens.extent(2) && tokens(b, n, t) >= 0; ++t) expected.push_back(tokens(b, n, t));
          INFO("example " << b << ", beam " << n);
          CHECK(ids == expected);
          CHECK(beam.log_prob == Approx(log_probs(b, n)).epsilon(1e-4));
          CHECK(beam.score == Approx(scores(b, n)).epsilon(1e-4));
          if (n == 0) CHECK(ss::token::row_of(made.ids, b) == expected);
        }
      }
    });
  }
}
