#pragma once
// Everything that computes: tensors, tape, ops, layers, optimizers, SoundStorm, SPEAR-TTS. Files, data sets and the trainer: train.hpp.

#include "spearstorm/soundstorm.hpp"
#include "spearstorm/spear_tts.hpp"
