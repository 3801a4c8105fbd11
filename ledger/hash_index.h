// Finds places (slots of a slab, numbers in a queue) by a hash of what lies there; whoever owns the places compares the
// keys. Linear probing, at most half full (or three quarters, where memory counts for more than a probe); erasing
// shifts back what follows, so there are no tombstones: no pause to sweep them out, and no allocation unless there are
// more places than ever before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/start_to_load.h"

namespace penstock::ledger {

/// Spreads dense sequences evenly, four neighbours at a time: grants that come together end together, and their cells
/// are then in the cache.
inline uint32_t HashOf(GrantId id) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // x 2^64
  const uint64_t four = ((id.sequence >> 2) + (uint64_t{id.epoch} << 40)) * kGoldenRatio;
  return static_cast<uint32_t>(four >> 34 << 2 | (id.sequence & 3));
}

class HashIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;                     // places are smaller
  enum class Fullness : uint8_t { kHalf = 2, kThreeQuarters = 3 };  // at most, before it doubles

  HashIndex() = default;
  explicit HashIndex(Fullness fullness) : fullness_(fullness) {}

  /// The place with that hash for which `is_it(place)` holds, or kNone.
  template <class IsIt>
  uint32_t Find(uint32_t hash, const IsIt& is_it) const {
    if (cells_.empty()) return kNone;
    for (size_t at = HomeOf(hash); cells_[at].place != kNone; at = Next(at)) {
      if (cells_[at].hash == hash && is_it(cells_[at].place)) return cells_[at].place;
    }
    return kNone;
  }

  /// The place must not be in it yet.
  void Insert(uint32_t hash, uint32_t place) {
    PENSTOCK_CHECK(place != kNone);
    if (4 * (size_ + 1) > static_cast<size_t>(fullness_) * cells_.size()) Grow();
    Put({hash, place});
    ++size_;
  }

  /// Crashes when it is not in it.
  void Erase(uint32_t hash, uint32_t place) { PENSTOCK_CHECK(EraseIfThere(hash, place)); }
  bool EraseIfThere(uint32_t hash, uint32_t place) {
    size_t hole = CellOf(hash, place);
    if (hole == cells_.size()) return false;
    for (size_t at = Next(hole); cells_[at].place != kNone; at = Next(at)) {
      // What lies further from its home than the hole from here may move into the hole.
      if (((at - HomeOf(cells_[at].hash)) & Mask()) < ((at - hole) & Mask())) continue;
      cells_[hole] = cells_[at];
      hole = at;
    }
    cells_[hole] = Cell();
    --size_;
    return true;
  }

  /// What had that hash at `before` is at `after` now.
  void Move(uint32_t hash, uint32_t before, uint32_t after) { cells_.at(CellOf(hash, before)).place = after; }

  /// Something with that hash will be looked for soon.
  void Prefetch(uint32_t hash) const {
    if (!cells_.empty()) StartToLoad(&cells_[HomeOf(hash)]);
  }

  /// Calls visit(place) for each, in no particular order.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Cell& cell : cells_) {
      if (cell.place != kNone) visit(cell.place);
    }
  }

  size_t size() const { return size_; }
  size_t bytes() const { return cells_.size() * sizeof(Cell); }

 private:
  struct Cell {
    uint32_t hash = 0;
    uint32_t place = kNone;
  };

  size_t Mask() const { return cells_.size() - 1; }
  size_t Next(size_t at) const { return (at + 1) & Mask(); }
  size_t HomeOf(uint32_t hash) const { return hash & Mask(); }

  /// The number of cells when it is not in it.
  size_t CellOf(uint32_t hash, uint32_t place) const {
    if (size_ == 0) return cells_.size();
    for (size_t at = HomeOf(hash);; at = Next(at)) {
      if (cells_[at].place == place) return at;
      if (cells_[at].place == kNone) return cells_.size();
    }
  }

  void Put(Cell cell) {
    size_t at = HomeOf(cell.hash);
    while (cells_[at].place != kNone) at = Next(at);
    cells_[at] = cell;
  }

  void Grow() {
    std::vector<Cell> before(std::max<size_t>(2 * cells_.size(), 16));
    before.swap(cells_);
    for (const Cell& cell : before) {
      if (cell.place != kNone) Put(cell);
    }
  }

  std::vector<Cell> cells_;  // a power of two of them, or none
  size_t size_ = 0;
  Fullness fullness_ = Fullness::kHalf;
};

}  // namespace penstock::ledger
