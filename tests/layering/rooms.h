// The rooms of the house: which folder may know which, and what it promises. This table is DESIGN's picture of the
// house, word for word; who adds a folder adds a row.
#pragma once

#include <string_view>
#include <vector>

namespace penstock::layering {

enum Trait : unsigned {
  kTimeless = 1,         // no clock, no random number, no environment
  kIntegers = 2,         // no floating point
  kOneThread = 4,        // no threads, no locks
  kSleepless = 8,        // waits for events, never for time
  kMayGrpc = 16,         // may include gRPC and protobuf
  kMayRocksDb = 32,      // may include RocksDB
  kMayRocksDbInCc = 64,  // may include RocksDB in .cc files only
  kPure = kTimeless | kIntegers | kOneThread,
};

struct Room {
  std::string_view prefix;
  unsigned traits;
  std::vector<std::string_view> may_include;  // besides itself: prefixes of rooms, or "*" for all
};

/// The room with the longest prefix of this path from the project's root, or null: the path is in no room.
const Room* RoomOf(std::string_view path);

/// The room of what `#include` names, or null: it is not ours. Generated code is included by its path below proto/.
const Room* RoomOfInclude(std::string_view include);

}  // namespace penstock::layering
