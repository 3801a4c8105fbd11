#include "ledger/journal_row.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "admission/vocabulary/check.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {
namespace {

constexpr size_t kCountBytes = 4;
constexpr size_t kHashBytes = sizeof(Hash);
constexpr size_t kHeaderBytes = kCountBytes + kHashBytes;
constexpr std::string_view kDroppedMagic = "PSTKDROP";

void PutCount(size_t count, std::string& bytes) {
  for (size_t i = 0; i < kCountBytes; ++i) bytes.push_back(static_cast<char>((count >> (8 * i)) & 0xff));
}

void PutLength(size_t length, std::string& bytes) {
  for (; length >= 0x80; length >>= 7) bytes.push_back(static_cast<char>((length & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(length));
}

void PutHash(const Hash& hash, std::string& bytes) { bytes.append(hash.begin(), hash.end()); }

size_t GetCount(std::string_view bytes) {
  size_t count = 0;
  for (size_t i = 0; i < kCountBytes; ++i) count |= size_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return count;
}

Hash GetHash(std::string_view bytes) {
  Hash hash;
  std::copy_n(bytes.begin(), kHashBytes, hash.begin());
  return hash;
}

/// Takes a length and as many bytes off `rest`; false when they are not there.
bool TakePayload(std::string_view& rest, std::string_view& payload) {
  uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (rest.empty() || shift > 28) return false;
    const uint8_t byte = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    length |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  if (length > rest.size()) return false;
  payload = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

absl::Status Broken(uint64_t first, uint64_t sequence, size_t offset, std::string_view what) {
  return absl::DataLossError(absl::StrCat("row ", first, " is corrupt at sequence ", sequence, ", byte ", offset,
                                          " of the row: ", absl::string_view(what.data(), what.size())));
}

}  // namespace

Head EncodeRow(const Head& before, const Batch& batch, std::string& bytes) {
  PENSTOCK_CHECK(!batch.empty() && batch.size() <= std::numeric_limits<uint32_t>::max());
  bytes.clear();
  PutCount(batch.size(), bytes);
  PutHash(before.hash, bytes);
  Head head = before;
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::string_view payload = batch[i];
    PENSTOCK_CHECK(payload.size() <= std::numeric_limits<uint32_t>::max());
    PutLength(payload.size(), bytes);
    bytes.append(payload);
    head.hash = ChainHash(head.hash, payload);
    ++head.sequence;
  }
  PutHash(head.hash, bytes);
  return head;
}

absl::StatusOr<Row> DecodeRow(uint64_t first, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kHashBytes) return Broken(first, first, bytes.size(), "shorter than its header");
  const size_t count = GetCount(bytes);
  std::string_view rest = bytes.substr(kHeaderBytes, bytes.size() - kHeaderBytes - kHashBytes);
  if (count == 0 || count > rest.size()) return Broken(first, first, 0, "its count of entries is impossible");

  Row row{.first = first, .before = GetHash(bytes.substr(kCountBytes)), .after = {}, .payloads = {}};
  row.payloads.reserve(count);
  Hash hash = row.before;
  for (size_t i = 0; i < count; ++i) {
    const size_t offset = bytes.size() - kHashBytes - rest.size();
    std::string_view payload;
    if (!TakePayload(rest, payload)) return Broken(first, first + i, offset, "the entry reaches beyond its row");
    hash = ChainHash(hash, payload);
    row.payloads.push_back(payload);
  }
  const size_t end = bytes.size() - kHashBytes;
  if (!rest.empty()) return Broken(first, row.last(), end - rest.size(), "bytes follow the last entry");
  row.after = GetHash(bytes.substr(end));
  if (row.after != hash) return Broken(first, row.last(), end, "the entries do not give the recorded chain hash");
  return row;
}

absl::Status CheckFollows(const Head& before, const Row& row) {
  const uint64_t expected = before.sequence + 1;
  if (row.first > expected) {
    return absl::DataLossError(absl::StrCat("sequences ", expected, " to ", row.first - 1, " are missing"));
  }
  if (row.first < expected) {
    return absl::DataLossError(
        absl::StrCat("row ", row.first, " overlaps the row before it, which ends with sequence ", before.sequence));
  }
  if (row.before != before.hash) {
    return Broken(row.first, row.first, kCountBytes, "its chain hash is not that of the row before it");
  }
  return absl::OkStatus();
}

absl::Status CheckStillHere(const Dropped& dropped, uint64_t first) {
  if (first > dropped.head.sequence || dropped.head.sequence == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("sequences 1 to ", dropped.head.sequence, " (segments 1 to ",
                                                    dropped.segments, ") were archived and dropped from this journal"));
}

absl::Status CheckDrop(const Journal& journal, const Dropped& now) {
  const Dropped before = journal.dropped();
  const bool further = now.segments > before.segments && now.head.sequence > before.head.sequence;
  const absl::StatusOr<Head> there = journal.HeadAt(now.head.sequence);
  if (!further || !there.ok() || *there != now.head || (before.segments > 0 && now.identity != before.identity)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "segment ", now.segments, " with its end at sequence ", now.head.sequence,
        " is not what this journal, of which sequences 1 to ", before.head.sequence, " were dropped, can drop next"));
  }
  return absl::OkStatus();
}

absl::Status FollowDropped(const Dropped& dropped, const Journal::RowSource& next, const Journal::RowVisitor& take) {
  Head end;
  while (true) {
    const absl::StatusOr<std::optional<std::string>> bytes = next();
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) break;
    const absl::StatusOr<Row> row = DecodeRow(end.sequence + 1, **bytes);
    if (!row.ok()) return row.status();
    if (absl::Status follows = CheckFollows(end, *row); !follows.ok()) return follows;
    if (absl::Status taken = take(row->first, **bytes); !taken.ok()) return taken;
    end = row->head();
  }
  if (end == dropped.head) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the rows lead to sequence ", end.sequence, " with chain hash ",
                                          ToHex(end.hash), ", but what was dropped ended at ", dropped.head.sequence,
                                          " with ", ToHex(dropped.head.hash)));
}

std::string EncodeDropped(const Dropped& dropped) {
  std::string bytes(kDroppedMagic);
  RowWriter writer(&bytes);
  writer.Big64(dropped.segments).Big64(dropped.head.sequence).Fixed(dropped.head.hash).Fixed(dropped.identity);
  PutHash(Sha256(bytes), bytes);
  return bytes;
}

absl::StatusOr<Dropped> DecodeDropped(std::string_view bytes) {
  if (bytes.size() > kHashBytes && bytes.starts_with(kDroppedMagic)) {
    const std::string_view content = bytes.substr(0, bytes.size() - kHashBytes);
    RowReader reader(content.substr(kDroppedMagic.size()));
    Dropped dropped;
    dropped.segments = reader.Big64();
    dropped.head.sequence = reader.Big64();
    dropped.head.hash = reader.Fixed<Hash>();
    dropped.identity = reader.Fixed<Hash>();
    if (reader.done() && GetHash(bytes.substr(content.size())) == Sha256(content)) return dropped;
  }
  return absl::DataLossError("the record of what was dropped from the journal is damaged");
}

absl::Status VisitRow(const Row& row, uint64_t from, const Journal::Visitor& visit) {
  uint64_t sequence = row.first;
  for (const std::string_view payload : row.payloads) {
    if (sequence >= from) {
      if (absl::Status status = visit(sequence, payload); !status.ok()) return status;
    }
    ++sequence;
  }
  return absl::OkStatus();
}

}  // namespace penstock::ledger
