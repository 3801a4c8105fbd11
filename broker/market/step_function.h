// Amounts as a step function of time, kept as what changes when, so that a change from some instant on "for ever" is
// one number in one place.
//
//   1. a B+-tree: leaves hold up to 32 changes (instant, by how much) ascending, branches up to 16 children
//   2. no change is zero, and no leaf is empty but that of an empty tree
//   3. a branch knows of each child the sum of its changes and the least and greatest sum of its first k >= 1 changes:
//      with the value before a child these are all that a search needs to pass it over
//   4. what lies below child i is earlier than the separator first[i + 1] and not earlier than first[i]; first[0] is
//      not used
//   5. two neighbours below one branch have more than half of what fits into one node: after a removal they become one
//   6. a split makes halves, a removal at most merges: no randomness, the shape follows from the calls
//
// 41 bytes a change when built from a list, some 65 after many random changes, always less than 200. Nodes are used
// again: a change allocates only when the tree has never been so large.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/market/amounts.h"

namespace penstock::market {

/// Where a resource is at its least: how much there is, and since when.
struct LeastPoint {
  int64_t amount = 0;
  Instant at;  // the earliest
  friend bool operator==(const LeastPoint&, const LeastPoint&) = default;
};

struct LeastPoints {
  LeastPoint rate;
  LeastPoint slots;
  LeastPoint kv;
  friend bool operator==(const LeastPoints&, const LeastPoints&) = default;
};

/// From some instant on, that much more (or less).
struct Change {
  Instant from;
  Amounts by;
};

class StepFunction {
 public:
  /// Zero everywhere.
  StepFunction();
  /// The sum of these changes, in any order; O(n log n).
  explicit StepFunction(std::vector<Change> changes);

  /// From that instant on, for ever; O(log n). Of what lies before begin() only the effect from begin() on is kept;
  /// a change at Instant::Max() is none.
  void Add(const Change& change);

  /// What lies before may not be asked any more, and costs no memory. Linear in what is dropped.
  void ForgetBefore(Instant t);
  Instant begin() const { return begin_; }

  // All that follows crashes on instants before begin() and on empty windows. Windows are [from, to).

  struct Step {
    Amounts value;
    Instant until;  // the next change, or Instant::Max()
  };
  /// O(log n).
  Step StepAt(Instant t) const;
  /// O(log n), as are the next two.
  Amounts At(Instant t) const { return StepAt(t).value; }
  Amounts LeastIn(Instant from, Instant to) const;
  LeastPoints LeastPointsIn(Instant from, Instant to) const;

  /// The first t in [not_before, not_after] from which on the value covers `wanted` for that long, or nothing.
  /// Stretches that are covered, and such as some resource is short in, are passed over in O(log n): the cost is that
  /// times their number, never more than linear (some 7 ns a change).
  std::optional<Instant> FirstCovered(Instant not_before, Instant not_after, Duration length,
                                      const Amounts& wanted) const;

  size_t changes() const { return changes_; }
  size_t MemoryBytes() const;
  /// Crashes where the tree contradicts what is said above. Linear.
  void CheckInvariants() const;

 private:
  using Node = uint32_t;
  static constexpr size_t kLeafChanges = 32;
  static constexpr size_t kChildren = 16;

  struct Summary {
    Amounts sum;
    Amounts least;     // of the sums of the first k >= 1 changes
    Amounts greatest;  // likewise
    friend bool operator==(const Summary&, const Summary&) = default;
  };
  struct Leaf {
    static constexpr size_t kCapacity = kLeafChanges;
    size_t size = 0;
    std::array<Instant, kCapacity> at{};
    std::array<Amounts, kCapacity> by{};
  };
  struct Branch {
    static constexpr size_t kCapacity = kChildren;
    size_t size = 0;
    std::array<Node, kCapacity> child{};
    std::array<Instant, kCapacity> first{};
    std::array<Summary, kCapacity> summary{};
  };

  /// Nodes by number; they stay where they are.
  template <class T>
  class Pool {
   public:
    T& operator[](Node node) { return nodes_[node]; }
    const T& operator[](Node node) const { return nodes_[node]; }
    Node Add();
    void Remove(Node node) { free_.push_back(node); }
    size_t used() const { return nodes_.size() - free_.size(); }
    size_t MemoryBytes() const { return nodes_.size() * sizeof(T) + free_.capacity() * sizeof(Node); }

   private:
    std::deque<T> nodes_;
    std::vector<Node> free_;
  };

  // A node's height says what it is: 0 is a leaf.
  size_t SizeOf(Node node, int height) const { return height == 0 ? leaves_[node].size : branches_[node].size; }
  size_t CapacityAt(int height) const { return height == 0 ? kLeafChanges : kChildren; }
  Summary SummaryOf(Node node, int height) const;
  static size_t ChildFor(const Branch& branch, Instant t);

  void AddBelow(Node node, int height, const Change& change);
  void AddToLeaf(Leaf& leaf, const Change& change);
  void SplitChild(Branch& branch, size_t i, int child_height);
  void TidyChild(Branch& branch, size_t i, int child_height);
  void MergeWithNext(Branch& branch, size_t i, int child_height);
  void RemoveChildren(Branch& branch, size_t from, size_t count);
  void TidyRoot();
  void ForgetBelow(Node node, int height, Instant t);
  void Release(Node node, int height);
  size_t CheckBelow(Node node, int height, Instant from, Instant to, size_t& nodes) const;

  template <class Visitor>
  bool Walk(Node node, int height, Instant first, Instant end, Instant from, Amounts& value, Visitor& visitor) const;
  template <class Visitor>
  Amounts WalkFrom(Instant from, Visitor& visitor) const;

  Instant begin_{INT64_MIN};
  Amounts value_at_begin_;
  Pool<Leaf> leaves_;
  Pool<Branch> branches_;
  Node root_ = 0;
  int height_ = 0;
  size_t changes_ = 0;
};

}  // namespace penstock::market
