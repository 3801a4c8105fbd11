// A line of JSON whose few known fields are picked out without building a tree of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace penstock::sim {

/// The value of a field of the outermost object.
struct JsonField {
  enum class Type : uint8_t { kAbsent, kUnsigned, kSigned, kReal, kText, kUnsignedList, kOther };
  std::string_view name;
  Type type = Type::kAbsent;
  uint64_t number = 0;         // kUnsigned; the magnitude of kSigned, which is negative
  double real = 0;             // kUnsigned, kSigned, kReal
  std::string text;            // kText
  std::vector<uint64_t> list;  // kUnsignedList: an array of nothing but whole numbers, none negative
};

/// Fills the fields from an object; those that it does not have become kAbsent, those that are not asked for may hold
/// anything. A field that comes twice counts as the last. Error: 'row: not a JSON object; a row reads like <example>'.
absl::Status ReadJsonRow(std::string_view line, std::vector<JsonField>& fields, std::string_view example);

/// Errors: 'name: missing ...' and 'name: must be a whole number between ...'.
absl::StatusOr<int64_t> WholeNumber(const JsonField& field, int64_t least, int64_t most, std::string_view example);

}  // namespace penstock::sim
