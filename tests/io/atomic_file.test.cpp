#include "spearstorm/io/atomic_file.hpp"

#include <signal.h>
#include <sys/resource.h>

#include "catch.hpp"
#include "scratch.hpp"

namespace ss = spearstorm;
namespace fs = std::filesystem;
using namespace test_io;

TEST_CASE("io/atomic_file: content appears at commit, not before") {
  scratch here;
  ss::io::atomic_file file(here / "a.txt");
  file.write("one ");
  file.write("two");
  CHECK_FALSE(fs::exists(here / "a.txt"));
  file.commit();
  CHECK(content(here / "a.txt") == "one two");
  CHECK(here.count() == 1);
}

TEST_CASE("io/atomic_file: without commit the old file stays and nothing is left behind") {
  scratch here;
  ss::io::write_atomically(here / "a.txt", "old");
  {
    ss::io::atomic_file file(here / "a.txt");
    file.write("new");
  }
  CHECK(content(here / "a.txt") == "old");
  CHECK(here.count() == 1);
}

TEST_CASE("io/atomic_file: a write that the system refuses leaves the old file and names path and reason") {
  scratch here;
  ss::io::write_atomically(here / "a.txt", "old");
  struct rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto const handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit tight = before;
  tight.rlim_cur = 1000;
  ::setrlimit(RLIMIT_FSIZE, &tight);
  std::string const text = what_of<ss::io_error>([&] { ss::io::write_atomically(here / "a.txt", std::string(5000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  CHECK_THAT(text, contains("a.txt") && contains("File too large"));
  CHECK(content(here / "a.txt") == "old");
  CHECK(here.count() == 1);
}

TEST_CASE("io/atomic_file: a rename that the system refuses removes the temporary file") {
  scratch here;
  fs::create_directory(here / "folder");
  CHECK_THAT(what_of<ss::io_error>([&] { ss::io::write_atomically(here / "folder", "x"); }), contains("rename") && contains("directory"));
  CHECK(here.count() == 1);
  CHECK_THAT(what_of<ss::io_error>([&] { ss::io::write_atomically(here / "none/a", "x"); }),
             contains("none/a") && contains("No such file"));
}

TEST_CASE("io/atomic_file: a link is followed and permissions are kept") {
  scratch here;
  put(here / "real", "old");
  fs::permissions(here / "real", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(here / "real", here / "link");
  ss::io::write_atomically(here / "link", "new");
  CHECK(fs::is_symlink(here / "link"));
  CHECK(content(here / "real") == "new");
  CHECK(fs::status(here / "real").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}
