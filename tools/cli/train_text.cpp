// spearstorm train-text: SPEAR-TTS's sequence model, in any of its three tasks. Ctrl-C saves; the same command again goes on.

#include <set>

#include "pictures.hpp"
#include "plan.hpp"
#include "spearstorm/spear_tts/freeze.hpp"
#include "spoken_text.hpp"
#include "step_cost.hpp"
#include "text_net.hpp"
#include "text_net_type.hpp"

namespace cli {
namespace {

struct settings {
  fs::path corpus, tokens, out, from;
  std::vector<fs::path> pairs;
  std::string task = "text-to-semantic";
  ss::text_to_semantic_shape shape{.dim = 128, .source_depth = 2, .target_depth = 2, .dim_head = 32, .heads = 4};
  ss::text_to_semantic_options options{};
  double minutes = 0, rate = 1e-3, final_rate = 5e-5, weight_decay = 0.01, clip = 0.5, ema = 0, deletion_prob = 0.6;
  index steps = 600, batch = 16, warmup = 100, labelled = -1, freeze_encoder_below = 0, evaluate_every = 0, save_every = 500, threads = 0;
  bool voices = false, freeze_encoder = false, freeze_decoder = false, freeze_speech = false, freeze_text = false, reconstruct = false,
       fresh = false;
  std::uint64_t seed = 0;

  bool pretrains() const { return task == "pretrain"; }
  bool reads_text() const { return task == "text-to-semantic"; }
};

ss::train::train_options options_of(settings const& with, index steps) {
  ss::train::train_options options;
  options.steps = steps;
  options.rate = {.rate = with.rate, .final_rate = with.final_rate, .warmup = std::min(with.warmup, steps / 2)};
  options.adamw.weight_decay = with.weight_decay;
  options.adamw.max_grad_norm = with.clip;
  if (with.ema > 0) options.ema = ss::optim::ema_options{.beta = with.ema, .update_every = 1};
  return options;
}

/// The first weights: a run's or checkpoint's, or none.
fs::path first_weights(fs::path const& from) {
  if (from.empty() || fs::is_regular_file(from)) return from;
  auto const found = ss::train::run_folder::checkpoints_in(from);
  if (found.empty()) ss::fail<ss::value_error>("train-text: --from '", from.string(), "' holds no checkpoint-*.safetensors");
  return found.rbegin()->second;
}

void freeze(settings const& with, text_net_type& net) {
  if (with.freeze_encoder) ss::spear_tts::freeze_encoder(net);
  if (with.freeze_encoder_below > 0) ss::spear_tts::freeze_encoder_below_layer(net, with.freeze_encoder_below);
  if (with.freeze_decoder) ss::spear_tts::freeze_decoder(net);
  if (with.freeze_speech) ss::spear_tts::freeze_speech_emb(net);
  if (with.freeze_text) ss::spear_tts::freeze_text_emb(net);
}

/// A network with its first weights, frozen as asked for.
struct beginning {
  ss::workspace<exec> work;
  text_net_type net;

  explicit beginning(settings const& with) : work({.seed = with.seed, .threads = with.threads}), net(work, with.shape, with.options) {
    if (auto const from = first_weights(with.from); !from.empty()) ss::train::load_model_(from, net);
    freeze(with, net);
  }
};

/// Rows of the task: labelled utterances (the first of all voices), then pairs of files; of speech alone, every utterance.
ss::train::rows_in_memory rows_of(settings const& with, spoken_text const& all, text_about const& about) {
  ss::text::character_tokenizer const tokenizer(about.symbols);
  ss::train::rows_in_memory rows;
  auto const add = [&](ss::token::sequence semantic, ss::token::sequence text) {
    if (with.reads_text()) std::swap(semantic, text);
    rows.sources.push_back(std::move(semantic));
    if (!with.pretrains()) rows.targets.push_back(std::move(text));
  };
  auto const runs = all.runs();
  std::size_t const labelled =
      with.labelled < 0 || with.pretrains() ? runs.size() : std::min(runs.size(), static_cast<std::size_t>(with.labelled));
  for (std::size_t i = 0; i < labelled; ++i) add(runs[i], about.encode(tokenizer, all.texts[i], all.voices[i]));
  for (auto const& folder : with.pairs) {
    auto const set = ss::train::load_pairs(folder);
    for (auto const& [name, found, expected] :
         {std::tuple{"semantic", set.info().num_semantic_token_ids, with.shape.num_semantic_token_ids},
          std::tuple{"text", set.info().num_text_token_ids, with.shape.num_text_token_ids}})
      if (found != expected)
        ss::fail<ss::value_error>("train-text: '", folder.string(), "' has ", found, " ", name, " ids, the network ", expected);
    for (index i = 0; i < set.size(); ++i) {
      auto const row = set[i];
      if (row.text.empty() || row.semantic.empty()) continue;  // a label that came out empty teaches nothing
      add({row.semantic.begin(), row.semantic.end()}, {row.text.begin(), row.text.end()});
    }
  }
  if (rows.size() == 0) ss::fail<ss::value_error>("train-text: no rows; expected --labelled above 0, or --pairs");
  return rows;
}

/// Mean loss over batches, nothing hidden.
double held_out_loss(ss::workspace<exec>& work, text_net_type const& net, text_batches const& source, text_task loss, index most) {
  loss.options.cond_drop_prob = 0;
  double sum = 0;
  index const count = std::min(most, source.per_epoch());
  for (index k = 0; k < count; ++k) {
    auto const item = source.at(k);
    ss::inference<exec> ctx{work, {.first_example = static_cast<std::uint32_t>(item.first_example)}};
    sum += ctx.item(loss(ctx, net, item.batch));
  }
  return sum / static_cast<double>(count);
}

std::vector<std::string> voices_of(spoken_text const& spoken) {
  std::set<std::string> const found(spoken.voices.begin(), spoken.voices.end());
  std::vector<std::string> made(found.begin(), found.end());
  std::erase(made, "");
  return made;
}

/// Of all voices, then of each.
std::vector<ss::token::mean_durations> durations_of(spoken_text const& spoken) {
  index const ids = spoken.info.num_semantic_token_ids;
  std::vector made{ss::token::mean_durations::learn(spoken.semantic, ids)};
  for (auto const& voice : voices_of(spoken)) {
    std::vector<ss::token::sequence> rows;
    for (std::size_t i = 0; i < spoken.size(); ++i)
      if (spoken.voices[i] == voice) rows.push_back(spoken.semantic[i]);
    made.push_back(ss::token::mean_durations::learn(rows, ids));
  }
  return made;
}

void train(settings with) {
  if (with.voices && !with.reads_text())
    ss::fail<ss::value_error>("train-text: --voices with the task ", with.task, ", expected text-to-semantic: only there text is read");
  if (with.voices && !with.pairs.empty()) ss::fail<ss::value_error>("train-text: --voices with --pairs, expected one: pairs name no voice");
  auto const spoken = load_spoken_text(with.corpus, with.tokens, "train"), valid = load_spoken_text(with.corpus, with.tokens, "valid");
  text_about about{.task = with.task,
                   .symbols = {},
                   .voices = voices_of(spoken),
                   .tells_voice = with.voices,
                   .durations = durations_of(spoken),
                   .sample_hz = spoken.info.sample_hz,
                   .downsample_factor = spoken.info.downsample_factor};
  if (auto const from = first_weights(with.from); !from.empty()) {
    auto const before = read_text_about(from);
    about.symbols = before.symbols, about.voices = before.voices;
    auto const known = ss::train::read_text_to_semantic(from);
    with.shape = known.shape;  // the network's sizes are those of its first weights
  } else {
    about.symbols = symbols_of(spoken.texts, about.voices.size());
    with.shape.num_text_token_ids = static_cast<index>(about.symbols.size());
    with.shape.num_semantic_token_ids = spoken.info.num_semantic_token_ids;
  }
  text_batches const source(rows_of(with, spoken, about), {.batch = with.batch, .seed = with.seed, .window = 4});
  auto held = with;
  held.labelled = -1, held.pairs.clear();
  text_batches const held_out(rows_of(held, valid, about), {.batch = 16, .shuffle = false});

  text_task const loss{with.task,
                       {.deletion = {.deletion_prob = with.deletion_prob},
                        .reconstruct_seq = with.reconstruct,
                        .mask_deleted = with.shape.semantic_mask_token}};
  index const steps =
      planned_steps({with.out, with.fresh, with.minutes, with.steps}, [&](index count, ss::train::train_hooks const& hooks) {
        beginning one(with);
        ss::train::run(one.work, one.net, source, options_of(with, count), hooks, loss);
      });
  beginning made(with);
  print_plan(made.net, static_cast<std::size_t>(source.rows().size()), "rows", steps, with.batch,
             text_step_cost(with.shape, with.options, source, loss, with.ema > 0));
  auto options = in_folder(options_of(with, steps), with.out, with.fresh, with.save_every, with.evaluate_every);
  options.configuration = {{"text", to_json(about)}, {"seed", with.seed}, {"batch", with.batch}};
  ss::train::train_hooks hooks;
  hooks.stop_flag = &stop_wanted;
  hooks.evaluate = [&](index) { return ss::io::json{{"loss", held_out_loss(made.work, made.net, held_out, loss, 6)}}; };
  catch_signals();
  auto const result = ss::train::run(made.work, made.net, source, options, hooks, loss);
  save_loss_curve(with.out / "loss.png", with.out / "log.jsonl");
  report_stop(result, "train-text", steps);
  std::printf("held-out loss %.3f nats a token\n", held_out_loss(made.work, made.net, held_out, loss, held_out.per_epoch()));
}

void add_network(CLI::App& command, settings& with) {
  auto& shape = with.shape;
  option(command, "--dim", shape.dim, "Width")->check(CLI::Range(2, 65536))->group("Network");
  option(command, "--source-depth", shape.source_depth, "Layers of the encoder")->check(CLI::Range(1, 1024))->group("Network");
  option(command, "--target-depth", shape.target_depth, "Layers of the decoder")->check(CLI::Range(1, 1024))->group("Network");
  option(command, "--heads", shape.heads, "Attention heads")->check(CLI::Range(1, 1024))->group("Network");
  option(command, "--dim-head", shape.dim_head, "Width of a head")->check(CLI::Range(2, 65536))->group("Network");
  option(command, "--target-kv-heads", shape.target_kv_heads, "Heads of the decoder's keys; 0: as many as heads")
      ->check(CLI::Range(0, 1024))
      ->group("Network");
  option(command, "--ff-mult", shape.ff_mult, "Feed-forward width / dim, before it is gated")->check(CLI::Range(1, 64))->group("Network");
  option(command, "--early-exit-layer", shape.target_early_exit_layer, "The decoder's layer that drafts for speculative decoding; 0: none")
      ->check(CLI::Range(0, 1024))
      ->group("Network");
  command.add_flag("--mask-token", shape.semantic_mask_token, "Pretraining masks instead of deleting")->group("Network");
  option(command, "--ff-dropout", with.options.ff_dropout, "Share of feed-forward features left out")
      ->check(CLI::Range(0.0, 0.99))
      ->group("Network");
  option(command, "--attn-dropout", with.options.attn_dropout, "The same of what attention adds")
      ->check(CLI::Range(0.0, 0.99))
      ->group("Network");
  command
      .add_flag("--recompute", with.options.recompute,
                "Keep only the input of each layer and run it again on the way back: less memory, more time")
      ->group("Network");
  option(command, "--cond-drop-prob", with.options.cond_drop_prob, "How often a source is hidden, for guidance")
      ->check(CLI::Range(0.0, 0.99))
      ->group("Network");
}

}  // namespace

void add_train_text(CLI::App& program) {
  auto* const command =
      program.add_subcommand("train-text", "Train SPEAR-TTS's sequence model: pretrain, semantic-to-text, text-to-semantic");
  auto with = std::make_shared<settings>();
  command->add_option("--corpus", with->corpus, "Folder with manifest.tsv: the texts")->required()->check(CLI::ExistingDirectory);
  command->add_option("--tokens", with->tokens, "Folder that tokenize wrote: the semantic tokens")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--out", with->out, "Folder of the run: checkpoints, log.jsonl, loss.png")->required();
  command->add_flag("--fresh", with->fresh, "Remove what an earlier run left there, and begin anew");
  option(*command, "--task", with->task, "What is learned")->check(CLI::IsMember({"pretrain", "semantic-to-text", "text-to-semantic"}));
  command->add_flag("--voices", with->voices, "Each text begins with a symbol of the voice that says it");
  command->add_option("--from", with->from, "First weights: a run's folder or a checkpoint; its sizes count")->check(CLI::ExistingPath);
  command->add_option("--pairs", with->pairs, "Folders of labelled pairs, beside the corpus")->check(CLI::ExistingDirectory);
  option(*command, "--labelled", with->labelled, "Use the texts of so many utterances only; -1: of all")->check(CLI::Range(-1, 1 << 30));
  add_network(*command, *with);
  auto* const steps =
      option(*command, "--steps", with->steps, "Of the whole run")->check(CLI::Range(index{1}, index{1} << 40))->group("Training");
  command->add_option("--minutes", with->minutes, "Instead of --steps: as many as fit into this time")
      ->check(CLI::Range(0.01, 1e6))
      ->excludes(steps)
      ->group("Training");
  option(*command, "--batch", with->batch, "Rows a step")->check(CLI::Range(1, 65536))->group("Training");
  option(*command, "--rate", with->rate, "Learning rate, falling along a cosine")->check(CLI::Range(0.0, 10.0))->group("Training");
  option(*command, "--final-rate", with->final_rate, "Where the cosine ends")->check(CLI::Range(0.0, 10.0))->group("Training");
  option(*command, "--warmup", with->warmup, "Steps until the rate is reached")->check(CLI::Range(0, 1 << 30))->group("Training");
  option(*command, "--weight-decay", with->weight_decay, "AdamW")->check(CLI::Range(0.0, 10.0))->group("Training");
  option(*command, "--clip", with->clip, "Largest norm of the gradients; 0: any")->check(CLI::Range(0.0, 1e9))->group("Training");
  option(*command, "--ema", with->ema, "Evaluate and keep an average of the weights with this decay; 0: none")
      ->check(CLI::Range(0.0, 0.9999999))
      ->group("Training");
  option(*command, "--deletion-prob", with->deletion_prob, "Share of each row that pretraining deletes")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Training");
  command->add_flag("--reconstruct-seq", with->reconstruct, "Pretraining asks for the whole row, not for what was deleted")
      ->group("Training");
  command->add_flag("--freeze-encoder", with->freeze_encoder, "Leave the encoder as it is")->group("Training");
  option(*command, "--freeze-encoder-below", with->freeze_encoder_below, "Leave so many of its layers as they are")
      ->check(CLI::Range(0, 1024))
      ->group("Training");
  command->add_flag("--freeze-decoder", with->freeze_decoder, "Leave the decoder as it is")->group("Training");
  command->add_flag("--freeze-speech", with->freeze_speech, "Leave the semantic tokens' embedding and start as they are")
      ->group("Training");
  command->add_flag("--freeze-text", with->freeze_text, "The same of text")->group("Training");
  option(*command, "--evaluate-every", with->evaluate_every, "Steps; 0: five times a run")->group("Training");
  option(*command, "--save-every", with->save_every, "Steps; also at the end")->group("Training");
  option(*command, "--seed", with->seed, "Of weights, order and draws")->group("Training");
  option(*command, "--threads", with->threads, "0: one for each processor")->check(CLI::Range(0, 1024))->group("Training");
  command->callback([with] { train(*with); });
}

}  // namespace cli
