// How values read in tables: grouped digits, UTC, units next to the number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace google::protobuf {
class Duration;
class EnumDescriptor;
class EnumValueDescriptor;
class Timestamp;
}  // namespace google::protobuf

namespace penstock::cli {

/// 1234567 -> "1,234,567".
std::string Grouped(int64_t value);
/// A decimal number as text with its whole part grouped: "1234.500000" -> "1,234.500000".
std::string Grouped(std::string_view decimal);
/// Milli-nt as nt: 1234567 -> "1,234.567".
std::string Normalized(int64_t milli_nt);
/// Micro-units (or any millionth) as units: 150000 -> "0.150000".
std::string Millionths(int64_t micros);

/// "2026-11-21 10:31:00Z"; milliseconds only when there are any, rounded down.
std::string Moment(const google::protobuf::Timestamp& time);
/// RFC 3339 for machines: "2026-11-21T10:31:00Z".
std::string MomentForMachines(const google::protobuf::Timestamp& time);
/// "250ms", "1m30s".
std::string Span(const google::protobuf::Duration& span);

/// SERVICE_CLASS_PRIORITY -> "priority", RATE_LIMIT -> "rate_limit": the enum's own name in front is dropped.
std::string Word(const google::protobuf::EnumValueDescriptor& value);
/// The same for a number; one that this build does not know stays a number.
std::string Word(const google::protobuf::EnumDescriptor& type, int value);

/// The last part of a resource name: "tenants/acme/keys/prod" -> "prod".
std::string LastPart(std::string_view resource_name);

}  // namespace penstock::cli
