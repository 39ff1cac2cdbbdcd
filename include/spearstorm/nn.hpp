#pragma once
// Ops, layers and optimizers.

#include "spearstorm/core.hpp"
#include "spearstorm/nn/conformer.hpp"
#include "spearstorm/nn/level_heads.hpp"
#include "spearstorm/ops/cross_entropy.hpp"
#include "spearstorm/ops/gated_linear.hpp"
#include "spearstorm/ops/glu.hpp"
#include "spearstorm/ops/softmax.hpp"
#include "spearstorm/ops/sum.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/gradient_slab.hpp"
#include "spearstorm/optim/schedule.hpp"
