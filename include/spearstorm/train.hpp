#pragma once
// Files, data sets, the trainer and its probes. Needs nlohmann/json.

#include "spearstorm/io/parameters.hpp"
#include "spearstorm/spearstorm.hpp"
#include "spearstorm/train/batches.hpp"
#include "spearstorm/train/checkpoint.hpp"
#include "spearstorm/train/evaluate.hpp"
#include "spearstorm/train/pair_batches.hpp"
#include "spearstorm/train/pair_generator.hpp"
#include "spearstorm/train/pair_set.hpp"
#include "spearstorm/train/probe.hpp"
#include "spearstorm/train/trainer.hpp"
