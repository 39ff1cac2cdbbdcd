// spearstorm convert: a checkpoint as weights of soundstorm-pytorch, and the package's weights as a checkpoint.

#include <cstdio>

#include "net_type.hpp"
#include "spearstorm/soundstorm/package_file.hpp"
#include "spearstorm/train/checkpoint.hpp"

namespace cli {
namespace {

/// Only to hold weights, of whatever precision.
template <class Exec>
using held_type = ss::soundstorm::model<ss::dynamic_soundstorm, Exec>;

bool is_package(fs::path const& path) { return ss::io::safetensors_file(path).metadata().contains("spearstorm"); }

/// The type of the tensors that are the model's.
std::string dtype_of(fs::path const& path, ss::soundstorm_shape const& shape) {
  std::string found;
  for (auto const& info : ss::io::safetensors_file(path).infos()) {
    if (ss::soundstorm::detail::of_another_model(info.name, shape)) continue;
    if (!found.empty() && info.dtype != found)
      ss::fail<ss::format_error>("convert: '", path.string(), "' has tensors of ", found, " and of ", info.dtype, ", expected one type");
    found = info.dtype;
  }
  return found;
}

template <class Exec>
void rewrite(fs::path const& from, fs::path const& to, ss::soundstorm::package_configuration const& about, std::string const& dtype) {
  ss::workspace<Exec> work;
  held_type<Exec> net{work, about.shape, about.options};
  ss::soundstorm::load_package_(from, net);
  ss::soundstorm::save_package(to, net, {.dtype = dtype, .from = from});
}

void convert(fs::path const& from, fs::path const& to, bool to_checkpoint) {
  ss::workspace<exec> work;
  if (!is_package(from)) {
    if (to_checkpoint) ss::fail<ss::value_error>("convert: '", from.string(), "' is a checkpoint already");
    net_type net{work, ss::train::read_configuration(from),
                 ss::soundstorm_options{.body = {}, .rates = ss::train::read_semantic_rates(from), .pad_id = {}}};
    ss::train::load_model_(from, net);
    ss::soundstorm::save_package(to, net);
    std::printf("%s: weights of soundstorm-pytorch %s\n", to.c_str(),
                std::string(ss::soundstorm::name_of(ss::soundstorm::generation_of(net.shape()))).c_str());
    return;
  }
  auto const about = ss::soundstorm::read_package_configuration(from);
  if (to_checkpoint) {
    net_type net{work, about.shape, about.options};
    ss::soundstorm::load_package_(from, net);
    ss::train::save_checkpoint(to, work, net, ss::optim::adamw<exec>{}, 0);
    std::printf("%s: a checkpoint of step 0\n", to.c_str());
    return;
  }
  auto const dtype = dtype_of(from, about.shape);
  if (dtype == "F64")
    rewrite<ss::cpu::simd<ss::f64>>(from, to, about, dtype);
  else
    rewrite<exec>(from, to, about, dtype);
  std::printf("%s: weights of soundstorm-pytorch %s\n", to.c_str(), std::string(ss::soundstorm::name_of(about.generation)).c_str());
}

}  // namespace

void add_convert(CLI::App& program) {
  auto* const command =
      program.add_subcommand("convert",
                             "Write a checkpoint as weights of soundstorm-pytorch (tools/convert to-pt goes on from there), or "
                             "read such weights");
  struct settings {
    fs::path from, to;
    bool checkpoint = false;
  };
  auto given = std::make_shared<settings>();
  command->add_option("from", given->from, "a checkpoint, or a file of tools/convert to-safetensors")->required()->check(CLI::ExistingFile);
  command->add_option("to", given->to, "the file to write")->required();
  command->add_flag("--checkpoint", given->checkpoint, "write a checkpoint, for `spearstorm generate` and further training");
  command->callback([given] { convert(given->from, given->to, given->checkpoint); });
}

}  // namespace cli
