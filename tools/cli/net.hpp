#pragma once
// A trained network behind functions: who includes this compiles no network (net.cpp does).

#include <functional>
#include <memory>

#include "command.hpp"
#include "spearstorm/train/batches.hpp"

namespace cli {

/// Means over the masked tokens of one level of held-out speech.
struct level_figures {
  index count = 0;
  double loss = 0, entropy = 0;  ///< nats; the entropy is that of the level's codes, seen alone
  double top1 = 0, top10 = 0;    ///< share of tokens whose code is the best guess, among the ten best
};

/// A table of levels. Returns how far the worst level's loss lies below its entropy, as a share of it.
double print_figures(std::vector<level_figures> const& levels);

/// The newest checkpoint of a run folder, or the file given.
/// @throws value_error where there is none
fs::path find_checkpoint(fs::path const& run, fs::path const& checkpoint);

struct decode_settings {
  index frames = 0;                ///< the prompt's included
  ss::token::code_array prompt{};  ///< (1, frames, levels), or empty
  index steps = 16;                ///< passes of the first level
  float temperature = 1;
  double filter_thres = 0.7;
  std::function<void(index pass, index passes)> progress{};
};

/// A network of whatever shape its checkpoint has.
class trained_net {
 public:
  trained_net(fs::path const& checkpoint, std::uint64_t seed, index threads);
  ~trained_net();
  trained_net(trained_net const&) = delete;

  index num_quantizers() const;
  index codebook_size() const;
  std::vector<level_figures> score(ss::train::batches const& held_out);
  /// @shape returns (1, frames, levels)
  ss::token::code_array decode(decode_settings const& with);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace cli
