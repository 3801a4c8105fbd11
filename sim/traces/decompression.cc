#include "sim/traces/decompression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr size_t kInputBytes = size_t{1} << 16;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

/// Compressed bytes, some at a time, and how far into the file they are.
class Input {
 public:
  Input(std::unique_ptr<ByteSource> source, std::string file_name)
      : source_(std::move(source)), file_name_(std::move(file_name)), buffer_(kInputBytes) {}

  /// Reads on when nothing is left; false at the end of the file.
  absl::StatusOr<bool> Fill() {
    if (begin_ < end_) return true;
    const auto count = source_->Read(buffer_);
    if (!count.ok()) return count.status();
    begin_ = 0;
    end_ = *count;
    return end_ > 0;
  }
  /// Tries to have `count` bytes before it, as many as a magic number has.
  absl::Status FillTo(size_t count) {
    while (left().size() < count) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      const auto more = source_->Read(std::span(buffer_).subspan(end_));
      if (!more.ok()) return more.status();
      if (*more == 0) break;
      end_ += *more;
    }
    return absl::OkStatus();
  }
  std::string_view left() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void Take(size_t count) {
    PENSTOCK_CHECK(count <= end_ - begin_);
    begin_ += count;
    offset_ += count;
  }
  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_name_, ": ", std::string(what), " at byte ", offset_,
                                                   " of the compressed file; fetch or compress it again"));
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string file_name_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;  // of what is left, in the file
};

/// A decoder of one format: takes from the input, writes, and says how much it wrote.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual absl::StatusOr<size_t> Decode(Input& input, std::span<char> into) = 0;
};

class Plain final : public Decoder {
 public:
  absl::StatusOr<size_t> Decode(Input& input, std::span<char> into) override {
    const auto more = input.Fill();
    if (!more.ok()) return more.status();
    const size_t count = std::min(into.size(), input.left().size());
    if (count > 0) std::memcpy(into.data(), input.left().data(), count);
    input.Take(count);
    return count;
  }
};

class Gzip final : public Decoder {
 public:
  Gzip() { PENSTOCK_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK); }  // 16: a gzip header, and its checksum
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip() override { inflateEnd(&stream_); }

  absl::StatusOr<size_t> Decode(Input& input, std::span<char> into) override {
    into = into.first(std::min(into.size(), kInputBytes));
    while (true) {
      const auto more = input.Fill();
      if (!more.ok()) return more.status();
      if (!*more && !inside_) return size_t{0};
      if (!*more) return input.Error("gzip data ends too early");
      inside_ = true;
      const auto written = Step(input, into);
      if (!written.ok() || *written > 0) return written;
    }
  }

 private:
  absl::StatusOr<size_t> Step(Input& input, std::span<char> into) {
    const std::string_view left = input.left();
    // zlib does not write through next_in; its type is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left.data()));
    stream_.avail_in = static_cast<uInt>(left.size());
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(into.size());
    const int outcome = inflate(&stream_, Z_NO_FLUSH);
    input.Take(left.size() - stream_.avail_in);
    if (outcome == Z_STREAM_END) {
      inside_ = false;
      PENSTOCK_CHECK(inflateReset(&stream_) == Z_OK);
    } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
      return input.Error("gzip data is damaged or followed by something else");
    }
    return into.size() - stream_.avail_out;
  }

  z_stream stream_ = {};
  bool inside_ = false;  // a member that has begun and not ended
};

class Zstandard final : public Decoder {
 public:
  Zstandard() : stream_(ZSTD_createDStream()) { PENSTOCK_CHECK(stream_ != nullptr); }
  Zstandard(const Zstandard&) = delete;
  Zstandard& operator=(const Zstandard&) = delete;
  ~Zstandard() override { ZSTD_freeDStream(stream_); }

  absl::StatusOr<size_t> Decode(Input& input, std::span<char> into) override {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos == 0) {
      const auto more = input.Fill();
      if (!more.ok()) return more.status();
      if (!*more && !inside_) return size_t{0};
      ZSTD_inBuffer in{input.left().data(), input.left().size(), 0};
      const size_t outcome = ZSTD_decompressStream(stream_, &out, &in);
      input.Take(in.pos);
      if (ZSTD_isError(outcome))
        return input.Error(absl::StrCat("zstd data is damaged (", ZSTD_getErrorName(outcome), ")"));
      inside_ = outcome != 0;
      if (!*more && inside_ && out.pos == 0) return input.Error("zstd data ends too early");
    }
    return out.pos;
  }

 private:
  ZSTD_DStream* stream_;
  bool inside_ = false;  // a frame that has begun and not ended
};

class Decompression final : public ByteSource {
 public:
  Decompression(std::unique_ptr<ByteSource> compressed, std::string file_name)
      : input_(std::move(compressed), std::move(file_name)) {}

  absl::StatusOr<size_t> Read(std::span<char> into) override {
    PENSTOCK_CHECK(!into.empty());
    if (!status_.ok()) return status_;
    if (decoder_ == nullptr) status_ = Recognise();
    if (!status_.ok()) return status_;
    const auto count = decoder_->Decode(input_, into);
    if (!count.ok()) status_ = count.status();
    return count;
  }

 private:
  absl::Status Recognise() {
    if (const absl::Status filled = input_.FillTo(kZstdMagic.size()); !filled.ok()) return filled;
    if (input_.left().starts_with(kGzipMagic)) {
      decoder_ = std::make_unique<Gzip>();
    } else if (input_.left().starts_with(kZstdMagic)) {
      decoder_ = std::make_unique<Zstandard>();
    } else {
      decoder_ = std::make_unique<Plain>();
    }
    return absl::OkStatus();
  }

  Input input_;
  std::unique_ptr<Decoder> decoder_;  // none before the first read
  absl::Status status_;
};

}  // namespace

std::unique_ptr<ByteSource> Decompressed(std::unique_ptr<ByteSource> compressed, std::string file_name) {
  return std::make_unique<Decompression>(std::move(compressed), std::move(file_name));
}

}  // namespace penstock::sim
