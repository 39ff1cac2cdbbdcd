#pragma once
// The pseudo-label data set of SPEAR-TTS: speech without text is labelled by a model of back-translation, and the pairs are written.

#include <functional>

#include "spearstorm/train/pair_rows.hpp"
#include "spearstorm/train/pair_writer.hpp"

namespace SPEARSTORM_NS::train {

/// spear-tts-pytorch's delimiter_id, audio_pad_id and text_pad_id are not needed: files keep lengths.
struct pair_generator_options {
  index batch_size = 4;        ///< rows that are labelled at once, spear-tts-pytorch
  std::int32_t text_eos = -1;  ///< a label ends before its first one; below 0: labels come without (fault 58: no second eos in training)
  bool unique_consecutive = false;  ///< take repeats out of the speech first, and keep how many there were
  pair_writer_options shards{};
  std::function<void(index done, index rows)> progress{};  ///< called after each batch, with this rank's rows; may be empty
};

/// What labels rows: from ids (batch, frames) to text ids (batch, other frames), below 0 behind each row's last; also with the rows'
/// numbers in the set, for a model that draws at random: then a row's label need not depend on its batch.
template <class L>
concept labeller = requires(L& label, token::id_array const& ids, std::span<index const> rows) {
  { label(ids) } -> std::convertible_to<token::id_array>;
} || requires(L& label, token::id_array const& ids, std::span<index const> rows) {
  { label(ids, rows) } -> std::convertible_to<token::id_array>;
};

/// spear-tts-pytorch's SemanticToTextDatasetGenerator: labels the sources of `speech` and writes them as pairs into `folder`.
/// May be called again after a kill: it goes on behind the last whole shard, and as batches end with shards, a labeller that depends on
/// its batch alone gives the same files as in one go. info.rows and info.run_lengths are filled in.
/// @throws as pair_writer, and value_error where a label contradicts info or labels are not as many as rows
template <row_source Speech, labeller Label>
void semantic_to_text_dataset(std::filesystem::path const& folder, pair_info info, Speech const& speech, Label&& label,
                              pair_generator_options const& options = {}) {
  constexpr std::string_view here = "semantic_to_text_dataset";
  check_range<index>(here, "batch_size", options.batch_size, 1, 1 << 30);
  info.rows = static_cast<index>(speech.size());
  info.run_lengths = options.unique_consecutive;
  pair_writer writer(folder, info, options.shards);
  while (!writer.complete()) {
    std::vector<index> rows;
    std::vector<token::sequence> ids;
    std::vector<std::vector<std::int32_t>> run_lengths;
    for (index i = 0; i < std::min(options.batch_size, writer.room()); ++i) {
      rows.push_back(writer.next_row() + i * options.shards.size);
      std::span<std::int32_t const> const row = speech.source(rows.back());
      run_lengths.emplace_back();
      if (options.unique_consecutive) {
        token::run_lengths runs = token::unique_consecutive(row);
        ids.push_back(std::move(runs.ids));
        run_lengths.back().assign(runs.lengths.begin(), runs.lengths.end());
      } else {
        ids.emplace_back(row.begin(), row.end());
      }
    }
    token::id_array const batch = token::pad_rows(ids);
    token::id_array text;
    if constexpr (requires { label(batch, std::span<index const>(rows)); })
      text = label(batch, std::span<index const>(rows));
    else
      text = label(batch);
    check_size(here, "label", "batch", text.extent(0), "speech", batch.extent(0));
    if (options.text_eos >= 0) text = token::until_eos(std::move(text), options.text_eos);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      token::sequence words = token::row_of(text, static_cast<index>(i));
      if (options.text_eos >= 0 && !words.empty() && words.back() == options.text_eos) words.pop_back();
      writer.add(ids[i], words, run_lengths[i]);
    }
    if (options.progress) options.progress(writer.done(), writer.rows());
  }
}

}  // namespace SPEARSTORM_NS::train
