// How argument texts are read, and the checks that make CLI11 refuse the others (exit 64) before a command runs.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::cli {

/// "250ms", "5s", "2m", "1m30s": not negative, at most an hour.
std::optional<google::protobuf::Duration> ParseSpan(std::string_view text);

/// "2026-11-21", "2026-11-21T10" (hours), "2026-11-21T10:30Z", "2026-11-21T10:30:00Z" (RFC 3339); UTC.
std::optional<google::protobuf::Timestamp> ParseMoment(std::string_view text);

/// "output=340".
struct KindCount {
  std::string kind;
  int64_t tokens = 0;
};
std::optional<KindCount> ParseKindCount(std::string_view text);

/// "team=search"; only the first '=' separates.
struct Label {
  std::string key;
  std::string value;
};
std::optional<Label> ParseLabel(std::string_view text);

CLI::Validator IsSpan();
CLI::Validator IsMoment();
CLI::Validator IsKindCount();
CLI::Validator IsLabel();

/// "chat" -> "pools/chat"; what has the collection already stays.
std::string InCollection(std::string_view collection, std::string_view name);

/// 128 random bits in the form of a version 4 UUID: for ids, not for secrets.
std::string RandomId();

}  // namespace penstock::cli
