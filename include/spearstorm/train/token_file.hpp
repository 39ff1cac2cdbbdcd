#pragma once
// Tokens of a corpus as a safetensors file: for each utterance an I32 tensor `codes/NAME` (frames, levels) and, where there are semantic
// tokens, `semantic/NAME` (tokens); what they mean and who speaks in the metadata. Version 1 has codes alone, under the bare names.

#include <filesystem>
#include <set>

#include "spearstorm/io/json.hpp"
#include "spearstorm/io/metadata.hpp"
#include "spearstorm/io/safetensors.hpp"
#include "spearstorm/token/codes.hpp"

namespace SPEARSTORM_NS::train {

inline constexpr std::string_view token_file_format = "spearstorm.tokens";
inline constexpr index token_file_version = 2;  ///< 1 is read as well

/// What semantic tokens mean. A token stands for `downsample_factor` samples at `sample_hz`.
struct semantic_info {
  index sample_hz = 0;
  index downsample_factor = 0;
  index num_semantic_token_ids = 0;  ///< 0, as all three: the set has none

  bool given() const { return *this != semantic_info{}; }
  friend bool operator==(semantic_info const&, semantic_info const&) = default;
};

/// What the tokens mean. A frame stands for `downsample_factor` samples at `sample_hz`.
struct token_info {
  std::string codec;
  index sample_hz = 0;
  index downsample_factor = 0;
  index num_quantizers = 0;
  index codebook_size = 0;
  semantic_info semantic{};

  friend bool operator==(token_info const&, token_info const&) = default;
};

/// Ids in [0, codebook_size) for each frame, from the coarsest level to the finest.
using utterance_codes = array<std::int32_t, axes::frames<>, axes::levels<>>;

struct utterance {
  std::string name;
  utterance_codes codes;                 ///< (frames, levels)
  std::vector<std::int32_t> semantic{};  ///< (tokens), ids in [0, num_semantic_token_ids); empty where the set has none
  std::string speaker{};                 ///< empty: unknown

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

inline void visit_semantic_numbers(auto& info, auto&& each) {
  each("semantic_sample_hz", info.semantic.sample_hz);
  each("semantic_downsample_factor", info.semantic.downsample_factor);
  each("num_semantic_token_ids", info.semantic.num_semantic_token_ids);
}

template <class Error>
void check_semantic(std::string const& where, utterance const& u, index ids) {
  if (u.semantic.empty() != (ids == 0))
    fail<Error>(where, "utterance '", u.name, "' has ", u.semantic.size(), " semantic tokens, num_semantic_token_ids = ", ids,
                ", expected tokens in all utterances or in none");
  for (std::size_t t = 0; t < u.semantic.size(); ++t)
    if (std::int32_t const id = u.semantic[t]; id < 0 || id >= ids)
      fail<Error>(where, "utterance '", u.name, "', semantic token ", t, " is ", id, ", expected 0 to ", ids - 1);
}

template <class Error>
void check_token_set(std::string const& where, token_set const& set) {
  auto const positive = [&](char const* name, index value) {
    if (value < 1 || value > 2147483646) fail<Error>(where, name, " = ", value, ", expected 1 to 2147483646");
  };
  visit_numbers(set.info, positive);
  if (set.info.semantic.given()) visit_semantic_numbers(set.info, positive);
  index const levels = set.info.num_quantizers, codes = set.info.codebook_size;
  for (utterance const& u : set.utterances) {
    if (u.codes.extent(0) < 1 || u.codes.extent(1) != levels)
      fail<Error>(where, "utterance '", u.name, "' is of shape (", u.codes.extent(0), ", ", u.codes.extent(1), "), expected (1 or more, ",
                  levels, ")");
    for (index i = 0; i < u.codes.size(); ++i)
      if (std::int32_t const id = u.codes.data()[i]; id < 0 || id >= codes)
        fail<Error>(where, "utterance '", u.name, "', frame ", i / levels, ", level ", i % levels, " holds ", id, ", expected 0 to ",
                    codes - 1);
    check_semantic<Error>(where, u, set.info.semantic.num_semantic_token_ids);
  }
}

/// The utterances that a file of either version lists, without their tokens.
inline std::vector<utterance> utterances_listed(io::safetensors_file const& file, index version, std::string const& where) {
  std::vector<utterance> listed;
  for (auto const& info : file.infos()) {
    bool const semantic = version > 1 && info.name.starts_with("semantic/");
    if (version > 1 && !semantic && !info.name.starts_with("codes/"))
      fail<format_error>(where, "tensor '", info.name, "' is neither codes/... nor semantic/...");
    std::string const name = version > 1 ? info.name.substr(info.name.find('/') + 1) : info.name;
    if (info.shape.size() != (semantic ? 1u : 2u))
      fail<format_error>(where, semantic ? "semantic tokens of utterance '" : "utterance '", name, "' has ", info.shape.size(),
                         " axes, expected ", semantic ? "(tokens)" : "(frames, levels)");
    if (!semantic)
      listed.push_back({name, utterance_codes({info.shape[0], info.shape[1]})});
    else if (!file.contains("codes/" + name))
      fail<format_error>(where, "utterance '", name, "' has semantic tokens but no codes");
  }
  return listed;
}

inline void read_speakers(io::metadata_reader const& metadata, std::vector<utterance>& of, std::string const& where) {
  io::json const speakers = io::parse_json(metadata.text("speakers"), where + "speakers");
  if (!speakers.is_object()) fail<format_error>(where, "speakers is ", speakers.type_name(), ", expected an object");
  std::size_t known = 0;
  for (auto& u : of) {
    if (!speakers.contains(u.name)) continue;
    if (!speakers[u.name].is_string())
      fail<format_error>(where, "the speaker of utterance '", u.name, "' is ", speakers[u.name].dump(), ", expected text");
    u.speaker = speakers[u.name].get<std::string>();
    ++known;
  }
  if (known != speakers.size()) fail<format_error>(where, "speakers names an utterance that is not there");
}

}  // namespace detail

/// @throws value_error where a name is given twice, a number is below 1, or tokens contradict the info; io_error where the system refuses
///         (an older file stays intact)
inline void save_token_file(std::filesystem::path const& path, token_set const& set) {
  detail::check_token_set<value_error>("save_token_file: ", set);
  io::safetensors_writer writer(path);
  writer.metadata("format", std::string(token_file_format)).metadata("format_version", io::number_text(token_file_version));
  writer.metadata("codec", set.info.codec);
  auto const put = [&](char const* name, index value) { writer.metadata(name, io::number_text(value)); };
  detail::visit_numbers(set.info, put);
  detail::visit_semantic_numbers(set.info, put);
  io::json speakers = io::json::object();
  for (utterance const& u : set.utterances) {
    if (!u.speaker.empty()) speakers[u.name] = u.speaker;
    writer.add("codes/" + u.name, {u.codes.extent(0), u.codes.extent(1)}, u.codes.values());
    if (!u.semantic.empty()) writer.add("semantic/" + u.name, {static_cast<index>(u.semantic.size())}, u.semantic);
  }
  writer.metadata("speakers", speakers.dump());
  writer.commit();
}

/// @throws io_error where the system refuses, format_error where the file is no token file, of another version, or contradicts itself
inline token_set load_token_file(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  std::string const where = "load_token_file: '" + path.string() + "': ";
  io::metadata_reader const metadata(file.metadata(), where);
  auto const written = file.metadata().find("format_version");
  index const version = written != file.metadata().end() && written->second == "1" ? 1 : token_file_version;
  metadata.require(token_file_format, version);
  token_set set;
  set.info.codec = metadata.text("codec");
  auto const get = [&](char const* name, index& value) { value = metadata.number<index>(name); };
  detail::visit_numbers(set.info, get);
  if (version > 1) detail::visit_semantic_numbers(set.info, get);
  set.utterances = detail::utterances_listed(file, version, where);
  for (utterance& u : set.utterances) {
    file.read<std::int32_t>(version > 1 ? "codes/" + u.name : u.name, u.codes.values());
    if (std::string const name = "semantic/" + u.name; version > 1 && file.contains(name)) {
      u.semantic.resize(static_cast<std::size_t>(file.info(name).shape[0]));
      file.read<std::int32_t>(name, u.semantic);
    }
  }
  if (version > 1) detail::read_speakers(metadata, set.utterances, where);
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
