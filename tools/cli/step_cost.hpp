#pragma once
// What a training step of each command will take, found by a dry run; compiled apart, since a dry run has types of its own.

#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/train/batches.hpp"
#include "spearstorm/train/dry_run.hpp"
#include "text_task.hpp"

namespace cli {

ss::train::step_cost soundstorm_step_cost(ss::soundstorm_shape const& shape, ss::soundstorm_options const& with,
                                          ss::train::batches const& source, ss::soundstorm::loss_options const& loss, bool average);

ss::train::step_cost text_step_cost(ss::text_to_semantic_shape const& shape, ss::text_to_semantic_options const& with,
                                    text_batches const& source, text_task const& task, bool average);

}  // namespace cli
