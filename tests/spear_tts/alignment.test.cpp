#include "spearstorm/spear_tts/alignment.hpp"

#include "alignment_of_ranks.hpp"
#include "check_op.hpp"
#include "spearstorm/runtime/thread_communicator.hpp"

using namespace test;
using namespace ss::axes;
using f64 = ss::cpu::scalar<ss::f64>;
using sequence_array = ss::array<double, batch<>, frames<>, dim<>>;
using mask_array = ss::array<ss::flag, batch<>, frames<>>;

namespace {
/// The loss by the formula, in double.
double formula(sequence_array const& source, mask_array const& real, sequence_array const& target, bool smooth, double temp,
               std::vector<ss::index> const& rows) {
  auto const units = [&](sequence_array const& x, mask_array const* mask) {
    std::vector<std::vector<double>> all;
    for (ss::index b : rows) {
      std::vector<double> v;
      double squares = 0;
      for (ss::index j = 0; j < x.extent(2); ++j) {
        double most = -1e300, total = 0;
        for (ss::index t = 0; t < x.extent(1); ++t) {
          if (mask && !(*mask)(b, t)) continue;
          most = std::max(most, x(b, t, j)), total += std::exp(x(b, t, j) / temp);
        }
        v.push_back(smooth ? temp * std::log(total) : most);
        squares += v.back() * v.back();
      }
      for (double& e : v) e /= std::sqrt(squares);
      all.push_back(v);
    }
    return all;
  };
  auto const s = units(source, &real), t = units(target, nullptr);
  double total = 0;
  for (std::size_t i = 0; i < s.size(); ++i)
    for (std::size_t k = 0; k < s.size(); ++k) {
      double apart = 0;
      for (std::size_t j = 0; j < s[i].size(); ++j) apart += s[i][j] * s[k][j] - t[i][j] * t[k][j];
      total += i == k ? 0 : apart * apart;
    }
  return total / static_cast<double>(s.size() * (s.size() - 1));
}
}  // namespace

TEST_CASE("spear_tts/alignment: two examples, by hand") {
  ss::workspace<f64> work;
  ss::inference<f64> ctx{work};
  // one frame each, so pooling changes nothing: sources (3, 4) and (4, 3) are alike by 24 / 25, targets (1, 0) and (0, 2) not at all
  auto const source = ctx.upload(sequence_array({2, 1, 2}, {3, 4, 4, 3})), target = ctx.upload(sequence_array({2, 1, 2}, {1, 0, 0, 2}));
  for (bool smooth : {true, false}) {
    auto const loss = ss::spear_tts::alignment_loss(ctx, source, {}, target, {}, {.use_logsumexp_pool = smooth});
    REQUIRE(loss);
    CHECK(ctx.item(*loss) == Approx(0.96 * 0.96).epsilon(1e-12));
  }
}

TEST_CASE("spear_tts/alignment: an example is not compared with itself: a vector of zeros, which has no length, costs nothing") {
  ss::workspace<f64> work;
  ss::inference<f64> ctx{work};
  auto const source = ctx.upload(sequence_array({2, 1, 2}, {0, 0, 4, 3})), target = ctx.upload(sequence_array({2, 1, 2}, {3, 4, 4, 3}));
  CHECK(ctx.item(*ss::spear_tts::alignment_loss(ctx, source, {}, target, {})) == Approx(0.96 * 0.96).epsilon(1e-12));
}

TEST_CASE("spear_tts/alignment: both poolings, masked and of chosen examples, equal the formula; gradients equal finite differences") {
  auto const source = random_array<batch<>, frames<>, dim<>>({4, 3, 5}, 1), target = random_array<batch<>, frames<>, dim<>>({4, 2, 5}, 2);
  mask_array const real({4, 3}, {1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1});
  std::vector<ss::index> const chosen{3, 0, 2};
  for (bool smooth : {true, false})
    for (bool all : {true, false}) {
      ss::spear_tts::alignment_options const options{.use_logsumexp_pool = smooth};
      std::optional<std::span<ss::index const>> rows;
      if (!all) rows = chosen;
      auto const of = [&](auto& ctx, auto const& s, auto const& t) {
        return *ss::spear_tts::alignment_loss(ctx, s, ctx.upload(real), t, {}, options, rows);
      };
      ss::workspace<f64> work;
      ss::inference<f64> ctx{work};
      CHECK(ctx.item(of(ctx, ctx.upload(source), ctx.upload(target))) ==
            Approx(formula(source, real, target, smooth, 0.1, all ? std::vector<ss::index>{0, 1, 2, 3} : chosen)).epsilon(1e-10));
      if (all) check_op({.kind = ss::computed::whole_model, .expressions = false}, of, source, target);
    }
}

TEST_CASE("spear_tts/alignment: fewer examples than two have no loss, where the package has NaN") {
  ss::workspace<f64> work;
  ss::inference<f64> ctx{work};
  auto const three = ctx.upload(random_array<batch<>, frames<>, dim<>>({3, 2, 4}, 1));
  auto const loss_of = [&](std::vector<ss::index> const& rows) {
    return ss::spear_tts::alignment_loss(ctx, three, {}, three, {}, {}, std::span<ss::index const>(rows)).has_value();
  };
  CHECK_FALSE(loss_of({}));
  CHECK_FALSE(loss_of({1}));
  CHECK(loss_of({1, 2}));
  CHECK_THROWS_WITH(loss_of({1, 3}), "gather_rows: chosen at position 1 = 3, expected 0 to 2");
  auto const one = ctx.upload(random_array<batch<>, frames<>, dim<>>({1, 2, 4}, 1));
  CHECK_FALSE(ss::spear_tts::alignment_loss(ctx, one, {}, one, {}));
  CHECK_THROWS_WITH(ss::spear_tts::alignment_loss(ctx, one, {}, three, {}),
                    "alignment_loss: source has batch = 1, target expects batch = 3");
}

TEST_CASE("spear_tts/alignment: two ranks of 2 and 3 examples have the loss of one rank of 5, and their gradients add up to its") {
  for (bool smooth : {true, false}) {
    auto const alone = alignment_of<f64>(0, 5, nullptr, smooth);
    std::vector<double> each[2];
    ss::run_ranks(2, [&](ss::communicator const& comm) {
      each[comm.rank()] = alignment_of<f64>(comm.rank() == 0 ? 0 : 2, comm.rank() == 0 ? 2 : 3, &comm, smooth);
    });
    CHECK(each[0][0] == each[1][0]);
    auto summed = each[0];
    for (std::size_t i = 1; i < summed.size(); ++i) summed[i] += each[1][i];
    detail::compare("two ranks", summed, alone, {1e-12, 1e-12});
    CHECK(std::abs(alone[1]) > 1e-4);
  }
}

TEST_CASE("spear_tts/alignment: a rank without examples takes part") {
  std::vector<double> found[2];
  ss::run_ranks(2, [&](ss::communicator const& comm) { found[comm.rank()] = alignment_of<f64>(0, comm.rank() == 0 ? 5 : 0, &comm); });
  auto const alone = alignment_of<f64>(0, 5, nullptr);
  CHECK(found[0] == alone);
  CHECK(found[1] == std::vector<double>{alone[0], 0, 0, 0, 0, 0, 0});
}
