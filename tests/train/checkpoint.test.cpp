#include "spearstorm/train/checkpoint.hpp"

#include "io/scratch.hpp"
#include "train/toy.hpp"

using namespace test_train;
using namespace test_io;
using namespace ss::train;

namespace {

/// A toy model that calls itself a SoundStorm of some shape.
struct shaped_toy : toy_model {
  ss::soundstorm_shape told;
  shaped_toy(ss::workspace<exec>& work, ss::soundstorm_shape shape) : toy_model(work), told(shape) {}
  ss::soundstorm_shape const& shape() const { return told; }
};

void train_a_little(ss::workspace<exec>& work, toy_model& model, ss::optim::adamw<exec>& optimizer, ss::index from, ss::index to) {
  for (ss::index k = from; k < to; ++k) {
    ss::recording<exec> ctx{work, {.stochastic = true}};
    auto gradients = ctx.gradients(model.loss(ctx, toy_source{}.at(k).batch));
    optimizer.step_(work, model, gradients);
  }
}

}  // namespace

TEST_CASE("train/checkpoint: parameters, moments, steps and random state come back, so training goes on with the same bits") {
  scratch folder;
  ss::workspace<exec> work{{.seed = 3}};
  toy_model model(work);
  ss::optim::adamw<exec> optimizer;
  train_a_little(work, model, optimizer, 0, 5);
  save_checkpoint(folder / "a", work, model, optimizer, 5, {{"note", "mine"}});
  train_a_little(work, model, optimizer, 5, 10);

  ss::workspace<exec> other{{.seed = 77}};
  toy_model loaded(other);
  ss::optim::adamw<exec> fresh;
  auto const info = load_checkpoint_(folder / "a", other, loaded, fresh);
  CHECK(info.step == 5);
  CHECK(info.optimizer_steps == 5);
  CHECK(info.library == SPEARSTORM_VERSION);
  CHECK(info.configuration["note"] == "mine");
  CHECK(other.random() == ss::random_state{3, 5, 2});
  CHECK(values_of(loaded) != values_of(model));
  train_a_little(other, loaded, fresh, 5, 10);
  CHECK(values_of(loaded) == values_of(model));

  ss::io::safetensors_file const file(folder / "a");
  CHECK(file.infos().size() == 6);
  CHECK(file.info("adamw.square.map.weight").shape == std::vector<ss::index>{2, 3});
}

TEST_CASE("train/checkpoint: before the first step there are no moments, and generating needs none") {
  scratch folder;
  ss::workspace<exec> work{{.seed = 3}};
  toy_model const model(work);
  ss::optim::adamw<exec> optimizer;
  save_checkpoint(folder / "a", work, model, optimizer, 0);
  toy_model loaded(work);
  load_checkpoint_(folder / "a", work, loaded, optimizer);
  CHECK(values_of(loaded) == values_of(model));
  CHECK(optimizer.steps() == 0);
  toy_model third(work);
  load_model_(folder / "a", third);
  CHECK(values_of(third) == values_of(model));
}

TEST_CASE("train/checkpoint: the shape in it builds the model, another shape is refused with the difference") {
  scratch folder;
  ss::workspace<exec> work;
  ss::soundstorm_shape const shape{.codebook_size = 32, .num_quantizers = 3, .body = {.dim = 64, .depth = 2, .conv_causal = true}};
  shaped_toy const model(work, shape);
  save_checkpoint(folder / "a", work, model, ss::optim::adamw<exec>{}, 0);
  CHECK(read_configuration(folder / "a") == shape);

  auto other_shape = shape;
  other_shape.body.depth = 4;
  other_shape.body.conv_causal = false;
  shaped_toy other(work, other_shape);
  auto const before = values_of(other);
  CHECK(what_of<ss::format_error>([&] { load_model_(folder / "a", other); }) ==
        "load_checkpoint: '" + (folder / "a").string() +
            "': was made by a model of another shape: depth = 2, the model has 4; conv_causal = true, the model has false");
  CHECK(values_of(other) == before);
}

TEST_CASE("train/checkpoint: other kinds, other versions and missing moments are refused") {
  scratch folder;
  ss::workspace<exec> work;
  toy_model model(work);
  ss::optim::adamw<exec> optimizer;
  auto const write = [&](std::string const& version, std::string const& steps, std::string const& configuration) {
    ss::io::stored_tensors kept;
    ss::io::store_parameters<float>(kept, model, "model");
    ss::io::safetensors_writer writer(folder / "x");
    writer.metadata("format", "spearstorm.checkpoint").metadata("format_version", version).metadata("library", "9").metadata("step", "1");
    writer.metadata("optimizer_steps", steps).metadata("random_seed", "1").metadata("random_step", "1").metadata("random_layers", "1");
    kept.show(writer.metadata("configuration", configuration));
    writer.commit();
    return what_of<ss::format_error>([&] { load_checkpoint_(folder / "x", work, model, optimizer); });
  };
  CHECK(write("1", "0", "{}").empty());
  CHECK_THAT(write("2", "0", "{}"), contains("format_version is 2, this library reads 1"));
  CHECK_THAT(write("1", "1", "{}"), contains("4 missing:\n    adamw.mean.map.weight"));
  CHECK_THAT(write("1", "0", "{"), contains("bad JSON"));
  CHECK_THAT(what_of<ss::format_error>([&] { read_configuration(folder / "x"); }), contains("bad JSON"));
  write("1", "0", "{}");
  CHECK_THAT(what_of<ss::format_error>([&] { read_configuration(folder / "x"); }), contains("its model is no SoundStorm"));
  ss::io::save_parameters(folder / "y", model);
  CHECK_THAT(what_of<ss::format_error>([&] { load_model_(folder / "y", model); }),
             contains("format is 'spearstorm.parameters', expected 'spearstorm.checkpoint'"));
}
