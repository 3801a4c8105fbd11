// Compressed traces, read as they come: gzip (RFC 1952) and Zstandard (RFC 8878), told by their first bytes.
#pragma once

#include <memory>
#include <string>

#include "sim/traces/byte_source.h"

namespace penstock::sim {

/// What `compressed` holds: of gzip members or Zstandard frames, one behind the other, their contents; of anything else
/// the bytes as they are. Memory is bounded (a window of at most 128 MiB, as the zstd command line takes it).
///
/// Bytes that are damaged, end too early or go on with something else are an InvalidArgument error
/// 'file: what is wrong at byte N of the compressed file, what to do'. `file_name` is only quoted.
std::unique_ptr<ByteSource> Decompressed(std::unique_ptr<ByteSource> compressed, std::string file_name);

}  // namespace penstock::sim
