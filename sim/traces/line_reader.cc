#include "sim/traces/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace penstock::sim {
namespace {

constexpr size_t kFirstBufferBytes = size_t{1} << 16;

std::string_view WithoutCarriageReturn(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

LineReader::LineReader(ByteSource& bytes, std::string file_name)
    : bytes_(bytes), file_name_(std::move(file_name)), buffer_(kFirstBufferBytes) {}

absl::StatusOr<bool> LineReader::Next(std::string_view* line) {
  size_t searched = 0;  // without a line end, from begin_ on
  while (true) {
    const char* const first = buffer_.data() + begin_;
    const void* const found = std::memchr(first + searched, '\n', end_ - begin_ - searched);
    if (found != nullptr) {
      const auto length = static_cast<size_t>(static_cast<const char*>(found) - first);
      *line = WithoutCarriageReturn({first, length});
      begin_ += length + 1;
      ++number_;
      return true;
    }
    searched = end_ - begin_;
    if (searched > kMaxLineBytes) {
      return absl::InvalidArgumentError(absl::StrCat(file_name_, ":", number_ + 1, ": the line is longer than ",
                                                     kMaxLineBytes, " bytes; pass a trace of one request a line"));
    }
    const auto more = ReadOn();
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  if (begin_ == end_) return false;
  *line = WithoutCarriageReturn({buffer_.data() + begin_, end_ - begin_});
  begin_ = end_;
  ++number_;
  return true;
}

absl::StatusOr<bool> LineReader::ReadOn() {
  if (ended_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
  const auto count = bytes_.Read(std::span(buffer_).subspan(end_));
  if (!count.ok()) return count.status();
  ended_ = *count == 0;
  end_ += *count;
  return !ended_;
}

}  // namespace penstock::sim
