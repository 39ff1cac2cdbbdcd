// The cases of bench/compare; what is done with them is checked by compare_table.py.

#include "catch.hpp"

#if defined(SPEARSTORM_HAVE_JSON)

#include <fstream>
#include <iterator>

#include "spearstorm/io/json.hpp"

namespace ss = spearstorm;

namespace {

ss::io::json cases() {
  std::string const path = SPEARSTORM_GOLDEN_DIR "/../../bench/compare_cases.json";
  std::ifstream file(path);
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  return ss::io::parse_json(text, path);
}

}  // namespace

TEST_CASE("bench/compare_cases: every name that was asked for has a case") {
  auto const all = cases();
  for (std::string const name :
       {"soundstorm_forward_paper_bf16", "soundstorm_forward_512", "soundstorm_generate_512", "soundstorm_generate_paper",
        "soundstorm_train_512", "soundstorm_train_128", "soundstorm_train_128_hyper", "gemm_f32", "gemm_bf16", "attention", "elementwise",
        "adamw", "text_to_semantic_generate_1", "text_to_semantic_generate_8", "text_to_semantic_train"}) {
    INFO(name);
    CHECK(std::any_of(all.items().begin(), all.items().end(), [&](auto const& item) { return item.key().starts_with(name); }));
  }
}

TEST_CASE("bench/compare_cases: a case is whole, alone or with the one that it is like; its name tells its dtype") {
  auto const all = cases();
  for (auto const& [name, own] : all.items()) {
    INFO(name);
    auto of = own;
    if (own.contains("like")) {
      auto const like = own.at("like").get<std::string>();
      REQUIRE(all.contains(like));
      of = all.at(like);
      CHECK_FALSE(of.contains("like"));
      of.update(own);
    }
    CHECK(of.contains("does"));
    CHECK(of.contains("work"));
    auto const dtype = of.value("dtype", "f32");
    CHECK((dtype == "f32" || dtype == "bf16" || dtype == "int8"));
    for (std::string const narrow : {"bf16", "int8"}) CHECK((dtype == narrow) == (name.find("_" + narrow) != name.npos));
  }
}

#endif
