#include "spearstorm/io/parameters.hpp"

#include "io/scratch.hpp"
#include "spearstorm/nn/linear.hpp"
#include "support/policies.hpp"

using namespace test;
using namespace test_io;

namespace {

template <class Exec>
struct pair_of_layers {
  ss::nn::linear<3, 2, Exec> first;
  std::vector<ss::nn::linear<2, 2, Exec>> more;
  explicit pair_of_layers(ss::workspace<Exec>& work, int depth = 1) : first(work) {
    for (int i = 0; i < depth; ++i) more.emplace_back(work);
  }
  static void visit(auto& self, auto&& each) {
    each("first", self.first);
    each("more", self.more);
  }
};

template <class Exec>
std::vector<double> values_of(pair_of_layers<Exec> const& model) {
  std::vector<double> all;
  ss::for_each_parameter(model, [&](std::string const&, auto const& p) {
    auto const host = p.to_host();
    all.insert(all.end(), host.begin(), host.end());
  });
  return all;
}

}  // namespace

TEST_CASE("io/parameters: names are paths, and values come back bit by bit") {
  scratch folder;
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work({.seed = 1});
  pair_of_layers<exec> const saved(work);
  pair_of_layers<exec> loaded(work);
  REQUIRE(values_of(saved) != values_of(loaded));
  ss::io::save_parameters(folder / "a", saved, "net");

  ss::io::safetensors_file const file(folder / "a");
  CHECK(file.infos().size() == 4);
  CHECK(file.info("net.first.weight").shape == std::vector<ss::index>{2, 3});
  CHECK(file.info("net.more.0.bias").shape == std::vector<ss::index>{2});
  ss::io::load_parameters_(folder / "a", loaded, "net");
  CHECK(values_of(saved) == values_of(loaded));
}

TEST_CASE("io/parameters: a double model reads floats, and bfloat16 keeps 8 bits") {
  scratch folder;
  using exec = ss::cpu::scalar<>;
  using fine = ss::cpu::scalar<ss::f64>;
  ss::workspace<exec> work({.seed = 1});
  ss::workspace<fine> fine_work;
  pair_of_layers<exec> const saved(work);
  pair_of_layers<fine> loaded(fine_work);
  ss::io::save_parameters(folder / "f32", saved);
  ss::io::load_parameters_(folder / "f32", loaded);
  CHECK(values_of(saved) == values_of(loaded));

  ss::io::save_parameters<ss::bfloat16>(folder / "bf16", saved);
  CHECK(ss::io::safetensors_file(folder / "bf16").info("first.weight").dtype == "BF16");
  ss::io::load_parameters_(folder / "bf16", loaded);
  auto const exact = values_of(saved), rounded = values_of(loaded);
  for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(exact[i] - rounded[i]) <= std::abs(exact[i]) / 256);
  CHECK(exact != rounded);
}

TEST_CASE("io/parameters: one message lists everything that does not fit, and nothing is changed") {
  scratch folder;
  using exec = ss::cpu::scalar<>;
  ss::workspace<exec> work;
  std::vector<float> const two{1, 2}, six(6);
  std::vector<std::int32_t> const whole{1, 2};
  ss::io::safetensors_writer(folder / "bad").add("first.weight", {3, 2}, six).add("first.bias", {2}, whole).add("extra", {2}, two).commit();
  pair_of_layers<exec> model(work);
  auto const before = values_of(model);
  auto const text = what_of<ss::format_error>([&] { ss::io::load_parameters_(folder / "bad", model); });
  CHECK(
      text ==
      "load_parameters: '" + (folder / "bad").string() +
          "' does not fit the model:"
          "\n  2 missing:\n    more.0.weight\n    more.0.bias"
          "\n  1 unexpected:\n    extra"
          "\n  2 of another shape or type:\n    first.weight is (3, 2), expected (2, 3)\n    first.bias is I32, expected F32, F64 or BF16");
  CHECK(values_of(model) == before);

  pair_of_layers<exec> deep(work, 10);
  CHECK_THAT(what_of<ss::format_error>([&] { ss::io::load_parameters_(folder / "bad", deep); }), contains("and 12 more"));
}
