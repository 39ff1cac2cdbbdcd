#pragma once
// Parameters as the kernels read them, kept for as long as they are unchanged and in use.

#include <compare>
#include <map>
#include <memory>
#include <utility>

#include "spearstorm/backend/gemm_call.hpp"
#include "spearstorm/backend/simd/packing.hpp"
#include "spearstorm/runtime/buffer.hpp"

namespace SPEARSTORM_NS::backend {

/// Belongs to a policy object, so to one workspace. A context that does not record tells it of each parameter that it uses; a product whose
/// right factor lies in such a parameter is then packed once per version of it. Where a step is recorded parameters change after it, and
/// nothing is kept.
class packed_weights {
 public:
  using unit = packing::unit;
  static constexpr std::uint64_t idle_steps = 16;  ///< root contexts without a use, after which a packed copy is given up

  /// A root context begins: what is known of memory ends, as parameters may have moved.
  void begin_step() {
    noted_.clear();
    ++step_;
    std::erase_if(kept_, [&](auto const& entry) { return entry.second.used + idle_steps < step_; });
  }
  /// @param life expires with the parameter, whose memory may then hold something else
  void note(float const* data, index size, std::uint64_t id, std::uint64_t version, std::weak_ptr<void const> life) {
    noted_[data] = {size, id, version, std::move(life)};
  }

  enum class form { units, int8 };

  /// The packed right factor of a call where it lies in a parameter; null where it does not. `pack(to)` fills `units` of memory.
  template <class Pack>
  unit const* find(gemm_call const& call, float const* b, form as, index units, Pack const& pack) {
    auto const after = noted_.upper_bound(b);
    if (after == noted_.begin()) return nullptr;
    auto const& [data, origin] = *std::prev(after);
    if (b >= data + origin.size || origin.life.expired()) return nullptr;
    auto& entry = kept_[{origin.id, b - data, call.n, call.k, call.ldb, call.trans_b, as}];
    if (entry.values.size() != units || entry.version != origin.version) {
      if (entry.values.size() != units) entry.values = buffer<unit>(units);
      pack(entry.values.data());
      entry.version = origin.version;
    }
    entry.used = step_;
    return entry.values.data();
  }

  index copies() const { return static_cast<index>(kept_.size()); }
  std::size_t bytes() const {
    index all = 0;
    for (auto const& [key, entry] : kept_) all += entry.values.size();
    return static_cast<std::size_t>(all) * sizeof(unit);
  }

 private:
  struct origin {
    index size;
    std::uint64_t id, version;
    std::weak_ptr<void const> life;
  };
  struct key {
    std::uint64_t id;
    index offset, n, k, ldb;
    bool trans;
    form as;
    auto operator<=>(key const&) const = default;
  };
  struct entry {
    buffer<unit> values;
    std::uint64_t version = 0, used = 0;
  };
  std::map<float const*, origin> noted_;
  std::map<key, entry> kept_;
  std::uint64_t step_ = 0;
};

}  // namespace SPEARSTORM_NS::backend
