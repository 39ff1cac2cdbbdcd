// spearstorm convert: a checkpoint as weights of soundstorm-pytorch or spear-tts-pytorch, and a package's weights as a checkpoint. The file tells
// which model it holds.

#include <cstdio>

#include "net_type.hpp"
#include "spearstorm/soundstorm/package_file.hpp"
#include "spearstorm/spear_tts/model.hpp"
#include "spearstorm/spear_tts/package_file.hpp"
#include "spearstorm/train/checkpoint.hpp"

namespace cli {
namespace {

/// One model's functions, and its type only to hold weights of whatever precision.
struct of_soundstorm {
  static constexpr char const* package = "soundstorm-pytorch";
  template <class Exec>
  using held_type = ss::soundstorm::model<ss::dynamic_soundstorm, Exec>;

  static auto read_package(fs::path const& path) { return ss::soundstorm::read_package_configuration(path); }
  static void load(fs::path const& path, auto& net) { ss::soundstorm::load_package_(path, net); }
  static void save(fs::path const& path, auto const& net, ss::io::package_file_options const& with = {}) {
    ss::soundstorm::save_package(path, net, with);
  }
  static bool of_another_model(std::string const& key, auto const& about) {
    return ss::soundstorm::detail::of_another_model(key, about.shape);
  }

  struct built_of {
    ss::soundstorm_shape shape;
    ss::soundstorm_options options;
  };
  static built_of read_checkpoint(fs::path const& path) {
    return {ss::train::read_configuration(path), {.body = {}, .rates = ss::train::read_semantic_rates(path), .pad_id = {}}};
  }
};

struct of_text_to_semantic {
  static constexpr char const* package = "spear-tts-pytorch";
  template <class Exec>
  using held_type = ss::text_to_semantic<ss::dynamic_text_to_semantic, Exec>;

  static auto read_package(fs::path const& path) { return ss::spear_tts::read_package_configuration(path); }
  static void load(fs::path const& path, auto& net) { ss::spear_tts::load_package_(path, net); }
  static void save(fs::path const& path, auto const& net, ss::io::package_file_options const& with = {}) {
    ss::spear_tts::save_package(path, net, with);
  }
  static bool of_another_model(std::string const& key, auto const& about) {
    return ss::spear_tts::detail::file_contents{about.shape}.of_another_model(key);
  }
  static auto read_checkpoint(fs::path const& path) { return ss::train::read_text_to_semantic(path); }
};

/// The type of the tensors that are the model's.
template <class Of>
std::string dtype_of(fs::path const& path, auto const& about) {
  ss::io::safetensors_file const file(path);
  std::string found;
  for (auto const& info : file.infos()) {
    if (Of::of_another_model(info.name, about)) continue;
    if (!found.empty() && info.dtype != found)
      ss::fail<ss::format_error>("convert: '", path.string(), "' has tensors of ", found, " and of ", info.dtype, ", expected one type");
    found = info.dtype;
  }
  return found;
}

template <class Of, class Exec>
void rewrite(fs::path const& from, fs::path const& to, auto const& about, std::string const& dtype) {
  ss::workspace<Exec> work;
  typename Of::template held_type<Exec> net{work, about.shape, about.options};
  Of::load(from, net);
  Of::save(to, net, {.dtype = dtype, .from = from});
}

template <class Of>
void from_package(fs::path const& from, fs::path const& to, bool to_checkpoint) {
  auto const about = Of::read_package(from);
  if (to_checkpoint) {
    ss::workspace<exec> work;
    typename Of::template held_type<exec> net{work, about.shape, about.options};
    Of::load(from, net);
    ss::train::save_checkpoint(to, work, net, ss::optim::adamw<exec>{}, 0);
    std::printf("%s: a checkpoint of step 0\n", to.c_str());
    return;
  }
  auto const dtype = dtype_of<Of>(from, about);
  if (dtype == "F64")
    rewrite<Of, ss::cpu::simd<ss::f64>>(from, to, about, dtype);
  else
    rewrite<Of, exec>(from, to, about, dtype);
}

template <class Of>
void from_checkpoint(fs::path const& from, fs::path const& to) {
  ss::workspace<exec> work;
  auto const about = Of::read_checkpoint(from);
  typename Of::template held_type<exec> net{work, about.shape, about.options};
  ss::train::load_model_(from, net);
  Of::save(to, net);
}

template <class Of>
void convert_model(fs::path const& from, fs::path const& to, bool is_package, bool to_checkpoint) {
  if (is_package)
    from_package<Of>(from, to, to_checkpoint);
  else
    from_checkpoint<Of>(from, to);
  if (!to_checkpoint) std::printf("%s: weights of %s %s\n", to.c_str(), Of::package, ss::io::read_package_about(to).generation.c_str());
}

void convert(fs::path const& from, fs::path const& to, bool to_checkpoint) {
  bool const is_package = ss::io::safetensors_file(from).metadata().contains("spearstorm");
  if (!is_package && to_checkpoint) ss::fail<ss::value_error>("convert: '", from.string(), "' is a checkpoint already");
  bool const is_text_to_semantic = is_package ? ss::io::read_package_about(from).model == "text_to_semantic"
                                              : ss::train::read_checkpoint_info(from).configuration.contains("text_to_semantic");
  if (is_text_to_semantic)
    convert_model<of_text_to_semantic>(from, to, is_package, to_checkpoint);
  else
    convert_model<of_soundstorm>(from, to, is_package, to_checkpoint);
}

}  // namespace

void add_convert(CLI::App& program) {
  auto* const command = program.add_subcommand(
      "convert",
      "Write a checkpoint as weights of soundstorm-pytorch or spear-tts-pytorch (tools/convert to-pt goes on from there), or "
      "read such weights");
  struct settings {
    fs::path from, to;
    bool checkpoint = false;
  };
  auto given = std::make_shared<settings>();
  command->add_option("from", given->from, "a checkpoint, or a file of tools/convert to-safetensors")->required()->check(CLI::ExistingFile);
  command->add_option("to", given->to, "the file to write")->required();
  command->add_flag("--checkpoint", given->checkpoint, "write a checkpoint, for further training and for generating");
  command->callback([given] { convert(given->from, given->to, given->checkpoint); });
}

}  // namespace cli
