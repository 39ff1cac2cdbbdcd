#pragma once
// Tokens of a corpus as a safetensors file: one I32 tensor (frames, levels) an utterance, the codec's numbers in the metadata.

#include <filesystem>
#include <set>

#include "spearstorm/io/metadata.hpp"
#include "spearstorm/io/safetensors.hpp"
#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::train {

inline constexpr std::string_view token_file_format = "spearstorm.tokens";
inline constexpr index token_file_version = 1;

/// What the tokens mean. A frame stands for `downsample_factor` samples at `sample_hz`.
struct token_info {
  std::string codec;
  index sample_hz = 0;
  index downsample_factor = 0;
  index num_quantizers = 0;
  index codebook_size = 0;

  friend bool operator==(token_info const&, token_info const&) = default;
};

/// Ids in [0, codebook_size) for each frame, from the coarsest level to the finest.
using utterance_codes = array<std::int32_t, axes::frames<>, axes::levels<>>;

struct utterance {
  std::string name;
  utterance_codes codes;  ///< (frames, levels)

  friend bool operator==(utterance const&, utterance const&) = default;
};

struct token_set {
  token_info info;
  std::vector<utterance> utterances;

  friend bool operator==(token_set const&, token_set const&) = default;
};

namespace detail {

/// Calls each(name, field) for the numbers of a token_info.
inline void visit_numbers(auto& info, auto&& each) {
  each("sample_hz", info.sample_hz);
  each("downsample_factor", info.downsample_factor);
  each("num_quantizers", info.num_quantizers);
  each("codebook_size", info.codebook_size);
}

template <class Error>
void check_token_set(std::string const& where, token_set const& set) {
  visit_numbers(set.info, [&](char const* name, index value) {
    if (value < 1 || value > 2147483646) fail<Error>(where, name, " = ", value, ", expected 1 to 2147483646");
  });
  index const levels = set.info.num_quantizers, codes = set.info.codebook_size;
  for (utterance const& u : set.utterances) {
    if (u.codes.extent(0) < 1 || u.codes.extent(1) != levels)
      fail<Error>(where, "utterance '", u.name, "' is of shape (", u.codes.extent(0), ", ", u.codes.extent(1), "), expected (1 or more, ",
                  levels, ")");
    for (index i = 0; i < u.codes.size(); ++i)
      if (std::int32_t const id = u.codes.data()[i]; id < 0 || id >= codes)
        fail<Error>(where, "utterance '", u.name, "', frame ", i / levels, ", level ", i % levels, " holds ", id, ", expected 0 to ",
                    codes - 1);
  }
}

}  // namespace detail

/// @throws value_error where a name is given twice, a number is below 1, or codes contradict the info; io_error where the system refuses
///         (an older file stays intact)
inline void save_token_file(std::filesystem::path const& path, token_set const& set) {
  detail::check_token_set<value_error>("save_token_file: ", set);
  io::safetensors_writer writer(path);
  writer.metadata("format", std::string(token_file_format)).metadata("format_version", io::number_text(token_file_version));
  writer.metadata("codec", set.info.codec);
  detail::visit_numbers(set.info, [&](char const* name, index value) { writer.metadata(name, io::number_text(value)); });
  for (utterance const& u : set.utterances) writer.add(u.name, {u.codes.extent(0), u.codes.extent(1)}, u.codes.values());
  writer.commit();
}

/// @throws io_error where the system refuses, format_error where the file is no token file, of another version, or contradicts itself
inline token_set load_token_file(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  std::string const where = "load_token_file: '" + path.string() + "': ";
  io::metadata_reader const metadata(file.metadata(), where);
  metadata.require(token_file_format, token_file_version);
  token_set set;
  set.info.codec = metadata.text("codec");
  detail::visit_numbers(set.info, [&](char const* name, index& value) { value = metadata.number<index>(name); });
  for (auto const& info : file.infos()) {
    if (info.shape.size() != 2)
      fail<format_error>(where, "utterance '", info.name, "' has ", info.shape.size(), " axes, expected (frames, levels)");
    utterance u{info.name, utterance_codes({info.shape[0], info.shape[1]})};
    file.read<std::int32_t>(info.name, u.codes.values());
    set.utterances.push_back(std::move(u));
  }
  detail::check_token_set<format_error>(where, set);
  return set;
}

/// One file, or all *.safetensors of a folder in the order of their names.
/// @throws format_error where two files differ in their info, or there is no file; and as load_token_file
inline token_set load_tokens(std::filesystem::path const& path) {
  if (!std::filesystem::is_directory(path)) return load_token_file(path);
  std::set<std::filesystem::path> files;
  for (auto const& entry : std::filesystem::directory_iterator(path))
    if (entry.is_regular_file() && entry.path().extension() == ".safetensors") files.insert(entry.path());
  if (files.empty()) fail<format_error>("load_tokens: '", path.string(), "' holds no *.safetensors");
  token_set all;
  for (auto const& file : files) {
    token_set part = load_token_file(file);
    if (file == *files.begin()) all.info = part.info;
    if (part.info != all.info)
      fail<format_error>("load_tokens: '", file.string(), "' and '", files.begin()->string(),
                         "' are of different codecs, expected the same info in both");
    std::move(part.utterances.begin(), part.utterances.end(), std::back_inserter(all.utterances));
  }
  return all;
}

}  // namespace SPEARSTORM_NS::train
