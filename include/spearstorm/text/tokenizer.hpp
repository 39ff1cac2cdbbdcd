#pragma once
// What a tokenizer promises: text to ids and back. Bytes, characters, phonemes and CLIP's byte pairs satisfy it alike.

#include <concepts>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::text {

/// All that distinguishes one tokenizer from another: a model file stores it, and whoever loads the model compares.
/// Names, keys and values are ASCII; symbols are UTF-8.
struct tokenizer_description {
  std::string name;                                  ///< "byte", "character", "phoneme", "clip"
  std::map<std::string, std::string> settings = {};  ///< such as the voice of phonemes
  std::vector<std::string> symbols = {};             ///< what each id stands for, where it was learned or given

  friend bool operator==(tokenizer_description const&, tokenizer_description const&) = default;
};

/// Ids lie in [0, size()), and 0 is an id like any other. `encode` refuses what is no UTF-8 (format_error). `decode` gives UTF-8 for any
/// ids, skips those below 0 (padding) and refuses those of size() and above (value_error). Const members may be called from several threads.
template <class T>
concept tokenizer = requires(T const& t, std::string_view text, std::span<std::int32_t const> ids) {
  { t.size() } -> std::convertible_to<index>;
  { t.encode(text) } -> std::same_as<std::vector<std::int32_t>>;
  { t.decode(ids) } -> std::same_as<std::string>;
  { t.description() } -> std::same_as<tokenizer_description>;
};

/// Any tokenizer, chosen at run time. Copies share it.
class any_tokenizer {
 public:
  template <class T>
    requires(!std::same_as<T, any_tokenizer>) && tokenizer<T>
  any_tokenizer(T chosen) : held_(std::make_shared<holder<T> const>(std::move(chosen))) {}

  index size() const { return held_->size(); }
  std::vector<std::int32_t> encode(std::string_view text) const { return held_->encode(text); }
  std::string decode(std::span<std::int32_t const> ids) const { return held_->decode(ids); }
  tokenizer_description description() const { return held_->description(); }

 private:
  struct interface {
    virtual ~interface() = default;
    virtual index size() const = 0;
    virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
    virtual std::string decode(std::span<std::int32_t const> ids) const = 0;
    virtual tokenizer_description description() const = 0;
  };
  template <class T>
  struct holder final : interface {
    explicit holder(T chosen) : held(std::move(chosen)) {}
    index size() const override { return held.size(); }
    std::vector<std::int32_t> encode(std::string_view text) const override { return held.encode(text); }
    std::string decode(std::span<std::int32_t const> ids) const override { return held.decode(ids); }
    tokenizer_description description() const override { return held.description(); }
    T held;
  };

  std::shared_ptr<interface const> held_;
};

namespace detail {

/// Calls each(id) for every id that is no padding.
/// @throws value_error for an id of size and above
template <class Each>
void each_id(std::string_view function, std::span<std::int32_t const> ids, index size, Each&& each) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= size) fail<value_error>(function, ": id ", i, " = ", ids[i], ", expected at most ", size - 1);
    if (ids[i] >= 0) each(ids[i]);
  }
}

}  // namespace detail

}  // namespace SPEARSTORM_NS::text
