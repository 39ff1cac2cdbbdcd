#pragma once
// A trained network behind functions: who includes this compiles no network (net.cpp does).

#include <functional>
#include <memory>

#include "command.hpp"
#include "spearstorm/soundstorm/semantic_rates.hpp"
#include "spearstorm/soundstorm/trace.hpp"
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

/// The mean loss over all masked tokens.
double mean_loss(std::vector<level_figures> const& levels);

/// The tokens of a network that is not conditioned: those of a file, its semantic tokens left out.
ss::train::token_set without_semantic(ss::train::token_set set);

/// A token file's set as a network wants it.
/// @throws value_error where the network is conditioned on other tokens than the file's
ss::train::token_set tokens_for(ss::train::token_set set, index num_semantic_token_ids);

/// The newest checkpoint of a run folder, or the file given.
/// @throws value_error where there is none
fs::path find_checkpoint(fs::path const& run, fs::path const& checkpoint);

struct decode_settings {
  std::vector<index> lengths{};         ///< frames of each row, the prompt's included
  ss::token::code_array prompt{};       ///< (batch, frames, levels), or empty
  std::vector<index> prompt_lengths{};  ///< of each row; empty: all
  ss::token::id_array semantic{};       ///< (batch, tokens), -1 for padding; for a network that is conditioned
  index steps = 16;                     ///< passes of the first level
  float temperature = 1;
  double filter_thres = 0.7;
  float cond_scale = 1;  ///< classifier-free guidance; 1: none
  std::function<void(index pass, index passes)> progress{};
  ss::soundstorm::decode_trace* trace = nullptr;  ///< records every pass
};

/// A network of whatever shape its checkpoint has.
class trained_net {
 public:
  trained_net(fs::path const& checkpoint, std::uint64_t seed, index threads);
  ~trained_net();
  trained_net(trained_net const&) = delete;

  index num_quantizers() const;
  index codebook_size() const;
  index num_semantic_token_ids() const;  ///< 0: not conditioned
  ss::soundstorm::semantic_rates rates() const;
  index prompt_frames() const;  ///< that each example began with in training
  /// @param condition false: left out of all examples
  std::vector<level_figures> score(ss::train::batches const& held_out, bool condition = true);
  /// @shape returns (batch, frames, levels)
  ss::token::code_array decode(decode_settings const& with);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace cli
