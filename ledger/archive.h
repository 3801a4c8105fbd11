// Segments of a journal, archived as files and then dropped from it, so that the disk need not hold all that ever
// happened. A segment ends with the first row that brings it to so many entries; so which rows it has follows from the
// journal alone. What was dropped is still vouched for: the journal remembers at which head the rest begins.
//
//   ARCHIVE/segment-00000001, segment-00000002, ...   (ledger/segment_file.h)
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/journal.h"
#include "ledger/segment_file.h"

namespace penstock::ledger {

constexpr uint64_t kSegmentEntries = 1'000'000;

/// The segments in a directory, by their footers: numbered from 1 without a gap, each following the one before it, all
/// of one journal. DATA_LOSS names the file that does not fit; a missing directory has none.
absl::StatusOr<std::vector<Segment>> ListSegments(const std::string& directory);

/// Whether the segments are this journal's: its identity, the heads at which those end that are still in it, and not
/// fewer than were dropped. DATA_LOSS, or FAILED_PRECONDITION for the archive of another journal.
absl::Status CheckBelong(const Journal& journal, const std::vector<Segment>& segments);

/// Reads a segment whole: every row and every link.
absl::Status CheckSegment(const Segment& segment);

/// Signs the head at the end of a segment; may be null.
using HeadSigner = std::function<SignedHead(const Hash& journal, const Head& head)>;

/// Writes the segments that are finished, synced and not in the directory yet (made if absent, mode 0700); says which.
/// After a crash it is run again.
absl::StatusOr<std::vector<Segment>> Archive(const Journal& journal, const std::string& directory,
                                             uint64_t segment_entries, const HeadSigner& sign);

/// What to drop: at most the segments that end before this sequence, and not the newest `keep` of the archive.
struct DropTerms {
  uint64_t before = UINT64_MAX;
  uint64_t keep = 0;
};
struct DropResult {
  Dropped dropped;        // now
  uint64_t segments = 0;  // of them, dropped by this call
  std::string held_back;  // why not more; empty: nothing held it back
};
/// Drops segments whose files were read whole and end where the journal says, as far as opening from the projections
/// does not read them. Errors: as CheckBelong, CheckSegment, and DATA_LOSS when the projections cannot be used.
absl::StatusOr<DropResult> DropArchived(Journal& journal, const std::string& directory, const DropTerms& terms,
                                        size_t remembered_ends = kRememberedEnds);

/// Puts everything back that was dropped; says how many segments.
absl::StatusOr<uint64_t> Unarchive(Journal& journal, const std::string& directory);

/// The journal as it would be if nothing had been dropped, for reading only: the rest comes from these segments, which
/// belong to it. What Verify looks at is then everything.
std::unique_ptr<Journal> WithArchive(std::unique_ptr<Journal> journal, std::vector<Segment> segments);

}  // namespace penstock::ledger
