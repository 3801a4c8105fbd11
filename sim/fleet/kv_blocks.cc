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

void KvBlocks::StopGrowing(Tokens context, int64_t step) {
  int64_t& count = growing_[PhaseOfGrowth(context, step)];
  PENSTOCK_CHECK(count > 0);
  --count;
}

}  // namespace penstock::sim
