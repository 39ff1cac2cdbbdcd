#pragma once
// SoundStorm: codes, masks, network, loss, decoding.

#include "spearstorm/nn.hpp"
#include "spearstorm/soundstorm/model.hpp"
#include "spearstorm/token/codes.hpp"
