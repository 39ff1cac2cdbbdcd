#include "spearstorm/train/progress.hpp"

#include "catch.hpp"

namespace ss = spearstorm;
using namespace ss::train;

namespace {

/// What a bar prints, with a clock of our own.
struct printed {
  std::FILE* file = std::tmpfile();
  double time = 100;
  progress_options options(bool terminal) {
    return {.out = file, .is_terminal = [terminal](std::FILE*) { return terminal; }, .now = [this] { return time; }};
  }
  std::string text() {
    std::string all(static_cast<std::size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    all.resize(std::fread(all.data(), 1, all.size(), file));
    return all;
  }
  ~printed() { std::fclose(file); }
};

}  // namespace

TEST_CASE("train/progress: a line that can be checked by hand") {
  progress_state state{.done = 40, .total = 100, .loss = 1.23456, .tokens_per_second = 12345, .seconds = 40, .began_at = 0};
  CHECK(progress_line(state, 10) == " 40/100 [####------] loss 1.2346  12.3k tokens/s  1m00s left");
  state.began_at = 20;  // 20 steps took 40 seconds, 60 are left
  CHECK(progress_line(state, 10) == " 40/100 [####------] loss 1.2346  12.3k tokens/s  2m00s left");
  CHECK(progress_line({.done = 5, .total = 5, .seconds = 3.2}, 5) == "5/5 [#####]  in 3s");
  CHECK(progress_line({.done = 0, .total = 0}, 3) == "0/0 [---]  in 0s");
}

TEST_CASE("train/progress: durations and counts") {
  CHECK(duration_text(0.4) == "0s");
  CHECK(duration_text(187) == "3m07s");
  CHECK(duration_text(7500) == "2h05m");
  CHECK(duration_text(std::numeric_limits<double>::infinity()) == "?");
  CHECK(count_text(950) == "950");
  CHECK(count_text(4.5612e6) == "4.56M");
}

TEST_CASE("train/progress: on a terminal one line is redrawn, at most ten times a second") {
  printed out;
  {
    progress_bar bar(4, 0, out.options(true));
    bar.update(1);
    bar.update(2);  // at the same moment: not shown
    out.time += 1;
    bar.update(3);
    bar.update(4);
  }
  auto const text = out.text();
  CHECK(std::count(text.begin(), text.end(), '\r') == 3);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.find("2/4") == text.npos);
  CHECK(text.find("4/4 [####################]  in 1s\x1b[K\n") != text.npos);
}

TEST_CASE("train/progress: elsewhere a line every few seconds, and the last one when it ends early") {
  printed out;
  {
    progress_bar bar(100, 0, out.options(false));
    for (int step = 1; step <= 12; ++step) {
      out.time += 1;
      bar.update(step);
    }
  }
  auto const text = out.text();
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);  // after 5, 10, and at the end
  CHECK(text.find('\r') == text.npos);
  CHECK(text.find("  5/100") != text.npos);
  CHECK(text.find(" 12/100") != text.npos);
}
