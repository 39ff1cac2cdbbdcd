// The dry runs of train and train-text.

#include "step_cost.hpp"

#include "spearstorm/backend/simd/simd.hpp"

namespace cli {

namespace {
using dry = ss::shape_only<ss::cpu::simd<>>;
}

ss::train::step_cost soundstorm_step_cost(ss::soundstorm_shape const& shape, ss::soundstorm_options const& with,
                                          ss::train::batches const& source, ss::soundstorm::loss_options const& loss, bool average) {
  ss::workspace<dry> work{{.threads = 1}};
  ss::soundstorm::model<ss::dynamic_soundstorm, dry> const net{work, shape, with};
  return ss::train::cost_of_step(work, net, source, 8, ss::train::loss_with{loss}, average);
}

ss::train::step_cost text_step_cost(ss::text_to_semantic_shape const& shape, ss::text_to_semantic_options const& with,
                                    text_batches const& source, text_task const& task, bool average) {
  ss::workspace<dry> work{{.threads = 1}};
  ss::text_to_semantic<ss::dynamic_text_to_semantic, dry> const net{work, shape, with};
  return ss::train::cost_of_step(work, net, source, 8, task, average);
}

}  // namespace cli
