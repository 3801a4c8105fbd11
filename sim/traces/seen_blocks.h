// Which blocks of prompts have come by: what a prefix cache that forgets nothing would have.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace penstock::sim {

/// Blocks have a number; a trace counts them from 0 as they appear. Takes a bit for each number up to the largest.
class SeenBlocks {
 public:
  static constexpr uint64_t kMostBlocks = uint64_t{1} << 28;

  /// How many of the first blocks have all come by before.
  int64_t PrefixSeen(std::span<const uint64_t> blocks) const {
    int64_t count = 0;
    while (count < std::ssize(blocks) && Seen(blocks[static_cast<size_t>(count)])) ++count;
    return count;
  }
  /// Numbers below kMostBlocks.
  void Add(std::span<const uint64_t> blocks) {
    for (const uint64_t block : blocks) {
      if (block >= seen_.size()) seen_.resize(block + block / 2 + 1);
      seen_[block] = true;
    }
  }

 private:
  bool Seen(uint64_t block) const { return block < seen_.size() && seen_[block]; }

  std::vector<bool> seen_;
};

}  // namespace penstock::sim
