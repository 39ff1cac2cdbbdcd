// spearstorm train: a SoundStorm from token files. Ctrl-C saves; the same command again goes on.

#include "net_type.hpp"
#include "pictures.hpp"
#include "plan.hpp"
#include "step_cost.hpp"

namespace cli {
namespace {

struct settings {
  fs::path tokens, out;
  ss::soundstorm_shape shape{.body = {.dim = 128, .depth = 3, .dim_head = 32, .heads = 4, .conv_kernel_size = 5}};
  double ema = 0, minutes = 0, rate = 2e-3, final_rate = 0, weight_decay = 0, clip = 0.5, beta2 = 0.98;
  ss::soundstorm::loss_options loss{.mask = {.no_replace_prob = 0, .random_token_prob = 0}};  // as in the paper
  float first_level_weight = 1;
  index prompt_frames = 0;
  bool unconditioned = false;
  index steps = 1000, batch = 8, max_frames = 128, accumulate = 1, warmup = 100, evaluate_every = 0, save_every = 500, threads = 0;
  std::uint64_t seed = 0;
  bool fresh = false, recompute = false;
};

ss::train::train_options options_of(settings const& with, index steps) {
  ss::train::train_options options;
  options.steps = steps;
  options.rate = {.rate = with.rate, .final_rate = with.final_rate, .warmup = std::min(with.warmup, steps / 2)};
  options.adamw.beta2 = with.beta2;
  options.adamw.weight_decay = with.weight_decay;
  options.adamw.max_grad_norm = with.clip;
  options.grad_accum_every = with.accumulate;
  if (with.ema > 0) options.ema = ss::optim::ema_options{.beta = with.ema, .update_every = 1};
  return options;
}

ss::soundstorm_options options_of(settings const& with, ss::train::token_info const& info) {
  auto options = model_options(info);
  options.body.recompute = with.recompute;
  return options;
}

void train(settings with) {
  auto const tokens = [&](char const* name) {
    auto set = ss::train::load_tokens(with.tokens / name);
    return with.unconditioned ? without_semantic(std::move(set)) : set;
  };
  ss::train::batches const source(
      tokens("train.safetensors"),
      {.batch = with.batch, .max_frames = with.max_frames, .seed = with.seed, .prompt_frames = with.prompt_frames});
  ss::train::batches const held_out(tokens("valid.safetensors"), {.batch = 8, .shuffle = false, .prompt_frames = with.prompt_frames});
  if (source.tokens().info != held_out.tokens().info)
    ss::fail<ss::format_error>("train: train.safetensors and valid.safetensors in '", with.tokens.string(), "' are of different codecs");
  with.shape.num_quantizers = source.tokens().info.num_quantizers;
  with.shape.codebook_size = source.tokens().info.codebook_size;
  with.shape.num_semantic_token_ids = source.tokens().info.semantic.num_semantic_token_ids;
  with.loss.mask.prompt = with.prompt_frames == 0;
  with.loss.mask.level_weights.assign(static_cast<std::size_t>(with.shape.num_quantizers), 1.0f);
  with.loss.mask.level_weights[0] = with.first_level_weight;
  index const steps =
      planned_steps({with.out, with.fresh, with.minutes, with.steps}, [&](index count, ss::train::train_hooks const& hooks) {
        ss::workspace<exec> work{{.seed = with.seed, .threads = with.threads}};
        net_type net{work, with.shape, options_of(with, source.tokens().info)};
        ss::train::run(work, net, source, options_of(with, count), hooks, ss::train::loss_with{with.loss});
      });

  ss::workspace<exec> work{{.seed = with.seed, .threads = with.threads}};
  net_type net{work, with.shape, options_of(with, source.tokens().info)};
  print_plan(net, source.tokens().utterances.size(), "utterances", steps, with.batch * with.accumulate,
             soundstorm_step_cost(with.shape, net.options, source, with.loss, with.ema > 0));

  auto options = in_folder(options_of(with, steps), with.out, with.fresh, with.save_every, with.evaluate_every);
  options.configuration = {{"seed", with.seed},
                           {"batch", with.batch},
                           {"max_frames", with.max_frames},
                           {"prompt_frames", with.prompt_frames},
                           {"first_level_weight", with.first_level_weight},
                           {"cond_drop_prob", with.loss.cond_drop_prob},
                           {"no_replace_prob", with.loss.mask.no_replace_prob},
                           {"random_token_prob", with.loss.mask.random_token_prob}};
  ss::train::train_hooks hooks;
  hooks.stop_flag = &stop_wanted;
  hooks.evaluate = [&](index step) {
    auto made = ss::io::json::array();
    for (auto const& l : score(work, net, held_out, step < steps ? 6 : 0))
      made.push_back({{"loss", l.loss}, {"accuracy", l.top1}});  // in between a part tells enough
    return ss::io::json{{"levels", made}};
  };
  catch_signals();
  auto const result = ss::train::run(work, net, source, options, hooks, ss::train::loss_with{with.loss});
  for (char const* name : {"codec.safetensors", "semantic.safetensors"})
    if (fs::exists(with.tokens / name)) fs::copy_file(with.tokens / name, with.out / name, fs::copy_options::overwrite_existing);
  save_loss_curve(with.out / "loss.png", with.out / "log.jsonl");
  report_stop(result, "train", steps);
  print_figures(score(work, net, held_out));
}

void add_shape(CLI::App& command, ss::soundstorm_shape& shape) {
  option(command, "--dim", shape.body.dim, "Width")->check(CLI::Range(2, 65536))->group("Network");
  option(command, "--depth", shape.body.depth, "Conformer blocks")->check(CLI::Range(1, 1024))->group("Network");
  option(command, "--heads", shape.body.heads, "Attention heads")->check(CLI::Range(1, 1024))->group("Network");
  option(command, "--dim-head", shape.body.dim_head, "Width of a head")->check(CLI::Range(2, 65536))->group("Network");
  option(command, "--kernel", shape.body.conv_kernel_size, "Frames that the convolution sees")
      ->check(CLI::Range(1, 65536))
      ->group("Network");
  option(command, "--ff-mult", shape.body.ff_mult, "Feed-forward width / dim")->check(CLI::Range(1, 64))->group("Network");
}

}  // namespace

void add_train(CLI::App& program) {
  auto* const command = program.add_subcommand("train", "Train a SoundStorm; Ctrl-C saves, the same command again goes on");
  auto with = std::make_shared<settings>();
  command->add_option("--tokens", with->tokens, "Folder that tokenize wrote")->required()->check(CLI::ExistingDirectory);
  command->add_option("--out", with->out, "Folder of the run: checkpoints, log.jsonl, loss.png")->required();
  command->add_flag("--fresh", with->fresh, "Remove what an earlier run left there, and begin anew");
  add_shape(*command, with->shape);
  auto* const steps =
      option(*command, "--steps", with->steps, "Of the whole run")->check(CLI::Range(index{1}, index{1} << 40))->group("Training");
  command->add_option("--minutes", with->minutes, "Instead of --steps: as many as fit into this time")
      ->check(CLI::Range(0.01, 1e6))
      ->excludes(steps)
      ->group("Training");
  option(*command, "--batch", with->batch, "Utterances a step")->check(CLI::Range(1, 65536))->group("Training");
  option(*command, "--accumulate", with->accumulate, "Batches a step")->check(CLI::Range(1, 65536))->group("Training");
  command
      ->add_flag("--recompute", with->recompute,
                 "Keep only the input of each block and run it again on the way back: less memory, more time")
      ->group("Training");
  option(*command, "--max-frames", with->max_frames, "Longer utterances are cropped; 0: never")
      ->check(CLI::Range(0, 1 << 30))
      ->group("Training");
  option(*command, "--rate", with->rate, "Learning rate, falling along a cosine")->check(CLI::Range(0.0, 10.0))->group("Training");
  option(*command, "--final-rate", with->final_rate, "Where the cosine ends")->check(CLI::Range(0.0, 10.0))->group("Training");
  option(*command, "--warmup", with->warmup, "Steps until the rate is reached")->check(CLI::Range(0, 1 << 30))->group("Training");
  option(*command, "--weight-decay", with->weight_decay, "AdamW")->check(CLI::Range(0.0, 10.0))->group("Training");
  option(*command, "--beta2", with->beta2, "AdamW")->check(CLI::Range(0.0, 0.999999))->group("Training");
  option(*command, "--no-replace-prob", with->loss.mask.no_replace_prob,
         "Share of masked tokens that are shown as they are, in half of the examples")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Training");
  option(*command, "--random-token-prob", with->loss.mask.random_token_prob,
         "Share of the others that are shown as random codes, in half of the examples")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Training");
  option(*command, "--prompt-frames", with->prompt_frames,
         "Begin each example with so much of another recording of its voice, always shown; 0: show a drawn part of the example")
      ->check(CLI::Range(0, 1 << 30))
      ->group("Training");
  option(*command, "--first-level-weight", with->first_level_weight, "How often the first level is drawn, against each other level")
      ->check(CLI::Range(0.01, 1e6))
      ->group("Training");
  option(*command, "--cond-drop-prob", with->loss.cond_drop_prob, "How often an example's semantic tokens are left out")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Training");
  command->add_flag("--unconditioned", with->unconditioned, "Ignore the semantic tokens that the folder holds")->group("Training");
  option(*command, "--clip", with->clip, "Largest norm of the gradients; 0: any")->check(CLI::Range(0.0, 1e9))->group("Training");
  option(*command, "--ema", with->ema, "Evaluate and keep an average of the weights with this decay, e.g. 0.995; 0: none")
      ->check(CLI::Range(0.0, 0.9999999))
      ->group("Training");
  option(*command, "--evaluate-every", with->evaluate_every, "Steps; 0: five times a run")->group("Training");
  option(*command, "--save-every", with->save_every, "Steps; also at the end")->group("Training");
  option(*command, "--seed", with->seed, "Of weights, order and masks")->group("Training");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024))->group("Training");
  command->callback([with] { train(*with); });
}

}  // namespace cli
