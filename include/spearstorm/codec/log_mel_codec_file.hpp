#pragma once
// A log-mel codec as a safetensors file: `mean` (bins), `codebooks` (levels, vocab, dim), every setting in the metadata.

#include <filesystem>

#include "spearstorm/codec/log_mel_codec.hpp"
#include "spearstorm/io/metadata.hpp"
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

}  // namespace detail

/// @throws io_error where the system refuses; an older file stays intact then
inline void save(log_mel_codec const& codec, std::filesystem::path const& path) {
  io::safetensors_writer writer(path);
  writer.metadata("format", std::string(log_mel_codec_format)).metadata("format_version", io::number_text(log_mel_codec_version));
  log_mel_options const options = codec.features().options();
  float const scale = codec.scale();
  detail::visit_settings(options, scale, [&](char const* name, auto value) { writer.metadata(name, io::number_text(value)); });
  auto const& codebooks = codec.quantizer().codebooks();
  writer.add("mean", {options.bands}, codec.mean());
  writer.add("codebooks", {codebooks.extent(0), codebooks.extent(1), codebooks.extent(2)}, codebooks.values());
  writer.commit();
}

/// @throws io_error where the system refuses, format_error where the file is no log-mel codec, of another version, or contradicts itself
inline log_mel_codec load_log_mel_codec(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  std::string const where = "load_log_mel_codec: '" + path.string() + "': ";
  io::metadata_reader const entries(file.metadata(), where);
  entries.require(log_mel_codec_format, log_mel_codec_version);
  log_mel_options options;
  float scale = 0;
  detail::visit_settings(options, scale,
                         [&](char const* name, auto& value) { value = entries.number<std::remove_reference_t<decltype(value)>>(name); });
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
