#pragma once
// A model's parameters to and from safetensors: a tensor's name is the parameter's path in `visit` order of names.

#include <list>

#include "spearstorm/io/safetensors.hpp"
#include "spearstorm/runtime/visit.hpp"

namespace SPEARSTORM_NS::io {

/// Host copies under the names that a file gives them; a writer shows them until it commits.
class stored_tensors {
 public:
  /// Values are rounded to nearest where `Stored` is narrower.
  template <file_float Stored, std::size_t Rank>
  void add(std::string name, std::array<index, Rank> const& extents, std::ranges::sized_range auto const& values) {
    std::vector<std::byte> bytes;
    bytes.reserve(static_cast<std::size_t>(values.size()) * sizeof(Stored));
    for (auto const value : values) {
      Stored x;
      if constexpr (std::same_as<Stored, bfloat16>)
        x = Stored(static_cast<float>(value));
      else
        x = static_cast<Stored>(value);
      auto const raw = std::as_bytes(std::span(&x, 1));
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    }
    held_.push_back({std::move(name), dtype_name<Stored>, {extents.begin(), extents.end()}, std::move(bytes)});
  }
  void show(safetensors_writer& to) const {
    for (auto const& t : held_) to.add(t.name, t.dtype, t.shape, t.bytes);
  }

 private:
  struct tensor_copy {
    std::string name;
    std::string_view dtype;
    std::vector<index> shape;
    std::vector<std::byte> bytes;
  };
  std::list<tensor_copy> held_;
};

/// Copies all parameters, named `prefix.path`.
template <file_float Stored, class Model>
void store_parameters(stored_tensors& to, Model const& model, std::string const& prefix = {}) {
  for_each_parameter(model, [&](std::string const& name, auto const& p) { to.add<Stored>(name, p.extents(), p.to_host()); }, prefix);
}

/// Writes all parameters to a file of their own, as float unless `Stored` says otherwise.
/// @throws io_error where the system refuses; an older file stays intact then
template <file_float Stored = float, class Model>
void save_parameters(std::filesystem::path const& path, Model const& model, std::string const& prefix = {}) {
  stored_tensors kept;
  store_parameters<Stored>(kept, model, prefix);
  safetensors_writer writer(path);
  kept.show(writer.metadata("format", "spearstorm.parameters").metadata("library", SPEARSTORM_VERSION));
  writer.commit();
}

/// How the tensors of a file differ from those that a model wants.
class name_differences {
 public:
  /// Notes what the model wants at `name`.
  void want(safetensors_file const& file, std::string const& name, std::vector<index> const& shape) {
    wanted_.insert(name);
    if (!file.contains(name)) return missing_.push_back(name);
    auto const& found = file.info(name);
    bool const floating = found.dtype == "F32" || found.dtype == "F64" || found.dtype == "BF16";
    if (found.shape != shape)
      other_.push_back(name + " is " + text(found.shape) + ", expected " + text(shape));
    else if (!floating)
      other_.push_back(name + " is " + found.dtype + ", expected F32, F64 or BF16");
  }
  /// Notes which tensors below `prefix` nobody wanted.
  void leftovers(safetensors_file const& file, std::string const& prefix) {
    for (auto const& info : file.infos())
      if ((prefix.empty() || info.name.starts_with(prefix + ".")) && !wanted_.contains(info.name)) unexpected_.push_back(info.name);
  }
  /// @throws format_error that lists all differences at once, the first 8 of each kind
  void require_none(std::string_view function, std::string const& path) const {
    std::string told;
    list(told, "missing", missing_);
    list(told, "unexpected", unexpected_);
    list(told, "of another shape or type", other_);
    if (!told.empty()) fail<format_error>(function, ": '", path, "' does not fit the model:", told);
  }

 private:
  static std::string text(std::vector<index> const& shape) {
    std::string all = "(";
    for (index size : shape) all += (all.size() > 1 ? ", " : "") + std::to_string(size);
    return all + ")";
  }
  static void list(std::string& told, std::string_view kind, std::vector<std::string> const& names) {
    if (names.empty()) return;
    told += message("\n  ", names.size(), " ", kind, ":");
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 8); ++i) told += "\n    " + names[i];
    if (names.size() > 8) told += message("\n    and ", names.size() - 8, " more");
  }

  std::set<std::string> wanted_;
  std::vector<std::string> missing_, unexpected_, other_;
};

/// Compares without reading any value.
template <class Model>
void compare_parameters(name_differences& found, safetensors_file const& file, Model const& model, std::string const& prefix = {}) {
  for_each_parameter(
      model, [&](std::string const& name, auto const& p) { found.want(file, name, {p.extents().begin(), p.extents().end()}); }, prefix);
  found.leftovers(file, prefix);
}

/// Fills every parameter from the tensor `prefix.path`; F32, F64 and BF16 are converted. Nothing changes where something does not fit.
/// @throws format_error that lists what is missing, unexpected or of another shape
template <class Model>
void load_parameters_(safetensors_file const& file, Model& model, std::string const& prefix = {},
                      std::string const& shown_path = "the file") {
  name_differences differences;
  compare_parameters(differences, file, model, prefix);
  differences.require_none("load_parameters", shown_path);
  for_each_parameter(
      model,
      [&](std::string const& name, auto& p) {
        using value = typename std::remove_reference_t<decltype(p)>::value_type;
        std::vector<value> host(static_cast<std::size_t>(p.size()));
        file.read_converted<value>(name, host);
        p.assign_(host);
      },
      prefix);
}
template <class Model>
void load_parameters_(std::filesystem::path const& path, Model& model, std::string const& prefix = {}) {
  load_parameters_(safetensors_file(path), model, prefix, path.string());
}

}  // namespace SPEARSTORM_NS::io
