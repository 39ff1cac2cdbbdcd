#include "spearstorm/io/package_tensors.hpp"

#include "io/package_model.hpp"

using namespace test_io;
namespace io = ss::io;

namespace {

auto finder(io::package_dict const& dict) {
  return [&dict](std::string const& key) { return dict.contains(key) ? &dict.at(key) : nullptr; };
}

}  // namespace

TEST_CASE("io/package_tensors: parts and transposed tensors go where they belong, and back") {
  ss::workspace<ss::cpu::scalar<>> work{{.seed = 1}};
  three_maps<> model{work}, other{work};
  model.first.weight.assign_(std::vector<float>{1, 2, 3, 4, 5, 6});
  model.second.weight.assign_(std::vector<float>{7, 8, 9, 10, 11, 12});
  auto const dict = io::to_package(model, map_contents{});
  CHECK(dict.at("both").shape == std::vector<ss::index>{6, 2});
  CHECK(dict.at("both").values == std::vector<float>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
  auto const last = model.last.weight.to_host();
  CHECK(dict.at("last.weight").values == std::vector<float>(last.begin(), last.end()));
  REQUIRE(all_of(other) != all_of(model));
  io::from_package_(other, map_contents{}, finder(dict));
  CHECK(all_of(other) == all_of(model));
}

TEST_CASE("io/package_tensors: something else than the values, in another type") {
  ss::workspace<ss::cpu::scalar<>> work{{.seed = 2}};
  three_maps<> const model{work};
  auto const counted =
      io::to_package<double>(model, map_contents{}, [](std::string const&, auto const& p) { return std::vector<float>(p.size(), 0.5f); });
  CHECK(counted.at("both").values == std::vector<double>(12, 0.5));
  auto const narrow = io::to_package<ss::bfloat16>(model, map_contents{});
  auto at = narrow.at("last.weight").values.begin();
  for (float const x : model.last.weight.to_host()) CHECK(static_cast<float>(*at++) == static_cast<float>(ss::bfloat16(x)));
}

TEST_CASE("io/package_tensors: all differences are told at once, and nothing is read then") {
  ss::workspace<ss::cpu::scalar<>> work{{.seed = 3}};
  three_maps<> model{work};
  auto const before = all_of(model);
  auto dict = io::to_package(model, map_contents{});
  for (auto& value : dict.at("last.weight").values) value += 1;
  dict.erase("last.bias");
  dict.at("both").shape = {2, 6};
  CHECK_THROWS_WITH(io::from_package_(model, map_contents{}, finder(dict), {"last.weight", "extra"}),
                    "from_package: the weights do not fit the model:\n"
                    "  both is (2, 6), the model has (6, 2)\n"
                    "  last.bias is missing, the model has (2)\n"
                    "  extra is in the file, the model has no such tensor");
  CHECK(all_of(model) == before);
}
