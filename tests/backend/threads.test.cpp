// The same bits for 1, 2 and 3 threads: what a task computes depends on its number alone.
#include "spearstorm/backend/verbs.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include "numbers.hpp"

namespace test {

namespace {

template <class T>
struct normalise_row {
  T const* x;
  T* y;
  index cols;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    using pack = typename Lanes::pack;
    T const total = Lanes::sum(cols, [&](auto at) { return at.load(x + row * cols); });
    Lanes::each(cols, [&](auto at) { at.store(y + row * cols, at.load(x + row * cols) - pack(total)); });
  }
};

/// One after the other: rows, elements, a product with many tiles.
template <class Exec>
auto results(index threads) {
  using T = typename Exec::value_type;
  alone<Exec> with(threads);
  index const rows = 500, cols = 211;  // several tasks, and tails
  auto const x = numbers<T>(rows * cols);
  std::vector<T> y(x.size()), c(static_cast<std::size_t>(rows * rows));
  ss::verbs::each_row<T>(with.exec, rows, cols, normalise_row<T>{x.data(), y.data(), cols});
  ss::verbs::gemm(with.exec, {.m = rows, .n = rows, .k = cols, .trans_b = true, .lda = cols, .ldb = cols, .ldc = rows}, x.data(), y.data(),
                  c.data());
  y.insert(y.end(), c.begin(), c.end());
  return y;
}

}  // namespace

TEST_CASE("backend/threads: bit-equal for 1, 2 and 3 threads") {
  auto const check = []<class Exec>(std::type_identity<Exec>, char const* name) {
    INFO(name);
    auto const one = results<Exec>(1);
    CHECK(results<Exec>(2) == one);
    CHECK(results<Exec>(3) == one);
  };
  for_each_policy<ss::f32>(check);
  for_each_policy<ss::f64>(check);
}

namespace {

/// This process's threads as the kernel names their states; empty where there is no /proc.
std::vector<char> thread_states() {
  std::vector<char> states;
  std::error_code none;
  for (auto const& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
    std::ifstream file(task.path() / "stat");
    std::string text;
    std::getline(file, text);
    if (auto const name = text.rfind(')'); name != text.npos && name + 2 < text.size()) states.push_back(text[name + 2]);
  }
  return states;
}

/// As many threads of the user's as asked for, each with a policy and a team of its own, at the same time.
template <class Exec>
std::vector<std::vector<typename Exec::value_type>> results_of_users(int users) {
  std::vector<std::vector<typename Exec::value_type>> all(static_cast<std::size_t>(users));
#if defined(_OPENMP)
#pragma omp parallel for num_threads(users) schedule(static, 1)
  for (int user = 0; user < users; ++user) all[static_cast<std::size_t>(user)] = results<Exec>(2);
#else
  std::vector<std::thread> threads;
  for (int user = 0; user < users; ++user) threads.emplace_back([&all, user] { all[static_cast<std::size_t>(user)] = results<Exec>(2); });
  for (auto& thread : threads) thread.join();
#endif
  return all;
}

}  // namespace

TEST_CASE("backend/threads: in each thread of an OpenMP program a team of its own, the same bits") {
  auto const alone_bits = results<fastest>(1);
  for (auto const& found : results_of_users<fastest>(3)) CHECK(found == alone_bits);
}

TEST_CASE("backend/threads: a team has the threads that it was given, which sleep where there is nothing to do") {
  std::size_t const before = thread_states().size();
  if (before == 0) return;  // no /proc
  alone<fastest> with(3);
  CHECK(thread_states().size() == before + 2);
  std::vector<float> const a(512 * 512, 1.0f), b(512 * 512, 1.0f);
  std::vector<float> c(512 * 512);
  ss::verbs::gemm(with.exec, {.m = 512, .n = 512, .k = 512, .lda = 512, .ldb = 512, .ldc = 512}, a.data(), b.data(), c.data());
  CHECK(thread_states().size() == before + 2);  // nor does a library below start its own
  auto const awake = [] {
    auto const states = thread_states();
    return std::count(states.begin(), states.end(), 'R');
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (int wait = 0; awake() > 1 && wait < 1000; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(awake() <= 1);  // this one
}

}  // namespace test
