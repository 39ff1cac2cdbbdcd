#include "spearstorm/train/run_folder.hpp"

#include "io/scratch.hpp"

namespace ss = spearstorm;
using namespace ss::train;
using namespace test_io;

TEST_CASE("train/run_folder: checkpoints are found by their number, whatever else lies there") {
  scratch folder;
  run_folder const run(folder / "deep/run");
  CHECK(run.checkpoint_path(42).filename() == "checkpoint-00000042.safetensors");
  CHECK(run.checkpoint_path(1234567890).filename() == "checkpoint-1234567890.safetensors");
  for (ss::index step : {42, 7, 1234567890}) put(run.checkpoint_path(step), "");
  for (char const* other :
       {"checkpoint-.safetensors", "checkpoint-1x.safetensors", "checkpoint-00000009.safetensors.tmp-1-0", "weights.safetensors"})
    put(run.path() / other, "");
  auto const found = run.checkpoints();
  REQUIRE(found.size() == 3);
  CHECK(found.begin()->first == 7);
  CHECK(found.rbegin()->first == 1234567890);
  run.prune(0);
  CHECK(run.checkpoints().size() == 3);
  run.prune(1);
  CHECK(run.checkpoints().size() == 1);
  CHECK(run.checkpoints().count(1234567890) == 1);
}

TEST_CASE("train/run_folder: the log grows by lines, and a resumed run forgets those behind its checkpoint") {
  scratch folder;
  run_folder const run(folder.folder);
  for (int step : {10, 20, 30}) run.log({{"step", step}, {"loss", 0.5}});
  CHECK(content(run.log_path()) == "{\"loss\":0.5,\"step\":10}\n{\"loss\":0.5,\"step\":20}\n{\"loss\":0.5,\"step\":30}\n");
  put(run.log_path(), content(run.log_path()) + "{\"step\":40,\"lo");  // a process was killed while it wrote
  CHECK(run_folder::read_log(run.log_path()).size() == 3);
  run.rewind_log(20);
  auto const kept = run_folder::read_log(run.log_path());
  REQUIRE(kept.size() == 2);
  CHECK(kept.back()["step"] == 20);
}

TEST_CASE("train/run_folder: what an earlier run left is never cleared silently") {
  scratch folder;
  run_folder(folder.folder).log({{"step", 1}});
  CHECK_THROWS_WITH(run_folder(folder.folder), contains("holds the results of an earlier run (0 checkpoints); set resume to go on"));
  CHECK_NOTHROW(run_folder(folder.folder, {.resume = true}));
  CHECK(std::filesystem::exists(folder / "log.jsonl"));
  CHECK_NOTHROW(run_folder(folder.folder, {.force_clear_prev_results = true}));
  CHECK_FALSE(std::filesystem::exists(folder / "log.jsonl"));
  put(folder / "file", "");
  CHECK_THROWS_AS(run_folder(folder / "file/run"), ss::io_error);
}
