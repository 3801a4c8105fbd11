#include "broker/cli/answer_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <nlohmann/json.hpp>

#include "admission/vocabulary/check.h"
#include "broker/cli/wording.h"

namespace penstock::cli {
namespace {

using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;
using nlohmann::ordered_json;

ordered_json MessageToJson(const Message& message) {
  if (const auto* time = dynamic_cast<const Timestamp*>(&message)) return MomentForMachines(*time);
  if (const auto* span = dynamic_cast<const Duration*>(&message)) {
    return (static_cast<double>(span->seconds()) * 1e9 + static_cast<double>(span->nanos())) / 1e9;
  }
  return ToJson(message);
}

ordered_json SingleToJson(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return Word(*reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageToJson(reflection.GetMessage(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      break;  // the contract has none
  }
  PENSTOCK_CHECK(false);
}

// The answers repeat messages, enums and texts only.
ordered_json ListToJson(const Message& message, const FieldDescriptor& field) {
  PENSTOCK_CHECK(!field.is_map());
  ordered_json list = ordered_json::array();
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        list.push_back(MessageToJson(reflection.GetRepeatedMessage(message, &field, i)));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        list.push_back(Word(*reflection.GetRepeatedEnum(message, &field, i)));
        break;
      default:
        PENSTOCK_CHECK(field.cpp_type() == FieldDescriptor::CPPTYPE_STRING);
        list.push_back(reflection.GetRepeatedString(message, &field, i));
    }
  }
  return list;
}

}  // namespace

ordered_json ToJson(const Message& answer) {
  ordered_json json = ordered_json::object();
  const google::protobuf::Descriptor& type = *answer.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated())
      json[field.name()] = ListToJson(answer, field);
    else if (!field.has_presence() || answer.GetReflection()->HasField(answer, &field)) {
      json[field.name()] = SingleToJson(answer, field);
    }
  }
  return json;
}

std::string Printed(const ordered_json& json) {
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
