#include "broker/cli/arguments.h"

#include <absl/strings/numbers.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <array>
#include <charconv>
#include <random>

namespace penstock::cli {
namespace {

constexpr absl::Duration kLongestSpan = absl::Hours(1);

// CLI11's form: an empty text is a pass, anything else the reason.
CLI::Validator Check(std::string description, bool (*reads)(std::string_view), std::string expected) {
  const auto check = [reads, expected = std::move(expected)](std::string& text) {
    return reads(text) ? std::string() : "'" + text + "' is not " + expected;
  };
  return CLI::Validator(check, std::move(description));
}

}  // namespace

std::optional<google::protobuf::Duration> ParseSpan(std::string_view text) {
  absl::Duration span;
  if (!absl::ParseDuration(absl::string_view(text.data(), text.size()), &span)) return std::nullopt;
  if (span < absl::ZeroDuration() || span > kLongestSpan) return std::nullopt;
  google::protobuf::Duration result;
  result.set_seconds(absl::ToInt64Seconds(span));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(span % absl::Seconds(1))));
  return result;
}

std::optional<google::protobuf::Timestamp> ParseMoment(std::string_view text) {
  for (const char* format : {absl::RFC3339_full, "%Y-%m-%dT%H:%M%Ez", "%Y-%m-%dT%H", "%Y-%m-%d"}) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(format, absl::string_view(text.data(), text.size()), &time, &error)) continue;
    if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return std::nullopt;
    google::protobuf::Timestamp result;
    result.set_seconds(absl::ToUnixSeconds(time));
    result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(result.seconds()))));
    return result;
  }
  return std::nullopt;
}

std::optional<KindCount> ParseKindCount(std::string_view text) {
  const std::optional<Label> parts = ParseLabel(text);
  KindCount count;
  if (!parts) return std::nullopt;
  const char* end = parts->value.data() + parts->value.size();
  const auto [read_to, error] = std::from_chars(parts->value.data(), end, count.tokens);
  if (error != std::errc() || read_to != end || count.tokens < 0) return std::nullopt;
  count.kind = parts->key;
  return count;
}

std::optional<Label> ParseLabel(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return Label{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

CLI::Validator IsSpan() {
  return Check(
      "SPAN", [](std::string_view text) { return ParseSpan(text).has_value(); },
      "a span of time up to an hour, such as 250ms, 5s or 2m");
}

CLI::Validator IsMoment() {
  return Check(
      "TIME", [](std::string_view text) { return ParseMoment(text).has_value(); },
      "a UTC time, such as 2026-11-21, 2026-11-21T10 or 2026-11-21T10:30:00Z");
}

CLI::Validator IsKindCount() {
  return Check(
      "KIND=TOKENS", [](std::string_view text) { return ParseKindCount(text).has_value(); },
      "a token kind and a count, such as output=340");
}

CLI::Validator IsLabel() {
  return Check(
      "KEY=VALUE", [](std::string_view text) { return ParseLabel(text).has_value(); }, "a label, such as team=search");
}

std::string InCollection(std::string_view collection, std::string_view name) {
  std::string full(collection);
  full += '/';
  if (name.empty() || name.starts_with(full)) return std::string(name);
  full += name;
  return full;
}

std::string RandomId() {
  std::random_device random;
  std::array<uint32_t, 4> words{};
  for (uint32_t& word : words) word = random();
  words[1] = (words[1] & 0xFFFF0FFFu) | 0x00004000u;
  words[2] = (words[2] & 0x3FFFFFFFu) | 0x80000000u;
  std::string id;
  for (const uint32_t word : words) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      if (id.size() == 8 || id.size() == 13 || id.size() == 18 || id.size() == 23) id += '-';
      id += "0123456789abcdef"[(word >> shift) & 0xFu];
    }
  }
  return id;
}

}  // namespace penstock::cli
