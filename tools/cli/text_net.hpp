#pragma once
// A trained TextToSemantic behind functions: who includes this compiles no network (text_net.cpp does).

#include <memory>

#include "command.hpp"
#include "spearstorm/io/json.hpp"
#include "spearstorm/spear_tts/generate_options.hpp"
#include "spearstorm/text/character_tokenizer.hpp"
#include "spearstorm/token/durations.hpp"

namespace cli {

/// What a run says of its ids beside the network's shape; part of each checkpoint. A voice has a symbol of its own, which text may begin with:
/// semantic tokens that are not free of the voice are then no riddle.
struct text_about {
  std::string task;                                  ///< pretrain, semantic-to-text or text-to-semantic
  std::vector<std::string> symbols;                  ///< of the character tokenizer
  std::vector<std::string> voices;                   ///< in the order of their symbols, the last ones
  bool tells_voice = false;                          ///< texts begin with the symbol of their voice
  std::vector<ss::token::mean_durations> durations;  ///< of semantic tokens: of all voices, then of each
  index sample_hz = 0, downsample_factor = 0;        ///< of the tokens

  /// 0 for any voice, 1 for the first ...
  /// @throws value_error that lists the voices, where it is none of them
  index voice_number(std::string const& voice) const;
  /// A text as the network reads it.
  /// @throws value_error where the text has other symbols, or texts begin with a voice and this is none
  ss::token::sequence encode(ss::text::character_tokenizer const& tokenizer, std::string const& text, std::string const& voice) const;
};

/// The symbols of texts and voices, for a new network.
std::vector<std::string> symbols_of(std::vector<std::string> const& texts, std::size_t voices);

ss::io::json to_json(text_about const& about);
/// @throws format_error where the checkpoint's configuration lacks it; `where` opens the message
text_about text_about_of(ss::io::json const& configuration, std::string const& where);
/// Of a checkpoint, without its weights.
text_about read_text_about(fs::path const& checkpoint);

/// A network of whatever shape its checkpoint has.
class trained_text_net {
 public:
  trained_text_net(fs::path const& checkpoint, std::uint64_t seed, index threads);
  ~trained_text_net();
  trained_text_net(trained_text_net const&) = delete;

  text_about const& about() const;
  ss::text::character_tokenizer const& tokenizer() const;
  ss::text_to_semantic_shape const& shape() const;
  /// @shape source (batch, frames), below 0 for padding
  ss::spear_tts::generated generate(ss::token::id_array const& source, ss::spear_tts::token_kind from, ss::spear_tts::token_kind to,
                                    ss::spear_tts::generate_options const& options);
  /// Mean loss of pairs, `batch` at once.
  double loss(std::vector<ss::token::sequence> const& sources, std::vector<ss::token::sequence> const& targets,
              ss::spear_tts::token_kind from, ss::spear_tts::token_kind to, index batch);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// Generates for all rows, `batch` at once, with a progress bar. Rows keep their order.
std::vector<ss::token::sequence> generate_all(trained_text_net& net, std::vector<ss::token::sequence> const& sources,
                                              ss::spear_tts::token_kind from, ss::spear_tts::token_kind to,
                                              ss::spear_tts::generate_options options, index batch);

}  // namespace cli
