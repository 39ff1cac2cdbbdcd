#include "spearstorm/soundstorm/model.hpp"

#include "check_op.hpp"
#include "golden_model.hpp"

using namespace test;
using namespace ss::axes;

namespace {

constexpr ss::soundstorm_shape wrapper{.codebook_size = 11,
                                       .num_quantizers = 3,
                                       .body = {.dim = 16, .depth = 2, .dim_head = 8, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3}};

}  // namespace

TEST_CASE("soundstorm/network: logits of every level, loss on chosen rows and gradients equal soundstorm-pytorch 0.4.11") {
  golden_model const file("conformer_wrapper");
  auto const codes = file.get<std::int32_t, batch<>, frames<>, levels<>>("input.codes");
  auto const chosen = file.get<std::int32_t, rows<>, dim<>>("input.chosen");
  auto const target = file.get<std::int32_t, rows<>>("input.target");
  auto const expected = file.get<float, batch<>, frames<>, levels<>, vocab<>>("output.logits");
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(policy);
    ss::workspace<Exec> work;
    ss::soundstorm::network<ss::dynamic_soundstorm, Exec> net{work, wrapper};
    file.load(net);
    ss::index const n = codes.extent(0) * codes.extent(1);
    for (ss::index level = 0; level < 3; ++level) {
      ss::inference<Exec> ctx{work};
      ss::array<std::int32_t, rows<>> all({n});
      for (ss::index i = 0; i < n; ++i) all(i) = static_cast<std::int32_t>(i);
      std::vector<ss::index> offsets(4, 0);
      std::fill(offsets.begin() + level + 1, offsets.end(), n);
      auto const logits = ctx.download(net.logits(ctx, net.trunk(ctx, ctx.upload(codes)), ctx.upload(all), offsets));
      for (ss::index i = 0; i < n; ++i)
        for (ss::index v = 0; v < 11; ++v)
          CHECK(ss::agree(logits(i, v), expected.data()[(i * 3 + level) * 11 + v], ss::tolerance_of<float>(ss::computed::whole_model)));
    }

    // The chosen positions, sorted by level as the heads expect them.
    std::vector<std::int32_t> at, ids;
    std::vector<ss::index> offsets{0};
    for (int level = 0; level < 3; ++level) {
      for (ss::index r = 0; r < chosen.extent(0); ++r)
        if (chosen(r, 2) == level) {
          at.push_back(static_cast<std::int32_t>(chosen(r, 0) * codes.extent(1) + chosen(r, 1)));
          ids.push_back(target(r));
        }
      offsets.push_back(static_cast<ss::index>(at.size()));
    }
    auto const count = static_cast<ss::index>(at.size());
    ss::recording<Exec> ctx{work};
    auto const where = ctx.upload(ss::array<std::int32_t, rows<>>({count}, at));
    auto const logits = net.logits(ctx, net.trunk(ctx, ctx.upload(codes)), where, offsets);
    auto const loss = ss::ops::cross_entropy(ctx, logits, ctx.upload(ss::array<std::int32_t, rows<>>({count}, ids)));
    CHECK(ctx.item(loss) == Approx(file.tensor("output.loss").values[0]).epsilon(1e-5));
    auto g = ctx.gradients(loss);
    compare_gradients(net, g, file);
  });
}

namespace {
void compare_loss(std::string const& name, ss::soundstorm_shape const& shape) {
  golden_model const file(name);
  ss::soundstorm::token_batch examples{.codes = file.get<std::int32_t, batch<>, frames<>, levels<>>("input.codes")};
  if (file.contains("input.mask")) examples.valid = file.get<ss::flag, batch<>, frames<>>("input.mask");
  ss::token::drawn_mask drawn;
  drawn.input = file.get<std::int32_t, batch<>, frames<>, levels<>>("input.masked");
  drawn.target_mask = file.get<ss::flag, batch<>, frames<>>("input.chosen");
  for (auto l : file.get<std::int32_t, batch<>>("input.level")) drawn.level.push_back(l);
  drawn.target = ss::token::id_array({examples.codes.extent(0), examples.codes.extent(1)});
  for (ss::index b = 0; b < examples.codes.extent(0); ++b)
    for (ss::index t = 0; t < examples.codes.extent(1); ++t)
      drawn.target(b, t) = examples.codes(b, t, drawn.level[static_cast<std::size_t>(b)]);
  for_each_policy<ss::f32>([&]<class Exec>(std::type_identity<Exec>, char const* policy) {
    INFO(name << " on " << policy);
    ss::workspace<Exec> work;
    ss::soundstorm::model<ss::dynamic_soundstorm, Exec> model{work, shape};
    file.load(model.net);
    ss::recording<Exec> ctx{work};
    auto const loss = model.loss_of(ctx, examples, drawn);
    CHECK(ctx.item(loss.total) == Approx(file.tensor("output.loss").values[0]).epsilon(1e-5));
    auto g = ctx.gradients(loss.total);
    compare_gradients(model.net, g, file);
  });
}
constexpr ss::soundstorm_shape small(bool t5) {
  return {.codebook_size = 7,
          .num_quantizers = 3,
          .body = {.dim = 8, .depth = 1, .dim_head = 4, .heads = 2, .ff_mult = 2, .conv_kernel_size = 3, .t5_rel_pos_bias = t5}};
}
}  // namespace

TEST_CASE("soundstorm/model: loss and gradients of recorded masks equal soundstorm-pytorch 0.4.11") {
  SECTION("own length, prompt and level in each row") { compare_loss("soundstorm_loss_padded", small(false)); }
  SECTION("relative position bias") { compare_loss("soundstorm_loss_t5", small(true)); }
}
