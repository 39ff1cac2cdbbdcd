#include "spearstorm/io/safetensors.hpp"

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
using namespace test_io;

TEST_CASE("io/safetensors: what was written is read, in order, of every type") {
  scratch here;
  std::vector<std::uint8_t> const flags = {1, 0, 255};  // 3 bytes: what follows is not aligned
  std::vector<double> const wide = {0.1, -1e300};
  std::vector<float> many(40000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) / 7;
  std::vector<std::byte> const halves(4, std::byte{0x3c});
  std::vector<float> const nothing;

  ss::io::safetensors_writer out(here / "a.safetensors");
  out.metadata("config", R"({"dim": 16, "text": "é\n"})").metadata("version", "1");
  out.add("z.flags", {3}, std::span(flags))
      .add("b \"quoted\" é", {2}, std::span(wide))
      .add("many", {200, 200}, std::span<float const>(many));
  out.add("half", "F16", {2}, halves).add("empty", {0, 4}, std::span(nothing)).add("scalar", {}, std::span(many).first<1>());
  out.commit();

  ss::io::safetensors_file const in(here / "a.safetensors");
  CHECK(in.metadata().at("config") == R"({"dim": 16, "text": "é\n"})");
  std::vector<std::string> names;
  for (auto const& info : in.infos()) names.push_back(info.name);
  CHECK(names == std::vector<std::string>{"z.flags", "b \"quoted\" é", "many", "half", "empty", "scalar"});
  std::vector<std::uint8_t> flags_back(3);
  in.read("z.flags", std::span(flags_back));
  CHECK(flags_back == flags);
  std::vector<double> wide_back(2);
  in.read("b \"quoted\" é", std::span(wide_back));
  CHECK(wide_back == wide);
  std::vector<float> many_back(many.size());
  in.read("many", std::span(many_back));
  CHECK(many_back == many);
  std::vector<double> converted(many.size());
  in.read_converted("many", std::span(converted));  // more than one part
  CHECK(converted == std::vector<double>(many.begin(), many.end()));
  CHECK(in.bytes("half") == halves);
  CHECK(in.info("empty").shape == std::vector<ss::index>{0, 4});
  CHECK(in.bytes("scalar").size() == 4);
}
