// The journal's storage: append-only rows of entries, sequence-numbered, SHA-256 chained per entry.
//
//   row of a batch:  key    first sequence, 8 bytes big-endian
//                    value  u32 count, little-endian | 32 bytes chain hash before | count x (LEB128 length, payload)
//                           | 32 bytes chain hash after
//
// Two implementations from the start (memory, RocksDB), one contract suite: tests/contract/journal_contract_test.cc.
// One thread owns a journal; Sync alone may run on other threads at the same time, and so may its projections.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/projections.h"
#include "ledger/sha256.h"

namespace penstock::ledger {

/// Where the journal ends: the last sequence (0 when empty) and the chain hash after it (all zero when empty).
struct Head {
  uint64_t sequence = 0;
  Hash hash{};
  friend bool operator==(const Head&, const Head&) = default;
};

/// What was archived and dropped from a journal's beginning: whole segments. All zero while nothing was.
struct Dropped {
  uint64_t segments = 0;  // 1 to this one
  Head head;              // where the last of them ended: what is still here follows it
  Hash identity{};        // the chain hash after the very first entry
  friend bool operator==(const Dropped&, const Dropped&) = default;
};

/// Payloads that become one row, end to end in one buffer. Clear keeps the memory, so a batch that is used again and
/// again allocates nothing.
class Batch {
 public:
  Batch() = default;
  Batch(std::initializer_list<std::string_view> payloads) { AddAll(payloads); }
  Batch(const std::vector<std::string>& payloads) { AddAll(payloads); }  // NOLINT: a list of payloads is a batch

  /// Adds what `write(&bytes)` appends to the buffer.
  template <class Write>
  void AddWritten(const Write& write) {
    write(&bytes_);
    ends_.push_back(bytes_.size());
  }
  void Add(std::string_view payload) {
    AddWritten([payload](std::string* bytes) { bytes->append(payload); });
  }
  void Clear() {
    bytes_.clear();
    ends_.clear();
  }

  bool empty() const { return ends_.empty(); }
  size_t size() const { return ends_.size(); }
  /// Of all payloads together.
  size_t bytes() const { return bytes_.size(); }
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }

 private:
  void AddAll(const auto& payloads) {
    for (const std::string_view payload : payloads) Add(payload);
  }

  std::string bytes_;
  std::vector<size_t> ends_;  // of each payload in bytes_
};

class Journal {
 public:
  virtual ~Journal() = default;

  /// Appends the batch as one row, whole or not at all. On OK a crash of the process keeps it; a power cut keeps it
  /// once Sync covers it. After an error the journal accepts nothing more: memory is ahead of the disk.
  virtual absl::Status Append(const Batch& batch) = 0;

  /// Makes durable what was appended before the call; returns the sequence it covers at least. Thread-safe.
  virtual absl::StatusOr<uint64_t> Sync() = 0;

  virtual Head head() const = 0;

  /// Where the last Sync ended, or an earlier one: a head that no power cut takes back. Empty when that is not known.
  virtual Head synced() const { return {}; }

  /// Calls `visit` for every entry from `first` on, in order, after checking sequence and chain. DATA_LOSS names the
  /// file or row and the sequence where the journal is broken; a status from `visit` ends the reading and is returned.
  /// FAILED_PRECONDITION when `first` was dropped.
  using Visitor = std::function<absl::Status(uint64_t sequence, std::string_view payload)>;
  virtual absl::Status Read(uint64_t first, const Visitor& visit) const = 0;

  /// The rows kept beside this journal, which owns them; nullptr when it keeps none. Opened by the first call.
  virtual ProjectionStore* projections() { return nullptr; }

  /// Where the journal ended when its row with this last sequence was appended. NOT_FOUND when no row ends there. (Only
  /// a journal that keeps projections, or whose arrivals are replayed, is asked.)
  virtual absl::StatusOr<Head> HeadAt(uint64_t /*sequence*/) const { return absl::NotFoundError("no such row"); }

  // ---- Segments (ledger/archive.h): for journals that keep what they hold in rows that can be taken out.

  virtual Dropped dropped() const { return {}; }

  /// As Read, by rows: their bytes, checked, from the one that begins with `first` on.
  using RowVisitor = std::function<absl::Status(uint64_t first, std::string_view row)>;
  virtual absl::Status ReadRows(uint64_t /*first*/, const RowVisitor& /*visit*/) const { return NoSegments(); }

  /// Removes the rows up to `now.head`, which must be where a row ends, and durably says so: all of it or nothing.
  virtual absl::Status Drop(const Dropped& /*now*/) { return NoSegments(); }

  /// The reverse: puts back every row that was dropped, in order; nothing says that there are no more. DATA_LOSS unless
  /// they lead from the beginning to dropped().head; then what was dropped still is.
  using RowSource = std::function<absl::StatusOr<std::optional<std::string>>()>;
  virtual absl::Status TakeBack(const RowSource& /*next*/) { return NoSegments(); }

 private:
  static absl::Status NoSegments() { return absl::UnimplementedError("this journal has no segments"); }
};

/// FAILED_PRECONDITION when a reading from `first` on would need what was dropped.
absl::Status CheckStillHere(const Dropped& dropped, uint64_t first);

/// Volatile: for tests and the simulator.
std::unique_ptr<Journal> NewMemoryJournal();

}  // namespace penstock::ledger
