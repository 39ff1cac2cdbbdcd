#pragma once
// Pictures of a run: curves and spectrograms. `save_png` writes them.

#include "spearstorm/io/plot_curves.hpp"
#include "spearstorm/io/plot_spectrograms.hpp"
