#pragma once
// One type of network for checkpoints of any shape. Its forward passes are compiled in net.cpp, its training in train.cpp.

#include "net.hpp"
#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/soundstorm/model.hpp"

namespace cli {

using exec = ss::cpu::simd<>;
using net_type = ss::soundstorm::model<ss::dynamic_soundstorm, exec>;

std::vector<level_figures> score(ss::workspace<exec>& work, net_type const& net, ss::train::batches const& held_out, index max_batches = 0,
                                 bool condition = true);

/// The rates of a set's semantic tokens and codes.
ss::soundstorm_options model_options(ss::train::token_info const& info);

}  // namespace cli
