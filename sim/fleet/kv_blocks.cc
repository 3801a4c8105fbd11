#include "sim/fleet/kv_blocks.h"

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::sim {

KvBlocks::KvBlocks(std::optional<Tokens> limit, Tokens block) : block_(block.count()) {
  PENSTOCK_CHECK(block_ > 0);
  if (limit) capacity_ = DivideRoundDown(limit->count(), block_);
  growing_.assign(static_cast<size_t>(block_), 0);
}

int64_t KvBlocks::BlocksOf(Tokens context) const { return DivideRoundUp(context.count(), block_); }

void KvBlocks::GiveBack(int64_t blocks) {
  held_ -= blocks;
  PENSTOCK_CHECK(held_ >= 0);
}

size_t KvBlocks::PhaseOfGrowth(Tokens context, int64_t step) const {
  // The first token of a block is the one that needs it: context = 1 (mod block).
  const int64_t phase = (step + 1 - context.count()) % block_;
  return static_cast<size_t>(phase < 0 ? phase + block_ : phase);
}

void KvBlocks::StartGrowing(Tokens context, int64_t step) {
  ++growing_[PhaseOfGrowth(context, step)];
  ++all_growing_;
}

void KvBlocks::StopGrowing(Tokens context, int64_t step) {
  int64_t& count = growing_[PhaseOfGrowth(context, step)];
  PENSTOCK_CHECK(count > 0);
  --count;
  --all_growing_;
}

int64_t KvBlocks::GrowthIn(int64_t step, int64_t count) const {
  int64_t growth = count / block_ * all_growing_;
  for (int64_t i = 0; i < count % block_; ++i) growth += GrowthIn(step + i);
  return growth;
}

int64_t KvBlocks::IterationsThatFit(int64_t step, int64_t most) const {
  if (!capacity_ || all_growing_ == 0) return most;
  int64_t free = *capacity_ - held_;
  if (free < 0) return 0;
  const int64_t rounds = free / all_growing_;  // of `block_` iterations each
  free -= rounds * all_growing_;
  if (rounds > most / block_) return most;
  int64_t fitting = rounds * block_;
  for (; fitting < most && GrowthIn(step + fitting) <= free; ++fitting) free -= GrowthIn(step + fitting);
  return fitting;
}

}  // namespace penstock::sim
