#include "spearstorm/io/plot_curves.hpp"

#include "scratch.hpp"

namespace ss = spearstorm;
using namespace ss::io;
using namespace test_io;
using ss::index;

namespace {
/// Rows (from the top) of the pixels in column x that have exactly this colour.
std::vector<index> rows_of(image const& picture, index x, colour ink) {
  std::vector<index> rows;
  for (index y = 0; y < picture.height; ++y)
    if (picture.at(x, y) == ink) rows.push_back(y);
  return rows;
}
double middle(std::vector<index> const& rows) { return rows.empty() ? -1 : static_cast<double>(rows.front() + rows.back()) / 2; }
}  // namespace

TEST_CASE("io/plot_curves: a rising and a falling line cross in the middle") {
  image const picture = plot_curves({{"", {0, 1}, {0, 1}}, {"", {0, 1}, {1, 0}}}, {.width = 400, .height = 300});
  CHECK((picture.width == 400 && picture.height == 300));
  double const up_left = middle(rows_of(picture, 120, line_colour(0))), up_right = middle(rows_of(picture, 320, line_colour(0)));
  double const down_left = middle(rows_of(picture, 120, line_colour(1))), down_right = middle(rows_of(picture, 320, line_colour(1)));
  REQUIRE((up_left > 0 && up_right > 0 && down_left > 0 && down_right > 0));
  CHECK(up_left > up_right + 50);  // rows count downwards
  CHECK(down_left < down_right - 50);
  CHECK(std::abs(up_left - up_right + down_left - down_right) < 3);
}

TEST_CASE("io/plot_curves: what is not finite leaves a gap, title and legend are drawn") {
  image const whole = plot_curves({{"", {0, 1, 2, 3}, {1, 1, 1, 1}}}, {.width = 400, .height = 300});
  image const broken = plot_curves({{"", {0, 1, 2, 3}, {1, NAN, 1, 1}}}, {.width = 400, .height = 300});
  CHECK(!rows_of(whole, 140, line_colour(0)).empty());
  CHECK(rows_of(broken, 140, line_colour(0)).empty());
  CHECK(!rows_of(broken, 360, line_colour(0)).empty());
  image const named = plot_curves({{"loss", {0, 1, 2, 3}, {1, 1, 1, 1}}},
                                  {.title = "run", .x_label = "step", .y_label = "nats", .width = 400, .height = 300});
  auto const inked = [](image const& picture, index from, index until) {
    index count = 0;
    for (index y = from; y < until; ++y)
      for (index x = 0; x < picture.width; ++x) count += picture.at(x, y) != colour{255, 255, 255};
    return count;
  };
  CHECK(inked(named, 14, 35) > 50);
  CHECK(inked(named, 276, 300) > inked(whole, 286, 300));
  CHECK(!rows_of(named, 30, line_colour(0)).empty());  // the legend's dash
}

TEST_CASE("io/plot_curves: degenerate input still gives a picture, wrong input is named") {
  CHECK(plot_curves({}).width == 1000);
  CHECK(plot_curves({{"a", {}, {}}, {"b", {5}, {3}}, {"c", {1, 2}, {NAN, HUGE_VAL}}}).height == 560);
  std::vector<curve> many(40);
  for (curve& each : many) each = {"a rather long name of a curve", {0, 1}, {0, 1}};
  CHECK_NOTHROW(plot_curves(many, {.width = 300, .height = 200}));
  CHECK_THAT(what_of<ss::shape_error>([] { plot_curves({{"loss", {0, 1, 2}, {0, 1}}}); }),
             contains("curve 'loss' has y = 2, its x expects y = 3"));
  CHECK_THROWS_AS(plot_curves({}, {.width = 10}), ss::value_error);
}
