#include "ledger/ledger.h"

#include <absl/memory/memory.h>
#include <absl/strings/str_cat.h>

#include <map>
#include <optional>
#include <variant>

#include "admission/vocabulary/check.h"
#include "ledger/books_loader.h"
#include "ledger/books_rows.h"
#include "ledger/signed_head.h"
#include "ledger/statement.h"

namespace penstock::ledger {
namespace {

/// Rows are written all at once in parts of this size.
constexpr size_t kPartBytes = size_t{4} << 20;

absl::Status AtSequence(uint64_t sequence, const absl::Status& status) {
  return absl::DataLossError(absl::StrCat("journal sequence ", sequence, ": ", status.message()));
}

/// Reads the entries from `first` on, each decoded. DATA_LOSS names the sequence.
using EntryVisitor = std::function<absl::Status(uint64_t sequence, const Entry& entry)>;
absl::Status ReadEntries(const Journal& journal, uint64_t first, const EntryVisitor& visit) {
  uint64_t expected = first;
  absl::Status read = journal.Read(first, [&](uint64_t sequence, std::string_view payload) {
    if (sequence != expected) {
      return AtSequence(sequence, absl::DataLossError(absl::StrCat("expected sequence ", expected)));
    }
    ++expected;
    const absl::StatusOr<Entry> entry = Decode(payload);
    if (!entry.ok()) return AtSequence(sequence, entry.status());
    return visit(sequence, *entry);
  });
  if (!read.ok()) return read;
  if (journal.head().sequence + 1 != expected) {
    return absl::DataLossError(
        absl::StrCat("journal ends at sequence ", expected - 1, ", its head says ", journal.head().sequence));
  }
  return absl::OkStatus();
}

/// Applies the entries from `first` on to the books.
absl::Status Replay(const Journal& journal, uint64_t first, Follower* follower, Books* books) {
  return ReadEntries(journal, first, [&](uint64_t sequence, const Entry& entry) {
    if (absl::Status applied = books->Apply(entry); !applied.ok()) return AtSequence(sequence, applied);
    if (follower != nullptr) follower->See(entry);
    return absl::OkStatus();
  });
}

/// Reads entries into the loader up to what the rows reflect.
absl::Status ReadEnds(const Journal& journal, BooksLoader* loader) {
  if (loader->read_after() == loader->as_of().sequence) return absl::OkStatus();
  bool reached = false;
  const absl::Status read = ReadEntries(journal, loader->read_after() + 1, [&](uint64_t sequence, const Entry& entry) {
    if (absl::Status seen = loader->See(sequence, entry); !seen.ok()) return seen;
    reached = sequence == loader->as_of().sequence;
    return reached ? absl::CancelledError("far enough") : absl::OkStatus();
  });
  return reached ? absl::OkStatus() : read;
}

/// The books as the stored rows have them. NOT_FOUND when there are none; rows of others go to `foreign`.
absl::StatusOr<Books> LoadBooks(Journal& journal, BooksLoader* loader, std::vector<Follower::Row>* foreign) {
  const ProjectionStore* store = journal.projections();
  if (store == nullptr) return absl::NotFoundError("this journal keeps no projections");
  const absl::Status read = store->Read([&](std::string_view key, std::string_view value) {
    if (KindOf(key) >= RowKind::kFirstForeign) {
      if (foreign != nullptr) foreign->push_back({std::string(key), std::string(value)});
      return absl::OkStatus();
    }
    if (!loader->has_header() && KindOf(key) != RowKind::kHeader) return absl::NotFoundError("they were not finished");
    return loader->Add(key, value);
  });
  if (!read.ok()) return read;
  if (!loader->has_header()) return absl::NotFoundError("there are no projections");
  const uint64_t sequence = loader->as_of().sequence;
  if (sequence > journal.head().sequence) {
    return absl::DataLossError(
        absl::StrCat("they reflect sequence ", sequence, ", but the journal ends at ", journal.head().sequence));
  }
  const absl::StatusOr<Head> head = journal.HeadAt(sequence);
  if (!head.ok()) return absl::DataLossError(head.status().message());
  if (*head != loader->as_of()) {
    return absl::DataLossError(absl::StrCat("they are of another journal: at sequence ", sequence,
                                            " it has chain hash ", ToHex(head->hash), ", they say ",
                                            ToHex(loader->as_of().hash)));
  }
  if (absl::Status ends = ReadEnds(journal, loader); !ends.ok()) return ends;
  return loader->Finish();
}

absl::Status NeedsProjections(const Dropped& dropped, const absl::Status& why) {
  return absl::DataLossError(absl::StrCat(
      CheckStillHere(dropped, 1).message(), ", so it cannot be opened without its projections: ", why.message(),
      ". Restore the data directory from a backup, or put the segments back with `penstock ledger unarchive`"));
}

}  // namespace

absl::Status Ledger::Load(Follower* follower) {
  BooksLoader loader(books_.ended().bound());
  std::vector<Follower::Row>& foreign = follower_start_.rows;
  absl::StatusOr<Books> books = LoadBooks(*journal_, &loader, follower == nullptr ? nullptr : &foreign);
  if (!books.ok()) return books.status();
  books_ = *std::move(books);
  if (follower != nullptr) {
    if (absl::Status begun = follower->Begin(books_, foreign); !begun.ok()) return begun;
  }
  opening_.loaded = taken_ = follower_start_.sequence = loader.as_of().sequence;
  opening_.reread = taken_ - loader.read_after();
  opening_.replayed = journal_->head().sequence - taken_;
  return Replay(*journal_, taken_ + 1, follower, &books_);
}

absl::Status Ledger::ReplayAll(Follower* follower, const FollowerStart& then) {
  if (follower == nullptr) return Replay(*journal_, 1, nullptr, &books_);
  if (then.sequence == 0) {
    if (absl::Status begun = follower->Begin(books_, {}); !begun.ok()) return begun;
  }
  return ReadEntries(*journal_, 1, [&](uint64_t sequence, const Entry& entry) {
    if (absl::Status applied = books_.Apply(entry); !applied.ok()) return AtSequence(sequence, applied);
    if (sequence == then.sequence) return follower->Begin(books_, then.rows);
    if (sequence > then.sequence) follower->See(entry);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(std::unique_ptr<Journal> journal, Follower* follower,
                                                     size_t remembered_ends, const FollowerStart* then) {
  std::unique_ptr<Ledger> ledger = absl::WrapUnique(new Ledger(std::move(journal), remembered_ends));
  ledger->written_ = ledger->journal_->head();
  if (const absl::StatusOr<Hash> identity = IdentityOf(*ledger->journal_); identity.ok()) {
    ledger->identity_ = *identity;
  } else if (!absl::IsNotFound(identity.status())) {
    return identity.status();
  }
  const absl::Status loaded = then == nullptr ? ledger->Load(follower) : absl::NotFoundError("not asked for");
  if (loaded.ok()) return ledger;

  if (const Dropped dropped = ledger->journal_->dropped(); dropped.segments > 0)
    return NeedsProjections(dropped, loaded);

  // Projections follow from the journal: without them everything is read again, and if the journal itself is broken,
  // that says so.
  ledger->opening_ = {.replayed = ledger->written_.sequence, .warning = ""};
  if (!absl::IsNotFound(loaded)) {
    ledger->opening_.warning =
        absl::StrCat("the stored projections could not be used, so all ", ledger->written_.sequence,
                     " entries of the journal were replayed: ", loaded.message());
  }
  ledger->taken_ = 0;
  ledger->follower_start_ = {};
  ledger->books_ = Books(remembered_ends);
  const absl::Status replayed = ledger->ReplayAll(follower, then == nullptr ? FollowerStart() : *then);
  if (!replayed.ok()) return replayed;
  return ledger;
}

void Ledger::Post(const Entry& entry) {
  std::visit([this](const auto& e) { Post(e); }, entry);
}

void Ledger::Crash(const absl::Status& contradiction) {
  if (!contradiction.ok()) CheckFailed(std::string(contradiction.message()).c_str(), __FILE__, __LINE__);
}

absl::Status Ledger::WriteBatch() {
  if (batch_.empty()) return absl::OkStatus();
  if (absl::Status appended = journal_->Append(batch_); !appended.ok()) return appended;
  if (written_.sequence == 0) identity_ = ChainHash(Hash{}, batch_[0]);
  batch_.Clear();
  written_ = journal_->head();
  return absl::OkStatus();
}

void Ledger::TakeChanges(RowBatch* rows) {
  PENSTOCK_CHECK(batch_.empty());
  books_.TakeChanges(written_, rows);
  taken_ = written_.sequence;
}

absl::Status Ledger::WriteChanges(const RowBatch& rows) {
  if (absl::Status synced = journal_->Sync().status(); !synced.ok()) return synced;
  return journal_->projections()->Write(rows);
}

absl::Status Ledger::WriteAll(const std::function<void(RowBatch*)>& add_own) {
  PENSTOCK_CHECK(batch_.empty());
  ProjectionStore& store = *journal_->projections();
  absl::Status status = journal_->Sync().status();
  if (status.ok()) status = store.Clear();
  if (!status.ok()) return status;
  // The header goes last: without it the other rows are nothing.
  RowBatch part;
  std::string header_key;
  std::string header;
  status = books_.TakeAll(written_, [&](std::string_view key, std::string_view value) {
    if (KindOf(key) == RowKind::kHeader) {
      header_key = key;
      header = value;
      return absl::OkStatus();
    }
    part.Put(key, value);
    if (part.bytes() < kPartBytes) return absl::OkStatus();
    const absl::Status written = store.Write(part);
    part.Clear();
    return written;
  });
  if (!status.ok()) return status;
  if (add_own) add_own(&part);
  part.Put(header_key, header);
  taken_ = written_.sequence;
  return store.Write(part);
}

namespace {

/// Compares stored rows with those that replaying gives.
class RowsCheck {
 public:
  explicit RowsCheck(const ProjectionStore* store) : store_(store) {}

  /// Reads the header, and what grants' rows say of whom as of when. NOT_FOUND when there are no projections,
  /// INVALID_ARGUMENT when another version wrote them.
  absl::Status Begin(size_t remembered_ends) {
    BooksLoader header(remembered_ends);
    const absl::Status read = store_->Read([&](std::string_view key, std::string_view value) {
      ++rows_;
      if (KindOf(key) == RowKind::kHeader) {
        const absl::Status added = header.Add(key, value);
        as_of_ = header.as_of();
        return added;
      }
      if (!header.has_header()) return absl::NotFoundError("they were not finished");
      if (KindOf(key) != RowKind::kGrant) return absl::OkStatus();
      const absl::StatusOr<GrantRow> row = ReadGrantRow(value);
      if (!row.ok()) return Differs(key, "cannot be read");
      if (GrantRowKey(row->open.grant.id) != key) return Differs(key, "is of another grant");
      grants_[row->open.grant.id] = {row->as_of, std::string(value)};
      return absl::OkStatus();
    });
    return read.ok() && !header.has_header() ? absl::NotFoundError("there are no projections") : read;
  }

  const Head& as_of() const { return as_of_; }
  uint64_t rows() const { return rows_; }

  /// Before the entry is applied: grants' rows that reflect what was until now.
  absl::Status Before(uint64_t sequence, const Entry& entry, const Books& books) {
    const std::optional<GrantId> id = ChangedBy(entry);
    if (!id || grants_.empty()) return absl::OkStatus();
    const auto found = grants_.find(*id);
    if (found == grants_.end() || found->second.as_of >= sequence) return absl::OkStatus();
    const absl::Status compared = CompareGrant(*id, found->second, books);
    grants_.erase(found);
    return compared;
  }

  /// When the books have come to as_of().
  absl::Status Compare(Books& books) {
    for (const OpenGrant* open : books.OpenInOrder()) {
      const auto found = grants_.find(open->grant.id);
      if (found == grants_.end()) return Differs(GrantRowKey(open->grant.id), "is missing");
      if (absl::Status same = CompareGrant(open->grant.id, found->second, books); !same.ok()) return same;
    }
    // Rows that follow from the entries alone are compared in the order of their keys, both ways.
    std::map<std::string, std::string> expected;
    absl::Status status = books.TakeAll(as_of_, [&](std::string_view key, std::string_view value) {
      if (KindOf(key) != RowKind::kGrant && KindOf(key) != RowKind::kHeader) expected.emplace(key, value);
      return absl::OkStatus();
    });
    auto next = expected.begin();
    const auto skip_ends = [&] {  // most have no row
      while (next != expected.end() && KindOf(next->first) == RowKind::kEnd) ++next;
    };
    if (status.ok()) {
      status = store_->Read([&](std::string_view key, std::string_view value) {
        if (KindOf(key) == RowKind::kHeader || KindOf(key) == RowKind::kGrant) return absl::OkStatus();
        if (KindOf(key) >= RowKind::kFirstForeign) return absl::OkStatus();
        if (KindOf(key) == RowKind::kEnd) {
          const auto end = expected.find(std::string(key));
          return end != expected.end() && end->second != value ? Differs(key, "differs") : absl::OkStatus();
        }
        skip_ends();
        if (next == expected.end() || key < next->first) return Differs(key, "follows from no entry");
        if (key > next->first) return Differs(next->first, "is missing");
        if (value != next->second) return Differs(key, "differs from what the entries give");
        ++next;
        return absl::OkStatus();
      });
    }
    skip_ends();
    if (status.ok() && next != expected.end()) return Differs(next->first, "is missing");
    return status;
  }

  absl::Status CheckReached(const Head& head) const {
    if (as_of_.sequence <= head.sequence) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("projections: they reflect sequence ", as_of_.sequence,
                                            ", but the journal ends at ", head.sequence));
  }

 private:
  struct Stored {
    uint64_t as_of = 0;
    std::string value;
  };
  static absl::Status Differs(std::string_view key, absl::string_view how) {
    return absl::DataLossError(absl::StrCat("projections: the row of ", DescribeRow(key), " ", how));
  }
  static absl::Status CompareGrant(GrantId id, const Stored& stored, const Books& books) {
    const OpenGrant* open = books.FindOpen(id);
    std::string expected;
    if (open != nullptr) WriteGrantRow(*open, stored.as_of, &expected);
    return expected == stored.value ? absl::OkStatus() : Differs(GrantRowKey(id), "differs from what the entries give");
  }
  static std::optional<GrantId> ChangedBy(const Entry& entry) {
    if (const auto* progress = std::get_if<ProgressEntry>(&entry)) return progress->id;
    if (const auto* settle = std::get_if<SettleEntry>(&entry)) return settle->id;
    if (const auto* gone = std::get_if<VoidEntry>(&entry)) return gone->id;
    if (const auto* expire = std::get_if<ExpireEntry>(&entry)) return expire->id;
    return std::nullopt;
  }

  const ProjectionStore* store_;
  Head as_of_;
  uint64_t rows_ = 0;
  std::map<GrantId, Stored> grants_;  // not compared yet
};

}  // namespace

namespace {

/// Applies an entry. A statement must be what rating makes of the books; a settlement is re-rated by the books
/// themselves.
absl::Status ApplyChecked(uint64_t sequence, const Entry& entry, const VerifyObserver& observe, Verification* found) {
  if (observe) {
    if (absl::Status seen = observe(entry, found->books); !seen.ok()) return AtSequence(sequence, seen);
  }
  if (const auto* closed = std::get_if<StatementEntry>(&entry)) {
    if (absl::Status rated = CheckStatement(found->books, *closed); !rated.ok()) return AtSequence(sequence, rated);
    ++found->statements;
  }
  const absl::Status applied = found->books.Apply(entry);
  return applied.ok() ? applied : AtSequence(sequence, applied);
}

/// Of a journal whose beginning was dropped: every link of what is left, and every transition from the projections on.
absl::StatusOr<Verification> VerifyRest(Journal& journal, size_t remembered_ends, const VerifyObserver& observe) {
  Verification found;
  found.dropped = journal.dropped();
  const uint64_t first = found.dropped.head.sequence + 1;
  const absl::Status read = ReadEntries(journal, first, [](uint64_t, const Entry&) { return absl::OkStatus(); });
  if (!read.ok()) return read;
  BooksLoader loader(remembered_ends);
  absl::StatusOr<Books> loaded = LoadBooks(journal, &loader, nullptr);
  if (!loaded.ok()) return NeedsProjections(found.dropped, loaded.status());
  found.books = *std::move(loaded);
  found.projected = loader.as_of().sequence;
  found.applied = found.projected + 1;
  absl::Status status = ReadEntries(journal, found.applied, [&](uint64_t sequence, const Entry& entry) {
    return ApplyChecked(sequence, entry, observe, &found);
  });
  if (status.ok()) status = found.books.CheckInvariants();
  if (!status.ok()) return status;
  status = journal.projections()->Read([&found](std::string_view, std::string_view) {
    ++found.rows;
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  found.head = journal.head();
  found.entries = found.head.sequence;
  found.open_holds = found.books.open_count();
  return found;
}

}  // namespace

absl::StatusOr<Verification> Verify(Journal& journal, size_t remembered_ends, const VerifyObserver& observe) {
  if (journal.dropped().segments > 0) return VerifyRest(journal, remembered_ends, observe);
  Verification found;
  found.books = Books(remembered_ends);
  std::optional<RowsCheck> check;
  absl::Status projections = absl::NotFoundError("");
  if (journal.projections() != nullptr) projections = check.emplace(journal.projections()).Begin(remembered_ends);
  const absl::Status replayed = ReadEntries(journal, 1, [&](uint64_t sequence, const Entry& entry) {
    if (projections.ok()) projections = check->Before(sequence, entry, found.books);
    if (absl::Status applied = ApplyChecked(sequence, entry, observe, &found); !applied.ok()) return applied;
    if (projections.ok() && sequence == check->as_of().sequence) projections = check->Compare(found.books);
    return absl::OkStatus();
  });
  if (!replayed.ok()) return replayed;
  if (absl::Status sums = found.books.CheckInvariants(); !sums.ok()) return sums;
  found.head = journal.head();
  found.entries = found.head.sequence;
  found.open_holds = found.books.open_count();
  if (absl::IsNotFound(projections) || absl::IsInvalidArgument(projections)) return found;
  // And opening must give the same books from them, ends included.
  if (projections.ok()) projections = check->CheckReached(found.head);
  if (projections.ok()) {
    BooksLoader loader(remembered_ends);
    absl::StatusOr<Books> loaded = LoadBooks(journal, &loader, nullptr);
    projections = loaded.status();
    if (loaded.ok()) projections = Replay(journal, loader.as_of().sequence + 1, nullptr, &*loaded);
    if (projections.ok() && !(*loaded == found.books)) projections = absl::DataLossError("they give other books");
  }
  if (!projections.ok()) {
    return absl::DataLossError(
        absl::StrCat("the journal holds together, but the projections beside it do not (remove their folder, and the "
                     "next start makes them anew): ",
                     projections.message()));
  }
  found.projected = check->as_of().sequence;
  found.rows = check->rows();
  return found;
}

}  // namespace penstock::ledger
