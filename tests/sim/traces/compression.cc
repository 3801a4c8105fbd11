#include "tests/sim/traces/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

class Pieces final : public ByteSource {
 public:
  Pieces(std::unique_ptr<ByteSource> whole, size_t piece) : whole_(std::move(whole)), piece_(piece) {}
  absl::StatusOr<size_t> Read(std::span<char> into) override {
    return whole_->Read(into.first(std::min(piece_, into.size())));
  }

 private:
  std::unique_ptr<ByteSource> whole_;
  size_t piece_;
};

}  // namespace

std::string Gzipped(std::string_view text) {
  z_stream stream = {};
  PENSTOCK_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string bytes(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  PENSTOCK_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

std::string Zstandardised(std::string_view text) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress2(context, bytes.data(), bytes.size(), text.data(), text.size());
  PENSTOCK_CHECK(!ZSTD_isError(size));
  bytes.resize(size);
  ZSTD_freeCCtx(context);
  return bytes;
}

std::unique_ptr<ByteSource> InPieces(std::string_view text, size_t piece) {
  return std::make_unique<Pieces>(BytesOf(text), piece);
}

absl::StatusOr<std::string> ReadAll(ByteSource& source) {
  std::string all;
  std::vector<char> buffer(1'000);
  while (true) {
    const auto count = source.Read(buffer);
    if (!count.ok()) return count.status();
    if (*count == 0) return all;
    all.append(buffer.data(), *count);
  }
}

}  // namespace penstock::sim
