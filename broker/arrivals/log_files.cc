#include "broker/arrivals/log_files.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <utility>

#include "admission/vocabulary/check.h"
#include "ledger/row_codec.h"

namespace penstock::arrivals {
namespace {

constexpr std::string_view kMagic = "penstock arrival";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = kMagic.size() + 3 * sizeof(uint32_t) + sizeof(ledger::Hash);
constexpr size_t kBlockHeaderBytes = 2 * sizeof(uint32_t) + sizeof(ledger::Hash);

/// The bound is kept by whole files, so there are always about this many.
constexpr uint64_t kFilesInBound = 16;
constexpr uint64_t kMostFileBytes = uint64_t{32} << 20;

std::string FolderOf(const std::string& data_dir) { return data_dir + "/arrivals"; }

std::string PathOf(const std::string& data_dir, uint32_t epoch, uint32_t number) {
  return absl::StrCat(FolderOf(data_dir), absl::StrFormat("/%010d-%06d.log", epoch, number));
}

std::optional<uint32_t> NumberIn(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What a file name says; nothing for other people's files.
std::optional<LogFile> FileNamed(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  const size_t dash = stem.find('-');
  if (path.extension() != ".log" || dash == std::string::npos) return std::nullopt;
  const auto epoch = NumberIn(std::string_view(stem).substr(0, dash));
  const auto number = NumberIn(std::string_view(stem).substr(dash + 1));
  if (!epoch || !number) return std::nullopt;
  return LogFile{.path = path.string(), .epoch = *epoch, .number = *number};
}

std::string HeaderOf(uint32_t epoch, uint32_t number, const ledger::Hash& chain) {
  std::string header(kMagic);
  ledger::RowWriter(&header).Big32(kVersion).Big32(epoch).Big32(number).Fixed(chain);
  return header;
}

}  // namespace

absl::StatusOr<std::vector<LogFile>> ListLog(const std::string& data_dir) {
  std::vector<LogFile> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(FolderOf(data_dir), error)) {
    std::optional<LogFile> file = FileNamed(entry.path());
    if (!file) continue;
    file->bytes = entry.file_size(error);
    files.push_back(*std::move(file));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read ", FolderOf(data_dir)));
  }
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    return std::pair(a.epoch, a.number) < std::pair(b.epoch, b.number);
  });
  return files;
}

// ---- Writing.

LogWriter::LogWriter(Terms terms, std::vector<LogFile> files)
    : terms_(std::move(terms)),
      file_bytes_(std::min(terms_.max_bytes / kFilesInBound, kMostFileBytes)),
      files_(files.begin(), files.end()) {
  for (const LogFile& file : files_) total_ += file.bytes;
}

LogWriter::~LogWriter() {
  if (file_ >= 0) ::close(file_);
}

absl::StatusOr<std::unique_ptr<LogWriter>> LogWriter::Open(Terms terms) {
  const std::string folder = FolderOf(terms.data_dir);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", folder));
  }
  absl::StatusOr<std::vector<LogFile>> files = ListLog(terms.data_dir);
  if (!files.ok()) return files.status();
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(terms), *std::move(files)));
}

absl::Status LogWriter::Write(std::string_view block) {
  PENSTOCK_CHECK(block.size() <= UINT32_MAX);
  const uint64_t bytes = kHeaderBytes + kBlockHeaderBytes + block.size();
  if (file_ >= 0 && files_.back().bytes + bytes > file_bytes_) {
    ::close(file_);
    file_ = -1;
  }
  if (absl::Status room = MakeRoom(bytes); !room.ok()) return room;
  if (file_ < 0) {
    if (absl::Status begun = BeginFile(); !begun.ok()) return begun;
  }
  chain_ = ledger::ChainHash(chain_, block);
  const auto length = static_cast<uint32_t>(block.size());
  block_header_.clear();
  ledger::RowWriter(&block_header_).Big32(length).Big32(~length).Fixed(chain_);
  if (absl::Status written = Append(block_header_); !written.ok()) return written;
  return Append(block);
}

absl::Status LogWriter::MakeRoom(uint64_t bytes) {
  if (bytes > terms_.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a block of ", bytes, " bytes is beyond the bound of ", terms_.max_bytes));
  }
  while (total_ + bytes > terms_.max_bytes && files_.size() > (file_ >= 0 ? 1U : 0U)) {
    if (::unlink(files_.front().path.c_str()) != 0 && errno != ENOENT) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", files_.front().path));
    }
    total_ -= files_.front().bytes;
    files_.pop_front();
  }
  return absl::OkStatus();
}

absl::Status LogWriter::BeginFile() {
  const std::string path = PathOf(terms_.data_dir, terms_.epoch, ++number_);
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  files_.push_back({.path = path, .epoch = terms_.epoch, .number = number_});
  const std::string header = HeaderOf(terms_.epoch, number_, chain_);
  chain_ = ledger::Sha256(header);
  return Append(header);
}

absl::Status LogWriter::Append(std::string_view bytes) {
  files_.back().bytes += bytes.size();
  total_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", files_.back().path));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// ---- Reading.

absl::StatusOr<LogReader> LogReader::Open(const std::string& data_dir, uint32_t epoch) {
  absl::StatusOr<std::vector<LogFile>> files = ListLog(data_dir);
  if (!files.ok()) return files.status();
  std::erase_if(*files, [epoch](const LogFile& file) { return file.epoch != epoch; });
  if (files->empty()) {
    return absl::NotFoundError(absl::StrCat("there is no arrival log of epoch ", epoch, " in ", FolderOf(data_dir)));
  }
  return LogReader(*std::move(files));
}

absl::Status LogReader::Damaged(std::string_view what) const {
  return absl::DataLossError(absl::StrCat("the arrival log is damaged: ", files_[next_file_ - 1].path, ", byte ", at_,
                                          ": ", absl::string_view(what.data(), what.size())));
}

absl::Status LogReader::OpenFile() {
  const LogFile& file = files_[next_file_++];
  at_ = 0;
  std::ifstream in(file.path, std::ios::binary);
  text_.assign(std::istreambuf_iterator<char>(in), {});
  if (!in) return absl::UnavailableError(absl::StrCat("cannot read ", file.path));
  const bool is_first = next_file_ == 1;
  const bool is_last = next_file_ == files_.size();
  if (!is_first && file.number != files_[next_file_ - 2].number + 1) return Damaged("the file before it is missing");
  if (text_.size() < kHeaderBytes) {
    if (!is_last) return Damaged("it is cut short");
    cut_bytes_ = text_.size();
    text_.clear();
    return absl::OkStatus();
  }
  // Where the files before are gone, their chain is taken on trust.
  if (is_first && file.number > 1) {
    ledger::RowReader hash(std::string_view(text_).substr(kHeaderBytes - sizeof(ledger::Hash)));
    chain_ = hash.Fixed<ledger::Hash>();
  }
  const std::string expected = HeaderOf(file.epoch, file.number, chain_);
  if (!text_.starts_with(expected)) return Damaged("its header is not that of this file, or does not follow");
  chain_ = ledger::Sha256(expected);
  at_ = kHeaderBytes;
  return absl::OkStatus();
}

absl::StatusOr<bool> LogReader::NextBlock() {
  block_.reset();
  while (at_ == text_.size()) {
    if (next_file_ == files_.size()) return false;
    if (absl::Status opened = OpenFile(); !opened.ok()) return opened;
  }
  const std::string_view rest = std::string_view(text_).substr(at_);
  ledger::RowReader header(rest);
  const uint32_t length = header.Big32();
  const uint32_t complement = header.Big32();
  const auto hash = header.Fixed<ledger::Hash>();
  if (header.ok() && complement != ~length) return Damaged("a block's length is wrong");
  if (!header.ok() || length > rest.size() - kBlockHeaderBytes) {
    if (next_file_ < files_.size()) return Damaged("a block is cut short");
    cut_bytes_ = rest.size();
    at_ = text_.size();
    return false;
  }
  const std::string_view payload = rest.substr(kBlockHeaderBytes, length);
  if (ledger::ChainHash(chain_, payload) != hash) return Damaged("a block's checksum is wrong");
  chain_ = hash;
  at_ += kBlockHeaderBytes + length;
  block_.emplace(payload);
  return true;
}

absl::StatusOr<bool> LogReader::Next(Record* record) {
  while (true) {
    if (block_) {
      const absl::StatusOr<bool> read = block_->Next(record);
      if (!read.ok()) return Damaged(std::string(read.status().message()));
      if (*read) return true;
    }
    const absl::StatusOr<bool> more = NextBlock();
    if (!more.ok() || !*more) return more;
  }
}

}  // namespace penstock::arrivals
