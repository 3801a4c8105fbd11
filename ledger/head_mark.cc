#include "ledger/head_mark.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "ledger/sha256.h"

namespace penstock::ledger {
namespace {

constexpr std::string_view kMagic = "PSTKHEAD";
constexpr size_t kGenerationAt = 8;
constexpr size_t kSequenceAt = 16;
constexpr size_t kHashAt = 24;
constexpr size_t kChecksumAt = 56;
constexpr size_t kSlotBytes = 64;
constexpr std::array<off_t, 2> kSlotOffsets = {0, 4096};
using Slot = std::array<char, kSlotBytes>;

struct Reading {
  uint64_t turn = 0;
  HeadMark mark;
};

absl::Status Failed(std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(absl::string_view(what.data(), what.size()), " ", path));
}

void PutU64(uint64_t value, char* at) {
  for (unsigned i = 0; i < 8; ++i) at[i] = static_cast<char>((value >> (8 * i)) & 0xff);
}

uint64_t GetU64(const char* at) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= uint64_t{static_cast<uint8_t>(at[i])} << (8 * i);
  return value;
}

Hash Checksum(const Slot& slot) { return Sha256(std::string_view(slot.data(), kChecksumAt)); }

Slot EncodeSlot(uint64_t turn, const HeadMark& mark) {
  Slot slot{};
  std::copy(kMagic.begin(), kMagic.end(), slot.begin());
  PutU64(turn << 1 | (mark.clean ? 1 : 0), &slot[kGenerationAt]);
  PutU64(mark.head.sequence, &slot[kSequenceAt]);
  std::copy(mark.head.hash.begin(), mark.head.hash.end(), &slot[kHashAt]);
  std::copy_n(Checksum(slot).begin(), kSlotBytes - kChecksumAt, &slot[kChecksumAt]);
  return slot;
}

std::optional<Reading> DecodeSlot(const Slot& slot, size_t index) {
  if (!std::equal(kMagic.begin(), kMagic.end(), slot.begin())) return std::nullopt;
  Slot checked = slot;
  std::copy_n(Checksum(slot).begin(), kSlotBytes - kChecksumAt, &checked[kChecksumAt]);
  if (checked != slot) return std::nullopt;
  const uint64_t generation = GetU64(&slot[kGenerationAt]);
  if ((generation >> 1) % 2 != index) return std::nullopt;
  Reading reading{generation >> 1, {}};
  reading.mark.clean = (generation & 1) != 0;
  reading.mark.head.sequence = GetU64(&slot[kSequenceAt]);
  std::copy_n(&slot[kHashAt], sizeof(Hash), reading.mark.head.hash.begin());
  return reading;
}

ssize_t ReadAt(int file, char* bytes, size_t size, off_t offset) {
  ssize_t got = 0;
  do {
    got = ::pread(file, bytes, size, offset);
  } while (got < 0 && errno == EINTR);
  return got;
}

absl::StatusOr<Reading> ReadSlots(int file, const std::string& path) {
  std::optional<Reading> newest;
  for (size_t i = 0; i < kSlotOffsets.size(); ++i) {
    Slot slot{};
    if (ReadAt(file, slot.data(), slot.size(), kSlotOffsets[i]) < 0) return Failed("cannot read", path);
    const std::optional<Reading> reading = DecodeSlot(slot, i);
    if (reading && (!newest || reading->turn > newest->turn)) newest = reading;
  }
  if (newest) return *newest;
  return absl::DataLossError(absl::StrCat(path, " is corrupt: neither the mark at offset ", kSlotOffsets[0],
                                          " nor the one at offset ", kSlotOffsets[1], " is intact"));
}

}  // namespace

absl::StatusOr<HeadMark> ReadHeadMark(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("cannot open", path);
  const absl::StatusOr<Reading> reading = ReadSlots(file, path);
  ::close(file);
  if (!reading.ok()) return reading.status();
  return reading->mark;
}

absl::StatusOr<HeadMarkFile> HeadMarkFile::Open(const std::string& path, MarkGuard guard) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return Failed("cannot open", path);
  const absl::StatusOr<Reading> reading = ReadSlots(file, path);
  HeadMarkFile opened(path, std::move(guard), file, reading.ok() ? reading->turn : 0);
  if (!reading.ok() && !absl::IsDataLoss(reading.status())) return reading.status();
  return opened;
}

HeadMarkFile::HeadMarkFile(HeadMarkFile&& other) noexcept
    : path_(std::move(other.path_)),
      guard_(std::move(other.guard_)),
      file_(std::exchange(other.file_, -1)),
      turn_(other.turn_) {}

HeadMarkFile::~HeadMarkFile() {
  if (file_ >= 0) ::close(file_);
}

absl::Status HeadMarkFile::Write(const HeadMark& mark) {
  if (absl::Status status = Ask(MarkStep::kWrite); !status.ok()) return status;
  const uint64_t turn = turn_ + 1;
  const Slot slot = EncodeSlot(turn, mark);
  ssize_t wrote = 0;
  do {
    wrote = ::pwrite(file_, slot.data(), slot.size(), kSlotOffsets[turn % 2]);
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) return Failed("cannot write", path_);
  if (wrote != static_cast<ssize_t>(slot.size())) return absl::ResourceExhaustedError("short write to " + path_);
  turn_ = turn;
  return absl::OkStatus();
}

absl::Status HeadMarkFile::Sync() {
  if (absl::Status status = Ask(MarkStep::kSync); !status.ok()) return status;
  if (::fsync(file_) != 0) return Failed("cannot sync", path_);
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  const int parent = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return Failed("cannot open", directory);
  const int result = ::fsync(parent);
  ::close(parent);
  if (result != 0) return Failed("cannot sync", directory);
  return absl::OkStatus();
}

}  // namespace penstock::ledger
