// Slabs: numbered cells that are reused, growing by an eighth, so that memory follows what is in use closely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/start_to_load.h"

namespace penstock::admission {

constexpr uint32_t kNoCell = UINT32_MAX;

/// Resizes a vector upwards; its capacity grows by an eighth or 64 cells.
template <class T, class A>
void GrowTo(std::vector<T, A>& cells, size_t size, const T& fill) {
  if (size > cells.capacity()) cells.reserve(size + size / 8 + 64);
  cells.resize(size, fill);
}

/// Cells of T by dense number; freed numbers are used again, the last freed first.
template <class T>
class Slab {
 public:
  /// A cell as it was left, or a new one.
  uint32_t Take() {
    if (free_.empty()) {
      PENSTOCK_CHECK(cells_.size() < kNoCell);
      GrowTo(cells_, cells_.size() + 1, T{});
      free_.reserve(cells_.capacity());  // so that Free never allocates
      return static_cast<uint32_t>(cells_.size() - 1);
    }
    const uint32_t cell = free_.back();
    free_.pop_back();
    return cell;
  }
  void Free(uint32_t cell) { free_.push_back(cell); }

  T& operator[](uint32_t cell) { return cells_[cell]; }
  const T& operator[](uint32_t cell) const { return cells_[cell]; }
  /// Numbers ever used: every cell is below it.
  size_t extent() const { return cells_.size(); }
  size_t used() const { return cells_.size() - free_.size(); }
  size_t MemoryBytes() const { return cells_.capacity() * sizeof(T) + free_.capacity() * sizeof(uint32_t); }

 private:
  std::vector<T> cells_;
  std::vector<uint32_t> free_;
};

}  // namespace penstock::admission
