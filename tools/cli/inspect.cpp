// spearstorm inspect: what is in a safetensors file.

#include <cstdio>

#include "command.hpp"
#include "spearstorm/io/safetensors.hpp"

namespace cli {
namespace {

std::string shape_text(std::vector<index> const& shape) {
  std::string text = "(";
  for (index size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + ")";
}

std::string size_text(double bytes) {
  char const* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit < 4; ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

/// Text of others goes to a terminal: control characters do not.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return text;
}

void show(fs::path const& path) {
  ss::io::safetensors_file const file(path);
  index elements = 0, bytes = 0, name_width = 4, shape_width = 5;
  for (auto const& tensor : file.infos()) {
    name_width = std::max<index>(name_width, static_cast<index>(tensor.name.size()));
    shape_width = std::max<index>(shape_width, static_cast<index>(shape_text(tensor.shape).size()));
  }
  std::printf("%s\n", path.c_str());
  for (auto const& [key, value] : file.metadata()) std::printf("  %s = %s\n", printable(key).c_str(), printable(value).c_str());
  if (!file.infos().empty())
    std::printf("%-*s  %-5s  %-*s  %10s\n", static_cast<int>(name_width), "name", "dtype", static_cast<int>(shape_width), "shape", "size");
  for (auto const& tensor : file.infos()) {
    index count = 1;
    for (index size : tensor.shape) count *= size;
    elements += count;
    bytes += tensor.bytes;
    std::printf("%-*s  %-5s  %-*s  %10s\n", static_cast<int>(name_width), printable(tensor.name).c_str(), tensor.dtype.c_str(),
                static_cast<int>(shape_width), shape_text(tensor.shape).c_str(), size_text(static_cast<double>(tensor.bytes)).c_str());
  }
  std::printf("%zu tensors, %td elements, %s\n", file.infos().size(), elements, size_text(static_cast<double>(bytes)).c_str());
}

}  // namespace

void add_inspect(CLI::App& program) {
  auto* const command = program.add_subcommand("inspect", "Show names, shapes, sizes and metadata of safetensors files");
  auto files = std::make_shared<std::vector<fs::path>>();
  command->add_option("files", *files, "safetensors files: checkpoints, codecs, tokens")->required()->check(CLI::ExistingFile);
  command->callback([files] {
    for (auto const& file : *files) show(file);
  });
}

}  // namespace cli
