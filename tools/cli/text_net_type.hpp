#pragma once
// One type of TextToSemantic for checkpoints of any shape. Its generation is compiled in text_net.cpp, its training in train_text.cpp.

#include "spearstorm/backend/simd/simd.hpp"
#include "spearstorm/spear_tts/tasks.hpp"

namespace cli {

using exec = ss::cpu::simd<>;
using text_net_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, exec>;

}  // namespace cli
