#pragma once
// Everything that computes: tensors, tape, ops, layers, optimizers, SoundStorm. Files, data sets and the trainer: train.hpp.

#include "spearstorm/soundstorm.hpp"
