#pragma once
// Keys or values in blocks of a fixed number of frames, in chunks of memory that never move: what a cache grows into and attention
// reads through a table of block numbers.

#include "spearstorm/core/axes.hpp"

namespace SPEARSTORM_NS::axes {
SPEARSTORM_AXIS(blocks);  // blocks of a row's keys, in the order of their frames
}

namespace SPEARSTORM_NS::ops {

/// Block b is (frames, dim), row-major. Each chunk holds twice as many blocks as the one before, so a few pointers reach any number of
/// blocks and the pool goes to a device by value.
template <class T>
struct block_pool {
  static constexpr index most_chunks = 24;

  T* chunks[most_chunks] = {};
  index first_chunk = 1;  ///< blocks of chunks[0]
  index blocks = 0;       ///< blocks of all chunks
  index stride = 0;       ///< elements from block to block: frames * dim, or less where blocks are only read and may overlap
  index frames = 1;       ///< frames of a block
  index dim = 0;          ///< features of a frame

  SPEARSTORM_HD T* block(index b) const {
    index chunk = 0;
    for (index size = first_chunk; b >= size; size *= 2) b -= size, ++chunk;
    return chunks[chunk] + b * stride;
  }
};

/// A contiguous (blocks, frames, dim) as a pool.
template <class T>
block_pool<T> as_blocks(T* data, index blocks, index frames, index dim) {
  return {{data}, blocks > 0 ? blocks : 1, blocks, frames * dim, frames, dim};
}

/// A contiguous (frames, dim) as a pool whose block b begins at frame b: rows of any length, one after the other, are cut into blocks of
/// `block_frames` without being moved. Attention reads no further than a row's count.
template <class T>
block_pool<T> as_windows(T* data, index frames, index block_frames, index dim) {
  return {{data}, frames > 0 ? frames : 1, frames, dim, block_frames, dim};
}

}  // namespace SPEARSTORM_NS::ops
