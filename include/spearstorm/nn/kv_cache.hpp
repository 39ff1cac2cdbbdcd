#pragma once
// The keys and values of all layers of a decoder, in one pool of blocks. Nothing is ever concatenated or moved: rows grow block by block,
// beams share blocks, a copy is made only of the last block where two rows go on differently.

#include "spearstorm/nn/block_list.hpp"
#include "spearstorm/ops/block_pool.hpp"
#include "spearstorm/runtime/parameter.hpp"
#include "spearstorm/tape/context.hpp"

namespace SPEARSTORM_NS::nn {

struct kv_cache_sizes {
  index layers = 1;
  index dim = 0;  ///< of a key: kv_heads * dim_head
  index block_frames = 16;
  index first_blocks = 32;  ///< of the first piece of memory; each next one is twice as large
};

/// Where the new frames of a step stand, in the memory of a context: uploaded once, read by all layers.
struct kv_step {
  tensor<std::int32_t, axes::batch<>, axes::blocks<>> table;      ///< (batch, blocks), 0 behind a row's last block
  tensor<std::int32_t, axes::batch<>> counts;                     ///< (batch), keys that the last new frame sees, its own included
  tensor<std::int32_t, axes::batch<>, axes::frames<>> positions;  ///< (batch, frames), of the new frames
};

namespace detail_kv_cache {
/// Row (batch, new frame): its key and value into their block.
template <class T, class Stored>
struct write_row {
  ops::block_pool<Stored> keys, values;
  std::int32_t const *table, *positions;
  T const *k, *v;
  index frames, blocks;
  template <class Lanes>
  SPEARSTORM_HD void operator()(Lanes, index row) const {
    index const at = positions[row], block = table[row / frames * blocks + at / keys.frames], dim = keys.dim;
    Stored *const key = keys.block(block) + at % keys.frames * dim, *const value = values.block(block) + at % keys.frames * dim;
    Lanes::each(dim, [&](auto to) {
      to.store(key, to.load(k + row * dim));
      to.store(value, to.load(v + row * dim));
    });
  }
};
}  // namespace detail_kv_cache

/// State of its own kind (see Decisions, 9): an explicit argument of what decodes, in inference contexts only. Its memory lives as long as
/// it does, whatever contexts come and go.
///
///   cache.reserve_(n);                             blocks for n new frames of every row
///   auto const step = cache.step(ctx, 0, n);       where they stand
///   cache.write_(ctx, step, layer, k, v);          for each layer, then attend_blocks(..., cache.keys(layer), cache.values(layer), step.table, step.counts)
///   cache.advance_(n);                             they count as written
template <execution_policy Exec>
class kv_cache {
 public:
  using value_type = typename Exec::value_type;
  using stored_type = cached_of<Exec>;  ///< what attention multiplies
  using memory = typename Exec::memory;

  /// @throws value_error where a size is below 1
  explicit kv_cache(kv_cache_sizes of) : of_(of), rows_(of.block_frames) {
    check_range<index>("kv_cache", "layers", of.layers, 1, 1 << 20);
    check_range<index>("kv_cache", "dim", of.dim, 1, 1 << 30);
    check_range<index>("kv_cache", "first_blocks", of.first_blocks, 1, 1 << 20);
  }

  kv_cache_sizes const& of() const { return of_; }
  index rows() const { return rows_.rows(); }
  index length(index row) const { return rows_.length(row); }
  index blocks_in_use() const { return rows_.in_use(); }
  std::size_t bytes() const { return static_cast<std::size_t>(capacity() * block_elements()) * sizeof(stored_type); }

  void add_rows_(index count) { rows_.add_rows_(count); }
  /// Row i becomes what row parents[i] was: beams, and rows that have ended and are left out.
  void fork_(std::span<index const> parents) { rows_.fork_(parents); }
  /// Forgets a row's frames from `length` on: tokens that were drafted and refused.
  void truncate_(index row, index length) { rows_.truncate_(row, length); }
  /// Blocks for `count` new frames of every row.
  /// @cost a copy of one block, all layers, for each row that goes on from a shared one
  void reserve_(index count) {
    std::vector<std::pair<std::int32_t, std::int32_t>> copies;
    rows_.reserve_(count, [&](std::int32_t from, std::int32_t to) { copies.emplace_back(from, to); });
    grow();
    auto const all = pool<stored_type>(*this, 0);
    auto const bytes = static_cast<std::size_t>(block_elements()) * sizeof(stored_type);
    for (auto const& [from, to] : copies) memory::move(all.block(to), all.block(from), bytes);
  }
  void advance_(index count) { rows_.advance_(count); }

  /// Where frames length + ahead ... length + ahead + count - 1 of every row stand, on the host.
  /// @throws value_error where they were not reserved
  struct tables {
    array<std::int32_t, axes::batch<>, axes::blocks<>> table;
    array<std::int32_t, axes::batch<>> counts;
    array<std::int32_t, axes::batch<>, axes::frames<>> positions;
  };
  tables step_tables(index ahead, index count) const {
    index widest = 0;
    for (index r = 0; r < rows(); ++r) {
      index const reserved = static_cast<index>(rows_.blocks(r).size()) * of_.block_frames;
      check_range<index>("kv_cache: step", "frames", length(r) + ahead + count, 0, reserved);
      widest = std::max(widest, (length(r) + ahead + count + of_.block_frames - 1) / of_.block_frames);
    }
    tables made{decltype(tables::table)({rows(), widest}), decltype(tables::counts)({rows()}),
                decltype(tables::positions)({rows(), count})};
    for (index r = 0; r < rows(); ++r) {
      auto const& blocks = rows_.blocks(r);
      std::copy_n(blocks.begin(), std::min(widest, static_cast<index>(blocks.size())), made.table.data() + r * widest);
      made.counts.data()[r] = static_cast<std::int32_t>(length(r) + ahead + count);
      for (index i = 0; i < count; ++i) made.positions.data()[r * count + i] = static_cast<std::int32_t>(length(r) + ahead + i);
    }
    return made;
  }
  /// The same in a context.
  kv_step step(context<Exec> auto& ctx, index ahead, index count) const {
    auto const made = step_tables(ahead, count);
    return {ctx.upload(made.table), ctx.upload(made.counts), ctx.upload(made.positions)};
  }

  /// A layer's keys and values of the step's new frames.
  /// @shape k, v (batch, frames, dim)
  /// @throws shape_error where sizes do not fit, value_error where there is no such layer
  void write_(context<Exec> auto& ctx, kv_step const& step, index layer,
              tensor_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& k,
              tensor_of<axes::batch<>, axes::frames<>, axes::dim<>> auto const& v) {
    static_assert(!std::remove_reference_t<decltype(ctx)>::is_recording,
                  "spearstorm: kv_cache: keys are cached in inference contexts only");
    auto const ks = ctx.eval(k);
    auto const vs = ctx.eval(v);
    index const batch = step.positions.extent(0), frames = step.positions.extent(1);
    check_layer(layer);
    check_size("kv_cache", "keys", "batch", ks.extent(0), "the step", batch);
    check_size("kv_cache", "keys", "frames", ks.extent(1), "the step", frames);
    check_size("kv_cache", "keys", "dim", ks.cols(), "the cache", of_.dim);
    check_size("kv_cache", "values", "size", vs.size(), "keys", ks.size());
    verbs::each_row<value_type>(
        ctx.exec(), batch * frames, 2 * of_.dim,
        detail_kv_cache::write_row<value_type, stored_type>{
            pool<stored_type>(*this, key_offset(layer)), pool<stored_type>(*this, value_offset(layer)), ctx.eval(step.table).data(),
            ctx.eval(step.positions).data(), ks.data(), vs.data(), frames, step.table.extent(1)});
  }
  /// A layer's blocks as `attend_blocks` reads them.
  ops::block_pool<stored_type const> keys(index layer) const {
    return check_layer(layer), pool<stored_type const>(*this, key_offset(layer));
  }
  ops::block_pool<stored_type const> values(index layer) const {
    return check_layer(layer), pool<stored_type const>(*this, value_offset(layer));
  }

 private:
  // A block holds all layers, (layers, keys and values, block_frames, dim): one move copies it.
  index block_elements() const { return of_.layers * 2 * of_.block_frames * of_.dim; }
  index key_offset(index layer) const { return 2 * layer * of_.block_frames * of_.dim; }
  index value_offset(index layer) const { return key_offset(layer) + of_.block_frames * of_.dim; }
  index capacity() const { return of_.first_blocks * ((index{1} << chunks_.size()) - 1); }
  void check_layer(index layer) const { check_range<index>("kv_cache", "layer", layer, 0, of_.layers - 1); }
  void grow() {
    while (capacity() < rows_.high_water()) {
      check_range<index>("kv_cache", "blocks", rows_.high_water(), 0,
                         of_.first_blocks * ((index{1} << ops::block_pool<stored_type>::most_chunks) - 1));
      chunks_.emplace_back((of_.first_blocks << chunks_.size()) * block_elements());
    }
  }
  template <class U>
  static ops::block_pool<U> pool(auto& self, index offset) {
    auto const& of = self.of_;
    ops::block_pool<U> made{{}, of.first_blocks, self.capacity(), self.block_elements(), of.block_frames, of.dim};
    for (std::size_t i = 0; i < self.chunks_.size(); ++i) made.chunks[i] = self.chunks_[i].data() + offset;
    return made;
  }

  kv_cache_sizes of_;
  block_list rows_;
  std::vector<buffer<stored_type, memory>> chunks_;
};

}  // namespace SPEARSTORM_NS::nn
