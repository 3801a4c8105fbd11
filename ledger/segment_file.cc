#include "ledger/segment_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "ledger/journal_row.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {
namespace {

constexpr std::string_view kMagic = "PSTKSEG1";
constexpr size_t kLengthBytes = 4;
constexpr size_t kContentBytes = 3 * 8 + 3 * sizeof(Hash) + 8 + sizeof(PublicKey) + sizeof(Signature);
constexpr size_t kFooterBytes = kContentBytes + sizeof(Hash);
constexpr size_t kBufferBytes = size_t{1} << 20;
/// A row is one drain of the daemon; this is far beyond it.
constexpr uint32_t kLargestRow = uint32_t{1} << 30;

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

std::string TemporaryName(const std::string& path) { return path + ".new"; }

std::string Footer(const Segment& segment) {
  std::string bytes;
  RowWriter(&bytes)
      .Big64(segment.number)
      .Big64(segment.first())
      .Big64(segment.last())
      .Fixed(segment.before.hash)
      .Fixed(segment.after.head.hash)
      .Fixed(segment.after.journal)
      .Big64(static_cast<uint64_t>(segment.after.at.nanoseconds_since_epoch() / Seconds(1).count()))
      .Fixed(segment.after.public_key)
      .Fixed(segment.after.signature);
  const Hash hash = Sha256(bytes);
  RowWriter(&bytes).Fixed(hash);
  return bytes;
}

/// Nothing when the bytes are no footer.
std::optional<Segment> ParseFooter(std::string_view bytes) {
  RowReader reader(bytes);
  Segment segment;
  segment.number = reader.Big64();
  segment.before.sequence = reader.Big64() - 1;
  segment.after.head.sequence = reader.Big64();
  segment.before.hash = reader.Fixed<Hash>();
  segment.after.head.hash = reader.Fixed<Hash>();
  segment.after.journal = reader.Fixed<Hash>();
  const uint64_t at = reader.Big64();
  segment.after.public_key = reader.Fixed<PublicKey>();
  segment.after.signature = reader.Fixed<Signature>();
  const bool whole = reader.Fixed<Hash>() == Sha256(bytes.substr(0, kContentBytes)) && reader.done();
  const bool fits = segment.number >= 1 && segment.before.sequence < segment.last() &&
                    at < static_cast<uint64_t>(Instant::Max().nanoseconds_since_epoch() / Seconds(1).count());
  if (!whole || !fits) return std::nullopt;
  segment.after.at = Instant() + Seconds(static_cast<int64_t>(at));
  return segment;
}

/// Reads up to `size` bytes: fewer only at the end of the file.
absl::Status ReadUpTo(int file, const std::string& path, size_t size, std::string* bytes) {
  bytes->resize(size);
  size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::read(file, bytes->data() + filled, size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", path);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes->resize(filled);
  return absl::OkStatus();
}

}  // namespace

absl::Status SyncDirectory(const std::string& directory) {
  const int file = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return Failed("open", directory);
  const int result = ::fsync(file);
  ::close(file);
  return result == 0 ? absl::OkStatus() : Failed("sync", directory);
}

// ---- Writing.

absl::StatusOr<SegmentWriter> SegmentWriter::Create(const std::string& path) {
  const std::string temporary = TemporaryName(path);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return Failed("create", temporary);
  return SegmentWriter(path, file);
}

SegmentWriter::SegmentWriter(std::string path, int file) : path_(std::move(path)), file_(file), buffer_(kMagic) {}

SegmentWriter::SegmentWriter(SegmentWriter&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), buffer_(std::move(other.buffer_)) {}

SegmentWriter::~SegmentWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(TemporaryName(path_).c_str());
}

absl::Status SegmentWriter::Write(std::string_view bytes) {
  buffer_.append(bytes);
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
}

absl::Status SegmentWriter::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed("write", TemporaryName(path_));
    rest.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status SegmentWriter::Add(std::string_view row) {
  if (row.empty() || row.size() > kLargestRow) return absl::InternalError("a row's size is out of bounds");
  RowWriter(&buffer_).Big32(static_cast<uint32_t>(row.size()));
  return Write(row);
}

absl::Status SegmentWriter::Finish(const Segment& segment) {
  RowWriter(&buffer_).Big32(0);
  buffer_ += Footer(segment);
  if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
  const std::string temporary = TemporaryName(path_);
  if (::fsync(file_) != 0) return Failed("sync", temporary);
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return Failed("rename", temporary);
  ::close(std::exchange(file_, -1));
  return SyncDirectory(std::filesystem::path(path_).parent_path().string());
}

// ---- Reading.

absl::StatusOr<Segment> ReadSegmentFooter(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("open", path);
  const off_t size = ::lseek(file, 0, SEEK_END);
  std::string bytes;
  absl::Status read;
  if (size >= static_cast<off_t>(kFooterBytes)) {
    ::lseek(file, size - static_cast<off_t>(kFooterBytes), SEEK_SET);
    read = ReadUpTo(file, path, kFooterBytes, &bytes);
  }
  ::close(file);
  if (!read.ok()) return read;
  std::optional<Segment> segment = bytes.size() == kFooterBytes ? ParseFooter(bytes) : std::nullopt;
  if (!segment) return absl::DataLossError(absl::StrCat(path, " does not end as a segment does: it is damaged"));
  segment->path = path;
  return *segment;
}

absl::StatusOr<SegmentReader> SegmentReader::Open(const Segment& segment) {
  const int file = ::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("open", segment.path);
  SegmentReader reader(segment, file);
  std::string magic;
  if (absl::Status read = reader.Read(kMagic.size(), &magic); !read.ok()) return read;
  if (magic != kMagic) return reader.Damaged("it does not begin as one");
  return reader;
}

SegmentReader::SegmentReader(Segment segment, int file)
    : segment_(std::move(segment)), file_(file), end_(segment_.before) {}

SegmentReader::SegmentReader(SegmentReader&& other) noexcept
    : segment_(std::move(other.segment_)),
      file_(std::exchange(other.file_, -1)),
      end_(other.end_),
      first_of_row_(other.first_of_row_) {}

SegmentReader::~SegmentReader() {
  if (file_ >= 0) ::close(file_);
}

absl::Status SegmentReader::Damaged(absl::string_view what) const {
  return absl::DataLossError(
      absl::StrCat("segment ", segment_.path, " is damaged after sequence ", end_.sequence, ": ", what));
}

absl::Status SegmentReader::Read(size_t size, std::string* bytes) {
  if (absl::Status read = ReadUpTo(file_, segment_.path, size, bytes); !read.ok()) return read;
  return bytes->size() == size ? absl::OkStatus() : Damaged("it is cut short");
}

absl::StatusOr<std::optional<std::string>> SegmentReader::Next() {
  std::string bytes;
  if (absl::Status read = Read(kLengthBytes, &bytes); !read.ok()) return read;
  const uint32_t size = RowReader(bytes).Big32();
  if (size > kLargestRow) return Damaged("a row's length is impossible");
  if (size == 0) {
    if (end_ != segment_.after.head) return Damaged("its rows do not lead to the head that its footer says");
    if (absl::Status read = ReadUpTo(file_, segment_.path, kFooterBytes + 1, &bytes); !read.ok()) return read;
    if (bytes != Footer(segment_)) return Damaged("bytes follow its rows, or its footer was changed");
    return std::optional<std::string>();
  }
  if (absl::Status read = Read(size, &bytes); !read.ok()) return read;
  const absl::StatusOr<Row> row = DecodeRow(end_.sequence + 1, bytes);
  if (!row.ok()) return Damaged(row.status().message());
  if (absl::Status follows = CheckFollows(end_, *row); !follows.ok()) return Damaged(follows.message());
  first_of_row_ = row->first;
  end_ = row->head();
  return std::optional<std::string>(std::move(bytes));
}

}  // namespace penstock::ledger
