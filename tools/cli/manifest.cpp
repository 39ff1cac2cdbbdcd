#include "manifest.hpp"

#include <charconv>

#include "spearstorm/dsp/resample.hpp"
#include "spearstorm/io/audio.hpp"

namespace cli {
namespace {

std::vector<std::string> cut(std::string const& text, char at) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t to; (to = text.find(at, from)) != text.npos; from = to + 1) parts.push_back(text.substr(from, to - from));
  parts.push_back(text.substr(from));
  return parts;
}

double number(std::string const& text) {
  double value = -1;
  auto const [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  return bad == std::errc{} && end == text.data() + text.size() ? value : -1;
}

}  // namespace

std::vector<recording> read_manifest(fs::path const& corpus) {
  fs::path const file = corpus / "manifest.tsv";
  auto lines = cut(ss::io::input_file(file).text(), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::map<std::string, std::size_t> column;
  auto const names = cut(lines.empty() ? "" : lines.front(), '\t');
  for (std::size_t i = 0; i < names.size(); ++i) column[names[i]] = i;
  for (char const* name : {"path", "split", "sample_hz", "samples", "text"})
    if (!column.contains(name)) ss::fail<ss::format_error>("manifest: '", file.string(), "' has no column '", name, "'");
  std::vector<recording> found;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    auto const fields = cut(lines[i], '\t');
    std::string const where = ss::message("manifest: '", file.string(), "', line ", i + 1, ": ");
    if (fields.size() != names.size()) ss::fail<ss::format_error>(where, fields.size(), " columns, expected ", names.size());
    double const hz = number(fields[column["sample_hz"]]), samples = number(fields[column["samples"]]);
    if (hz < 1 || samples < 0) ss::fail<ss::format_error>(where, "sample_hz or samples is no count");
    found.push_back({fields[column["path"]], fields[column["split"]], fields[column["text"]], samples / hz,
                     column.contains("voice") ? fields[column["voice"]] : ""});
  }
  if (found.empty()) ss::fail<ss::format_error>("manifest: '", file.string(), "' lists no recording");
  return found;
}

std::vector<recording> of_split(std::vector<recording> const& all, std::string const& split) {
  std::vector<recording> some;
  for (auto const& each : all)
    if (split == "all" || each.split == split) some.push_back(each);
  return some;
}

std::vector<float> load_sound(fs::path const& file, index sample_hz) {
  auto const sound = ss::io::load_audio(file);
  return ss::dsp::resample(sound.samples, sound.sample_hz, sample_hz);
}

fs::path sound_path(fs::path const& out, std::string const& path) {
  fs::path to = out;
  for (auto const& part : fs::path(path).relative_path().lexically_normal())
    if (part != "..") to /= part;
  return to.replace_extension(".wav");
}

}  // namespace cli
