#pragma once
// What train-text trains on: rows in memory, and a task that is chosen when it runs, since three types of loss would compile the loop three times.

#include "command.hpp"
#include "spearstorm/spear_tts/tasks.hpp"
#include "spearstorm/train/pair_batches.hpp"

namespace cli {

using text_batches = ss::train::pair_batches<ss::train::rows_in_memory>;

struct text_task {
  std::string name;
  ss::spear_tts::pretraining_options spoil;
  ss::spear_tts::loss_options options{};

  template <class Exec>
  auto operator()(ss::context<Exec> auto& ctx, ss::text_to_semantic<ss::dynamic_text_to_semantic, Exec> const& net,
                  ss::token::pair_batch const& batch) const {
    if (name == "pretrain") return ss::spear_tts::pretraining_task{spoil, options}(ctx, net, batch);
    if (name == "text-to-semantic") return ss::spear_tts::text_to_semantic_task{options}(ctx, net, batch);
    return ss::spear_tts::semantic_to_text_task{options}(ctx, net, batch);
  }
};

}  // namespace cli
