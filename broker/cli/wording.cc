#include "broker/cli/wording.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <absl/strings/ascii.h>
#include <absl/time/time.h>

#include <algorithm>

namespace penstock::cli {
namespace {

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// value / 10^decimals, exactly.
std::string Scaled(int64_t value, size_t decimals) {
  const bool negative = value < 0;
  std::string digits = std::to_string(value).substr(negative ? 1 : 0);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  digits.insert(digits.size() - decimals, 1, '.');
  return (negative ? "-" : "") + digits;
}

// "ServiceClass" -> "SERVICE_CLASS_".
std::string PrefixOf(const google::protobuf::EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(static_cast<unsigned char>(c));
  }
  return prefix + "_";
}

}  // namespace

std::string Grouped(int64_t value) { return Grouped(std::string_view(std::to_string(value))); }

std::string Grouped(std::string_view decimal) {
  std::string text(decimal);
  const size_t first_digit = text.starts_with('-') ? 1 : 0;
  size_t at = std::min(text.find('.'), text.size());
  while (at > first_digit + 3) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string Normalized(int64_t milli_nt) { return Grouped(std::string_view(Scaled(milli_nt, 3))); }

std::string Millionths(int64_t micros) { return Grouped(std::string_view(Scaled(micros, 6))); }

std::string Moment(const google::protobuf::Timestamp& time) {
  const absl::Time milliseconds = absl::FromUnixMillis(absl::ToUnixMillis(ToTime(time)));
  return absl::FormatTime("%Y-%m-%d %H:%M:%E*SZ", milliseconds, absl::UTCTimeZone());
}

std::string MomentForMachines(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", ToTime(time), absl::UTCTimeZone());
}

std::string Span(const google::protobuf::Duration& span) {
  return absl::FormatDuration(absl::Seconds(span.seconds()) + absl::Nanoseconds(span.nanos()));
}

std::string Word(const google::protobuf::EnumValueDescriptor& value) {
  std::string name = value.name();
  const std::string prefix = PrefixOf(*value.type());
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  return absl::AsciiStrToLower(name);
}

std::string Word(const google::protobuf::EnumDescriptor& type, int value) {
  const google::protobuf::EnumValueDescriptor* known = type.FindValueByNumber(value);
  return known == nullptr ? std::to_string(value) : Word(*known);
}

std::string LastPart(std::string_view resource_name) {
  const size_t slash = resource_name.rfind('/');
  return std::string(slash == std::string_view::npos ? resource_name : resource_name.substr(slash + 1));
}

}  // namespace penstock::cli
