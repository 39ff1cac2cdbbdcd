#pragma once
// A log-mel codec as a safetensors file: `mean` (bins), `codebooks` (levels, vocab, dim), every setting in the metadata.

#include <charconv>
#include <filesystem>

#include "spearstorm/codec/log_mel_codec.hpp"
#include "spearstorm/io/safetensors.hpp"

namespace SPEARSTORM_NS::codec {

inline constexpr std::string_view log_mel_codec_format = "spearstorm.log_mel_codec";
inline constexpr index log_mel_codec_version = 1;

namespace detail {

/// Calls each(name, field) for the codec's settings, in file order.
inline void visit_settings(auto& options, auto& scale, auto&& each) {
  each("sample_hz", options.sample_hz);
  each("n_fft", options.n_fft);
  each("hop", options.hop);
  each("bands", options.bands);
  each("floor", options.floor);
  each("mel_iterations", options.mel_iterations);
  each("griffin_lim_iterations", options.griffin_lim_iterations);
  each("scale", scale);
}

/// The shortest text that reads back as the same number.
template <class T>
std::string number_text(T value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

template <class T>
T read_number(std::map<std::string, std::string> const& metadata, std::string const& key, std::string const& where) {
  auto const found = metadata.find(key);
  if (found == metadata.end()) fail<format_error>(where, "metadata lacks '", key, "'");
  std::string const& text = found->second;
  T value{};
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size())
    fail<format_error>(where, "metadata '", key, "' is '", text, "', expected a number");
  return value;
}

}  // namespace detail

/// @throws io_error where the system refuses; an older file stays intact then
inline void save(log_mel_codec const& codec, std::filesystem::path const& path) {
  io::safetensors_writer writer(path);
  writer.metadata("format", std::string(log_mel_codec_format)).metadata("format_version", detail::number_text(log_mel_codec_version));
  log_mel_options const options = codec.features().options();
  float const scale = codec.scale();
  detail::visit_settings(options, scale, [&](char const* name, auto value) { writer.metadata(name, detail::number_text(value)); });
  auto const& codebooks = codec.quantizer().codebooks();
  writer.add("mean", {options.bands}, codec.mean());
  writer.add("codebooks", {codebooks.extent(0), codebooks.extent(1), codebooks.extent(2)}, codebooks.values());
  writer.commit();
}

/// @throws io_error where the system refuses, format_error where the file is no log-mel codec, of another version, or contradicts itself
inline log_mel_codec load_log_mel_codec(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  std::string const where = "load_log_mel_codec: '" + path.string() + "': ";
  auto const& metadata = file.metadata();
  auto const format = metadata.find("format");
  if (format == metadata.end() || format->second != log_mel_codec_format)
    fail<format_error>(where, "format is '", format == metadata.end() ? "" : format->second, "', expected '", log_mel_codec_format, "'");
  if (index const version = detail::read_number<index>(metadata, "format_version", where); version != log_mel_codec_version)
    fail<format_error>(where, "format_version is ", version, ", this library reads ", log_mel_codec_version);
  log_mel_options options;
  float scale = 0;
  detail::visit_settings(options, scale, [&](char const* name, auto& value) {
    value = detail::read_number<std::remove_reference_t<decltype(value)>>(metadata, name, where);
  });
  auto const &mean_shape = file.info("mean").shape, &shape = file.info("codebooks").shape;
  if (mean_shape != std::vector<index>{options.bands}) fail<format_error>(where, "tensor 'mean' is not of shape (", options.bands, ")");
  if (shape.size() != 3 || shape[2] != options.bands)
    fail<format_error>(where, "tensor 'codebooks' is not of shape (levels, codes, ", options.bands, ")");
  std::vector<float> mean(static_cast<std::size_t>(options.bands));
  residual_kmeans::codebooks_type codebooks({shape[0], shape[1], shape[2]});
  file.read<float>("mean", mean);
  file.read<float>("codebooks", codebooks.values());
  try {
    return {options, std::move(mean), scale, residual_kmeans(std::move(codebooks))};
  } catch (value_error const& bad) {
    fail<format_error>(where, bad.what());
  }
}

}  // namespace SPEARSTORM_NS::codec
