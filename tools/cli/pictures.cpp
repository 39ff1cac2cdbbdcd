#include "pictures.hpp"

#include <cstdio>

#include "spearstorm/train/run_folder.hpp"
#ifdef SPEARSTORM_HAVE_PNG
#include "spearstorm/io/plot.hpp"
#include "spearstorm/io/png.hpp"
#include "spearstorm/soundstorm/plot_trace.hpp"
#endif

namespace cli {

#ifdef SPEARSTORM_HAVE_PNG

void save_spectrograms(fs::path const& to, std::string const& title, std::vector<titled_sound> const& sounds,
                       ss::codec::log_mel_codec const& codec) {
  auto const& options = codec.features().options();
  std::vector<ss::io::spectrogram_panel> panels;
  for (auto const& sound : sounds) {
    auto decibels = codec.features().analyze(sound.samples);
    for (float& value : decibels.values()) value *= 8.685890f;  // 20 / ln 10
    if (decibels.size() > 0) panels.push_back({sound.title, std::move(decibels)});
  }
  double const top = ss::dsp::hz_to_mel(0.5 * static_cast<double>(options.sample_hz)), bands = static_cast<double>(options.bands + 1);
  std::vector<double> middles;
  for (index band = 0; band < options.bands; ++band) middles.push_back(ss::dsp::mel_to_hz(top * static_cast<double>(band + 1) / bands));
  double const hop_seconds = static_cast<double>(options.hop) / static_cast<double>(options.sample_hz);
  ss::io::save_png(to, ss::io::plot_spectrograms(panels, {.title = title, .frame_seconds = hop_seconds, .bin_hz = middles}));
  std::printf("wrote %s\n", to.c_str());
}

void save_trace(fs::path const& to, std::string const& title, ss::soundstorm::decode_trace const& trace, index row, double frame_seconds) {
  ss::io::save_png(to, ss::soundstorm::plot_trace(trace, {.title = title, .row = row, .frame_seconds = frame_seconds}));
  std::printf("wrote %s\n", to.c_str());
}

void save_loss_curve(fs::path const& to, fs::path const& log) {
  ss::io::curve training{.name = "training"};
  std::vector<ss::io::curve> held_out;  // one, or one for each level
  for (auto const& line : ss::train::run_folder::read_log(log)) {
    double const step = line.value("step", 0.0);
    if (line.contains("loss")) training.x.push_back(step), training.y.push_back(line["loss"].get<double>());
    if (!line.contains("evaluate")) continue;
    auto const& found = line["evaluate"];
    bool const by_level = found.contains("levels");
    std::size_t const count = by_level ? found["levels"].size() : 1;
    held_out.resize(std::max(held_out.size(), count));
    for (std::size_t l = 0; l < count; ++l) {
      held_out[l].name = by_level ? "held out, level " + std::to_string(l) : "held out";
      held_out[l].x.push_back(step);
      held_out[l].y.push_back((by_level ? found["levels"][l] : found)["loss"].get<double>());
    }
  }
  std::vector<ss::io::curve> curves{training};
  curves.insert(curves.end(), held_out.begin(), held_out.end());
  ss::io::save_png(to, ss::io::plot_curves(curves, {.title = "Loss", .x_label = "step", .y_label = "nats"}));
  std::printf("wrote %s\n", to.c_str());
}

#else

void save_spectrograms(fs::path const& to, std::string const&, std::vector<titled_sound> const&, ss::codec::log_mel_codec const&) {
  std::printf("%s is not written: this program was built without libpng\n", to.c_str());
}
void save_trace(fs::path const& to, std::string const&, ss::soundstorm::decode_trace const&, index, double) {
  std::printf("%s is not written: this program was built without libpng\n", to.c_str());
}
void save_loss_curve(fs::path const& to, fs::path const&) {
  std::printf("%s is not written: this program was built without libpng\n", to.c_str());
}

#endif

}  // namespace cli
