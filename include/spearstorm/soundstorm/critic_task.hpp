#pragma once
// What the token critic judges: true codes in which the generator's samples stand at the masked positions.

#include "spearstorm/soundstorm/token_batch.hpp"
#include "spearstorm/token/draw_mask.hpp"
#include "spearstorm/token/sampling.hpp"

namespace SPEARSTORM_NS::soundstorm::detail {

using masked_flags = array<flag, axes::batch<>, axes::frames<>, axes::levels<>>;

struct critic_task {
  token::code_array codes;  ///< (batch, frames, levels)
  masked_flags fake;        ///< (batch, frames, levels)  the token is not the true one
  masked_flags counted;     ///< (batch, frames, levels)  1 at valid frames
};

/// One token for each row of logits, at a temperature.
/// @shape logits (rows, vocab)  returns (rows)
template <class Logits>
std::vector<std::int32_t> sample_rows(Logits const& logits, token::chosen_list const& chosen, index frames, float temperature,
                                      random_stream const& stream, index first_example) {
  index const vocab = logits.extent(1);
  std::vector<std::int32_t> ids;
  std::vector<float> row(static_cast<std::size_t>(vocab));
  for (index r = 0; r < logits.extent(0); ++r) {
    std::transform(logits.data() + r * vocab, logits.data() + (r + 1) * vocab, row.begin(), [](auto x) { return static_cast<float>(x); });
    index const at = chosen.rows.data()[r];
    ids.push_back(token::gumbel_sample(row, temperature, stream, first_example + at / frames, at % frames));
  }
  return ids;
}

/// @param fakes (rows), a token for each chosen position
inline critic_task critic_task_of(token_batch const& batch, token::drawn_mask const& drawn, token::chosen_list const& chosen,
                                  std::span<std::int32_t const> fakes, index codebook_size) {
  check_size("soundstorm", "sampled tokens", "rows", static_cast<index>(fakes.size()), "the chosen positions", chosen.rows.size());
  index const frames = batch.codes.extent(1), levels = batch.codes.extent(2);
  critic_task made{batch.padded() ? token::fill_padding(batch.codes, batch.valid, token::mask_id(codebook_size)) : batch.codes,
                   masked_flags(batch.codes.extents()), masked_flags(batch.codes.extents(), flag{1})};
  for (index r = 0; r < chosen.rows.size(); ++r) {
    index const at = chosen.rows.data()[r];
    made.codes.data()[at * levels + drawn.level[static_cast<std::size_t>(at / frames)]] = fakes[static_cast<std::size_t>(r)];
  }
  for (index i = 0; i < made.codes.size(); ++i) {
    bool const valid = !batch.padded() || batch.valid.data()[i / levels];
    made.counted.data()[i] = valid;
    made.fake.data()[i] = valid && made.codes.data()[i] != batch.codes.data()[i];
  }
  return made;
}

}  // namespace SPEARSTORM_NS::soundstorm::detail
