// Rows that follow from the journal, kept beside it so that opening need not read it from its beginning. Every row is
// an absolute value; the header (an ordinary row) says which sequence they all reflect. What a row means is its
// writer's: the first byte of its key says whose it is (ledger/books_rows.h).
//
// Two implementations (memory, RocksDB), one contract suite: tests/contract/projections_contract_test.cc.
#pragma once

#include <absl/status/status.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::ledger {

/// Changes to rows, end to end in one buffer. Clear keeps the memory, so a batch that is used again and again allocates
/// nothing.
class RowBatch {
 public:
  enum class Change : uint8_t { kPut, kDelete, kDeleteRange };

  /// Adds what the two functions append to the buffer.
  template <std::invocable<std::string*> WriteKey, std::invocable<std::string*> WriteValue>
  void Put(const WriteKey& key, const WriteValue& value) {
    key(&bytes_);
    const size_t key_end = bytes_.size();
    value(&bytes_);
    changes_.push_back({Change::kPut, key_end, bytes_.size()});
  }
  void Put(std::string_view key, std::string_view value) {
    Put([key](std::string* bytes) { bytes->append(key); }, [value](std::string* bytes) { bytes->append(value); });
  }
  void Delete(std::string_view key) {
    bytes_.append(key);
    changes_.push_back({Change::kDelete, bytes_.size(), bytes_.size()});
  }
  /// Deletes every row from `from` (included) to `to` (not included).
  void DeleteRange(std::string_view from, std::string_view to) {
    bytes_.append(from);
    const size_t middle = bytes_.size();
    bytes_.append(to);
    changes_.push_back({Change::kDeleteRange, middle, bytes_.size()});
  }
  void Clear() {
    bytes_.clear();
    changes_.clear();
  }

  bool empty() const { return changes_.empty(); }
  size_t size() const { return changes_.size(); }
  size_t bytes() const { return bytes_.size(); }

  /// Calls visit(change, key, value) in order; for kDeleteRange they are where it begins and ends.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    size_t begin = 0;
    const std::string_view bytes = bytes_;
    for (const Mark& mark : changes_) {
      visit(mark.change, bytes.substr(begin, mark.key_end - begin),
            bytes.substr(mark.key_end, mark.end - mark.key_end));
      begin = mark.end;
    }
  }

 private:
  struct Mark {
    Change change;
    size_t key_end;
    size_t end;
  };
  std::string bytes_;
  std::vector<Mark> changes_;
};

/// Calls are serial, on whatever thread: beside those of the journal.
class ProjectionStore {
 public:
  virtual ~ProjectionStore() = default;

  /// All of it or nothing, in order, durable on return.
  virtual absl::Status Write(const RowBatch& batch) = 0;

  /// Calls `visit` for every row in the order of their keys' bytes. DATA_LOSS when rows cannot be read; a status from
  /// `visit` ends the reading and is returned.
  using Visitor = std::function<absl::Status(std::string_view key, std::string_view value)>;
  virtual absl::Status Read(const Visitor& visit) const = 0;

  /// Removes every row, also from a store that cannot be read.
  virtual absl::Status Clear() = 0;
};

}  // namespace penstock::ledger
