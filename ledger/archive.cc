#include "ledger/archive.h"

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "ledger/books_loader.h"
#include "ledger/books_rows.h"
#include "ledger/journal_row.h"
#include "ledger/ledger.h"

namespace penstock::ledger {
namespace {

constexpr char kPrefix[] = "segment-";

std::string PathOf(const std::string& directory, uint64_t number) {
  return absl::StrCat(directory, "/", kPrefix, absl::Dec(number, absl::kZeroPad8));
}

Head EndOf(const std::vector<Segment>& segments) { return segments.empty() ? Head{} : segments.back().after.head; }

/// Collects rows until they are a segment.
class Cutter {
 public:
  Cutter(std::string directory, std::vector<Segment> before, uint64_t segment_entries, const Hash& identity,
         const HeadSigner& sign)
      : directory_(std::move(directory)),
        segments_(std::move(before)),
        archived_(segments_.size()),
        segment_entries_(segment_entries),
        identity_(identity),
        sign_(sign),
        end_(EndOf(segments_)) {}

  /// Whether so much more is there that another segment is finished.
  bool HasRoom(const Head& upto) const { return writer_ || upto.sequence - end_.sequence >= segment_entries_; }

  absl::Status Add(uint64_t first, std::string_view bytes) {
    const absl::StatusOr<Row> row = DecodeRow(first, bytes);
    if (!row.ok()) return row.status();
    if (!writer_) {
      before_ = end_;
      absl::StatusOr<SegmentWriter> writer = SegmentWriter::Create(PathOf(directory_, segments_.size() + 1));
      if (!writer.ok()) return writer.status();
      writer_.emplace(*std::move(writer));
    }
    if (absl::Status follows = CheckFollows(end_, *row); !follows.ok()) return follows;
    if (absl::Status added = writer_->Add(bytes); !added.ok()) return added;
    end_ = row->head();
    return end_.sequence - before_.sequence >= segment_entries_ ? Finish() : absl::OkStatus();
  }

  std::vector<Segment> written() const {
    return {segments_.begin() + static_cast<ptrdiff_t>(archived_), segments_.end()};
  }

 private:
  absl::Status Finish() {
    Segment segment;
    segment.number = segments_.size() + 1;
    segment.before = before_;
    segment.after.journal = identity_;
    segment.after.head = end_;
    if (sign_) segment.after = sign_(identity_, end_);
    segment.path = PathOf(directory_, segment.number);
    const absl::Status finished = writer_->Finish(segment);
    writer_.reset();
    if (finished.ok()) segments_.push_back(std::move(segment));
    return finished;
  }

  const std::string directory_;
  std::vector<Segment> segments_;
  const size_t archived_;
  const uint64_t segment_entries_;
  const Hash identity_;
  const HeadSigner& sign_;
  std::optional<SegmentWriter> writer_;
  Head before_;  // where the segment in hand begins
  Head end_;
};

/// The first entry that opening from the projections reads. DATA_LOSS when there is nothing to open from.
absl::StatusOr<uint64_t> FirstNeeded(Journal& journal, size_t remembered_ends) {
  const absl::StatusOr<Verification> sound = Verify(journal, remembered_ends);
  if (!sound.ok()) return sound.status();
  if (sound->projected == 0) {
    return absl::FailedPreconditionError(
        "there are no projections that opening could begin with: start the daemon once and stop it in good order");
  }
  BooksLoader header(remembered_ends);
  const absl::Status read = journal.projections()->Read([&header](std::string_view key, std::string_view value) {
    if (KindOf(key) != RowKind::kHeader) return absl::CancelledError("far enough");
    return header.Add(key, value);
  });
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  return header.read_after() + 1;
}

class JournalWithArchive : public Journal {
 public:
  JournalWithArchive(std::unique_ptr<Journal> journal, std::vector<Segment> segments)
      : journal_(std::move(journal)), rest_(journal_->dropped().head.sequence + 1), segments_(std::move(segments)) {
    std::erase_if(segments_, [this](const Segment& segment) { return segment.last() >= rest_; });
  }

  absl::Status Append(const Batch&) override { return ReadOnly(); }
  absl::StatusOr<uint64_t> Sync() override { return ReadOnly(); }
  Head head() const override { return journal_->head(); }
  Head synced() const override { return journal_->synced(); }
  ProjectionStore* projections() override { return journal_->projections(); }

  absl::Status Read(uint64_t first, const Visitor& visit) const override {
    const absl::Status read =
        ReadArchived(first, [&](const Row& row, std::string_view) { return VisitRow(row, first, visit); });
    return read.ok() ? journal_->Read(std::max(first, rest_), visit) : read;
  }

  absl::Status ReadRows(uint64_t first, const RowVisitor& visit) const override {
    const absl::Status read = ReadArchived(first, [&](const Row& row, std::string_view bytes) {
      return row.first < first ? absl::OkStatus() : visit(row.first, bytes);
    });
    return read.ok() ? journal_->ReadRows(std::max(first, rest_), visit) : read;
  }

  absl::StatusOr<Head> HeadAt(uint64_t sequence) const override {
    if (sequence == 0) return Head();
    if (sequence + 1 >= rest_) return journal_->HeadAt(sequence);
    std::optional<Head> found;
    const absl::Status read = ReadArchived(sequence, [&](const Row& row, std::string_view) {
      if (row.last() == sequence) found = row.head();
      return row.last() < sequence ? absl::OkStatus() : absl::CancelledError("far enough");
    });
    if (found) return *found;
    return read.ok() || absl::IsCancelled(read)
               ? absl::NotFoundError(absl::StrCat("no row of the archive ends with sequence ", sequence))
               : read;
  }

 private:
  static absl::Status ReadOnly() { return absl::FailedPreconditionError("a journal with its archive is read only"); }

  /// The archived rows from the segment on that holds `first`.
  absl::Status ReadArchived(uint64_t first, const auto& visit) const {
    for (const Segment& segment : segments_) {
      if (segment.last() < first) continue;
      absl::StatusOr<SegmentReader> reader = SegmentReader::Open(segment);
      if (!reader.ok()) return reader.status();
      while (true) {
        const absl::StatusOr<std::optional<std::string>> bytes = reader->Next();
        if (!bytes.ok()) return bytes.status();
        if (!bytes->has_value()) break;
        const absl::StatusOr<Row> row = DecodeRow(reader->first_of_row(), **bytes);
        if (!row.ok()) return row.status();
        if (absl::Status visited = visit(*row, **bytes); !visited.ok()) return visited;
      }
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<Journal> journal_;
  const uint64_t rest_;  // the first sequence that is still in the journal
  std::vector<Segment> segments_;
};

}  // namespace

absl::StatusOr<std::vector<Segment>> ListSegments(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& file : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = file.path().filename().string();
    if (name.starts_with(kPrefix) && !name.ends_with(".new")) names.push_back(name);
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return absl::ErrnoToStatus(failed.value(), absl::StrCat("cannot read ", directory));
  }
  std::sort(names.begin(), names.end());
  std::vector<Segment> segments;
  for (const std::string& name : names) {
    const std::string expected = PathOf(directory, segments.size() + 1);
    if (directory + "/" + name != expected) {
      return absl::DataLossError(absl::StrCat(expected, " is missing: ", name, " is next"));
    }
    absl::StatusOr<Segment> segment = ReadSegmentFooter(expected);
    if (!segment.ok()) return segment.status();
    const bool same_journal = segments.empty() || segment->after.journal == segments.back().after.journal;
    if (segment->number != segments.size() + 1 || segment->before != EndOf(segments) || !same_journal) {
      return absl::DataLossError(absl::StrCat(expected, " is segment ", segment->number, " after sequence ",
                                              segment->before.sequence, ", not the one that follows here"));
    }
    segments.push_back(*std::move(segment));
  }
  return segments;
}

absl::Status CheckBelong(const Journal& journal, const std::vector<Segment>& segments) {
  const Dropped dropped = journal.dropped();
  if (segments.size() < dropped.segments) {
    return absl::FailedPreconditionError(absl::StrCat("the archive has ", segments.size(), " segments, but ",
                                                      dropped.segments, " were dropped from the journal"));
  }
  if (segments.empty()) return absl::OkStatus();
  const absl::StatusOr<Hash> identity = IdentityOf(journal);
  if (!identity.ok()) return identity.status();
  if (segments.front().after.journal != *identity) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the archive is of journal ", ToHex(segments.front().after.journal), ", this is ", ToHex(*identity)));
  }
  if (dropped.segments > 0 && segments[dropped.segments - 1].after.head != dropped.head) {
    return absl::DataLossError(absl::StrCat(segments[dropped.segments - 1].path,
                                            " does not end where the journal says that what was dropped ended, at "
                                            "sequence ",
                                            dropped.head.sequence));
  }
  for (size_t i = dropped.segments; i < segments.size(); ++i) {
    const absl::StatusOr<Head> there = journal.HeadAt(segments[i].last());
    if (!there.ok() || *there != segments[i].after.head) {
      return absl::DataLossError(absl::StrCat(segments[i].path, " ends at sequence ", segments[i].last(),
                                              " with chain hash ", ToHex(segments[i].after.head.hash),
                                              ", and the journal does not have that there"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSegment(const Segment& segment) {
  absl::StatusOr<SegmentReader> reader = SegmentReader::Open(segment);
  if (!reader.ok()) return reader.status();
  while (true) {
    const absl::StatusOr<std::optional<std::string>> row = reader->Next();
    if (!row.ok()) return row.status();
    if (!row->has_value()) return absl::OkStatus();
  }
}

absl::StatusOr<std::vector<Segment>> Archive(const Journal& journal, const std::string& directory,
                                             uint64_t segment_entries, const HeadSigner& sign) {
  if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", directory));
  }
  absl::StatusOr<std::vector<Segment>> segments = ListSegments(directory);
  if (!segments.ok()) return segments.status();
  if (absl::Status belong = CheckBelong(journal, *segments); !belong.ok()) return belong;
  const Head synced = journal.synced();
  if (synced.sequence == 0) return std::vector<Segment>();
  const absl::StatusOr<Hash> identity = IdentityOf(journal);
  if (!identity.ok()) return identity.status();

  const uint64_t next = EndOf(*segments).sequence + 1;
  Cutter cutter(directory, *std::move(segments), segment_entries, *identity, sign);
  const absl::Status read = journal.ReadRows(next, [&](uint64_t first, std::string_view row) {
    return cutter.HasRoom(synced) ? cutter.Add(first, row) : absl::CancelledError("no other is finished");
  });
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  return cutter.written();
}

absl::StatusOr<DropResult> DropArchived(Journal& journal, const std::string& directory, const DropTerms& terms,
                                        size_t remembered_ends) {
  const absl::StatusOr<std::vector<Segment>> segments = ListSegments(directory);
  if (!segments.ok()) return segments.status();
  if (absl::Status belong = CheckBelong(journal, *segments); !belong.ok()) return belong;
  DropResult result{.dropped = journal.dropped(), .segments = 0, .held_back = ""};
  const uint64_t most = segments->size() - std::min<uint64_t>(terms.keep, segments->size());
  if (result.dropped.segments >= most) return result;
  const absl::StatusOr<uint64_t> needed = FirstNeeded(journal, remembered_ends);
  if (!needed.ok()) return needed.status();

  Dropped now = result.dropped;
  for (uint64_t i = now.segments; i < most && (*segments)[i].last() < terms.before; ++i) {
    const Segment& segment = (*segments)[i];
    if (segment.last() >= *needed) {
      result.held_back = absl::StrCat("opening reads the journal from sequence ", *needed, " on, and segment ",
                                      segment.number, " ends at ", segment.last());
      break;
    }
    if (absl::Status whole = CheckSegment(segment); !whole.ok()) return whole;
    now = {.segments = segment.number, .head = segment.after.head, .identity = segment.after.journal};
  }
  if (now == result.dropped) return result;
  if (absl::Status dropped = journal.Drop(now); !dropped.ok()) return dropped;
  result.segments = now.segments - result.dropped.segments;
  result.dropped = now;
  return result;
}

absl::StatusOr<uint64_t> Unarchive(Journal& journal, const std::string& directory) {
  const uint64_t dropped = journal.dropped().segments;
  if (dropped == 0) return 0;
  const absl::StatusOr<std::vector<Segment>> segments = ListSegments(directory);
  if (!segments.ok()) return segments.status();
  if (absl::Status belong = CheckBelong(journal, *segments); !belong.ok()) return belong;
  size_t next = 0;
  std::optional<SegmentReader> reader;
  const absl::Status taken = journal.TakeBack([&]() -> absl::StatusOr<std::optional<std::string>> {
    while (true) {
      if (!reader) {
        if (next == dropped) return std::optional<std::string>();
        absl::StatusOr<SegmentReader> opened = SegmentReader::Open((*segments)[next++]);
        if (!opened.ok()) return opened.status();
        reader.emplace(*std::move(opened));
      }
      absl::StatusOr<std::optional<std::string>> row = reader->Next();
      if (!row.ok() || row->has_value()) return row;
      reader.reset();
    }
  });
  if (!taken.ok()) return taken;
  return dropped;
}

std::unique_ptr<Journal> WithArchive(std::unique_ptr<Journal> journal, std::vector<Segment> segments) {
  return std::make_unique<JournalWithArchive>(std::move(journal), std::move(segments));
}

}  // namespace penstock::ledger
