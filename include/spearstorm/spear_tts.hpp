#pragma once
// SPEAR-TTS: texts and semantic tokens as rows of ids, model, tasks, generation. CLIP's tokenizer and phonemes, which need libraries: text/.

#include "spearstorm/nn.hpp"
#include "spearstorm/spear_tts/freeze.hpp"
#include "spearstorm/spear_tts/generate.hpp"
#include "spearstorm/spear_tts/tasks.hpp"
#include "spearstorm/text/byte_tokenizer.hpp"
#include "spearstorm/text/character_tokenizer.hpp"
#include "spearstorm/text/tokenize.hpp"
#include "spearstorm/token/durations.hpp"
