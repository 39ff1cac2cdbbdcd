#include "spearstorm/io/png.hpp"

#include "scratch.hpp"

namespace ss = spearstorm;
using namespace ss::io;
using namespace test_io;

TEST_CASE("io/png: every pixel comes back") {
  scratch here;
  image picture(3, 2, {10, 20, 30});
  picture.set(2, 1, {255, 0, 7});
  save_png(here / "a.png", picture);
  image const back = load_png(here / "a.png");
  CHECK(back == picture);
  CHECK((back.at(2, 1) == colour{255, 0, 7}));
  CHECK((back.at(0, 0) == colour{10, 20, 30}));
  CHECK(here.count() == 1);
}

TEST_CASE("io/png: broken files and pictures are named") {
  scratch here;
  CHECK_THAT(what_of<ss::io_error>([&] { load_png(here / "none.png"); }), contains("none.png") && contains("No such file"));
  save_png(here / "a.png", image(40, 40));
  std::string const whole = content(here / "a.png");
  for (std::size_t length : {std::size_t{0}, std::size_t{7}, whole.size() / 2}) {
    put(here / "cut.png", whole.substr(0, length));
    CHECK_THAT(what_of<ss::format_error>([&] { load_png(here / "cut.png"); }), contains("cut.png"));
  }
  image wrong(2, 2);
  wrong.rgb.pop_back();
  CHECK_THAT(what_of<ss::value_error>([&] { save_png(here / "b.png", wrong); }), contains("2 x 2 with 11 bytes"));
  CHECK_THROWS_AS(image(0, 5), ss::value_error);
}
