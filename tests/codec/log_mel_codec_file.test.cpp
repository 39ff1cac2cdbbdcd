#include "spearstorm/codec/log_mel_codec_file.hpp"

#include <unistd.h>

#include "catch.hpp"

using namespace spearstorm;

namespace {

struct temporary_file {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("spearstorm-codec-" + std::to_string(::getpid()) + ".safetensors");
  ~temporary_file() { std::filesystem::remove(path); }
};

codec::log_mel_options const unusual{
    .sample_hz = 8000, .n_fft = 256, .hop = 80, .bands = 3, .floor = 0.1f, .mel_iterations = 7, .griffin_lim_iterations = 2};

codec::log_mel_codec small() {
  codec::residual_kmeans::codebooks_type codebooks({2, 4, 3});
  for (std::ptrdiff_t i = 0; i < codebooks.size(); ++i) codebooks.data()[i] = std::sin(static_cast<float>(i));
  return {unusual, {0.1f, -2, 3}, 1.7f, codec::residual_kmeans(codebooks)};
}

/// The small codec's file with one entry of its metadata replaced.
void write_with(std::filesystem::path const& path, std::string const& key, std::string const& value) {
  std::vector<float> const mean(3);
  codec::save(small(), path);
  io::safetensors_file const file(path);
  std::vector<float> codebooks(24);
  file.read<float>("codebooks", codebooks);
  auto metadata = file.metadata();
  metadata[key] = value;
  io::safetensors_writer writer(path);
  for (auto const& [k, v] : metadata)
    if (v != "(left out)") writer.metadata(k, v);
  writer.add("mean", {3}, mean).add("codebooks", {2, 4, 3}, codebooks).commit();
}

}  // namespace

TEST_CASE("codec/log_mel_codec_file: what is loaded is what was saved") {
  temporary_file const file;
  auto const saved = small();
  codec::save(saved, file.path);
  auto const loaded = codec::load_log_mel_codec(file.path);
  CHECK(loaded.features().options() == unusual);
  CHECK(loaded.scale() == saved.scale());
  CHECK(std::ranges::equal(loaded.mean(), saved.mean()));
  CHECK(loaded.quantizer().codebooks() == saved.quantizer().codebooks());
  std::vector<float> audio(1000);
  for (std::size_t i = 0; i < audio.size(); ++i) audio[i] = std::sin(0.1f * static_cast<float>(i));
  auto const codes = saved.encode(audio);
  CHECK(loaded.encode(audio) == codes);
  CHECK(loaded.decode(codes) == saved.decode(codes));
}

TEST_CASE("codec/log_mel_codec_file: files that are not one are refused by name") {
  temporary_file const file;
  auto refused = [&](std::string const& key, std::string const& value, std::string const& why) {
    write_with(file.path, key, value);
    CHECK_THROWS_WITH(codec::load_log_mel_codec(file.path), Catch::Contains(why) && Catch::Contains(file.path.string()));
    CHECK_THROWS_AS(codec::load_log_mel_codec(file.path), format_error);
  };
  refused("format", "other", "format is 'other', expected 'spearstorm.log_mel_codec'");
  refused("format", "(left out)", "format is ''");
  refused("format_version", "2", "format_version is 2, this library reads 1");
  refused("hop", "(left out)", "metadata lacks 'hop'");
  refused("hop", "80 ", "metadata 'hop' is '80 ', expected a number");
  refused("hop", "9999", "hop = 9999");
  refused("bands", "4", "tensor 'mean' is not of shape (4)");
  refused("scale", "nan", "scale = nan");
  CHECK_THROWS_AS(codec::load_log_mel_codec(file.path.string() + ".missing"), io_error);
}
