// An answer as JSON: keys are the contract's field names in its order, so the documentation of proto/ is the
// documentation of `-o json`.
//
// Numbers and booleans are always there, also when zero; messages only when set; lists always. Enums are lower-case
// words, instants RFC 3339, durations decimal seconds as a number, money a decimal text (a JSON number would lose
// digits).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace google::protobuf {
class Message;
}

namespace penstock::cli {

nlohmann::ordered_json ToJson(const google::protobuf::Message& answer);

/// Two spaces a level, bytes that are not UTF-8 replaced, a newline at the end.
std::string Printed(const nlohmann::ordered_json& json);

}  // namespace penstock::cli
