#pragma once
// A semantic tokenizer as a safetensors file: `centroids` (vocab, dim), every setting in the metadata.

#include <filesystem>

#include "spearstorm/codec/semantic_kmeans.hpp"
#include "spearstorm/io/metadata.hpp"
#include "spearstorm/io/safetensors.hpp"

namespace SPEARSTORM_NS::codec {

inline constexpr std::string_view semantic_tokenizer_format = "spearstorm.semantic_kmeans";
inline constexpr index semantic_tokenizer_version = 1;

namespace detail {

/// Calls each(name, field) for the tokenizer's settings.
inline void visit_semantic_settings(auto& options, auto&& each) {
  each("sample_hz", options.sample_hz);
  each("n_fft", options.n_fft);
  each("hop", options.hop);
  each("bands", options.bands);
  each("floor", options.floor);
  each("coefficients", options.coefficients);
  each("delta_radius", options.delta_radius);
}

}  // namespace detail

/// @throws io_error where the system refuses; an older file stays intact then
inline void save(semantic_tokenizer const& tokenizer, std::filesystem::path const& path) {
  io::safetensors_writer writer(path);
  writer.metadata("format", std::string(semantic_tokenizer_format)).metadata("format_version", io::number_text(semantic_tokenizer_version));
  detail::visit_semantic_settings(tokenizer.features().options(),
                                  [&](char const* name, auto value) { writer.metadata(name, io::number_text(value)); });
  auto const& centroids = tokenizer.centroids();
  writer.add("centroids", {centroids.extent(0), centroids.extent(1)}, centroids.values());
  writer.commit();
}

/// @throws io_error where the system refuses, format_error where the file is no tokenizer, of another version, or contradicts itself
inline semantic_tokenizer load_semantic_tokenizer(std::filesystem::path const& path) {
  io::safetensors_file const file(path);
  std::string const where = "load_semantic_tokenizer: '" + path.string() + "': ";
  io::metadata_reader const entries(file.metadata(), where);
  entries.require(semantic_tokenizer_format, semantic_tokenizer_version);
  semantic_options options;
  detail::visit_semantic_settings(
      options, [&](char const* name, auto& value) { value = entries.number<std::remove_reference_t<decltype(value)>>(name); });
  auto const& shape = file.info("centroids").shape;
  if (shape.size() != 2 || shape[1] % 2 != 0 || shape[1] / 2 != options.coefficients)
    fail<format_error>(where, "tensor 'centroids' is not of shape (ids, twice the ", options.coefficients, " coefficients)");
  semantic_tokenizer::centroids_type centroids({shape[0], shape[1]});
  file.read<float>("centroids", centroids.values());
  try {
    return {options, std::move(centroids)};
  } catch (value_error const& bad) {
    fail<format_error>(where, bad.what());
  }
}

}  // namespace SPEARSTORM_NS::codec
