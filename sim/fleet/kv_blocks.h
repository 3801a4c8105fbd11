// The KV memory of a replica in blocks, as paged attention divides it: who decodes takes another block when its context
// has filled the last one.
//
// What all decoding sequences together take in an iteration is known without looking at them: those whose context has
// the same remainder modulo the block size fill their blocks in the same iterations. Counting them by remainder makes a
// step O(1), whatever the batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "admission/vocabulary/work.h"

namespace penstock::sim {

class KvBlocks {
 public:
  /// No limit: nothing is ever short. `block` at least one token.
  KvBlocks(std::optional<Tokens> limit, Tokens block);

  int64_t BlocksOf(Tokens context) const;
  bool Fits(int64_t blocks) const { return !capacity_ || held_ + blocks <= *capacity_; }
  void Take(int64_t blocks) { held_ += blocks; }
  void GiveBack(int64_t blocks);
  int64_t held() const { return held_; }
  const std::optional<int64_t>& capacity() const { return capacity_; }

  /// A sequence grows by a token in every iteration; it has `context` tokens at the start of iteration `step`. The
  /// same sequence at a later iteration, with its context then, is as good.
  void StartGrowing(Tokens context, int64_t step);
  void StopGrowing(Tokens context, int64_t step);
  /// Blocks that the growing sequences need for iteration `step` beyond those of the one before.
  int64_t GrowthIn(int64_t step) const { return growing_[static_cast<size_t>(step % block_)]; }
  /// Likewise for `count` iterations from `step` on, all together.
  int64_t GrowthIn(int64_t step, int64_t count) const;
  /// The most iterations from `step` on, at most `most`, whose growth fits.
  int64_t IterationsThatFit(int64_t step, int64_t most) const;

 private:
  size_t PhaseOfGrowth(Tokens context, int64_t step) const;

  int64_t block_;
  std::optional<int64_t> capacity_;
  int64_t held_ = 0;              // may exceed the capacity: a sequence that runs alone is never refused
  std::vector<int64_t> growing_;  // by phase
  int64_t all_growing_ = 0;
};

}  // namespace penstock::sim
