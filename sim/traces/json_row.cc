#include "sim/traces/json_row.h"

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace penstock::sim {
namespace {

using nlohmann::json;

/// Takes the parser's events. Names are the interface's.
class Picker final : public json::json_sax_t {
 public:
  explicit Picker(std::vector<JsonField>& fields) : fields_(fields) {}
  bool saw_object() const { return saw_object_; }

  bool key(string_t& name) override {
    field_ = nullptr;
    if (depth_ != 1) return true;
    for (JsonField& field : fields_) {
      if (field.name == name) field_ = &field;
    }
    if (field_ != nullptr) field_->type = JsonField::Type::kAbsent;
    return true;
  }
  bool start_object(size_t) override {
    saw_object_ = saw_object_ || depth_ == 0;
    return Enter();
  }
  bool end_object() override { return Leave(); }
  bool start_array(size_t) override {
    if (depth_ == 1 && field_ != nullptr) {
      field_->type = JsonField::Type::kUnsignedList;
      field_->list.clear();
      ++depth_;
      return true;
    }
    return Enter();
  }
  bool end_array() override { return Leave(); }

  bool number_unsigned(number_unsigned_t value) override {
    if (JsonField* const list = List()) {
      list->list.push_back(value);
    } else if (JsonField* const field = Field(JsonField::Type::kUnsigned)) {
      field->number = value;
      field->real = static_cast<double>(value);
    }
    return true;
  }
  bool number_integer(number_integer_t value) override {
    if (JsonField* const field = Field(JsonField::Type::kSigned)) {
      field->number = uint64_t{0} - static_cast<uint64_t>(value);
      field->real = static_cast<double>(value);
    }
    return Spoil();
  }
  bool number_float(number_float_t value, const string_t&) override {
    if (JsonField* const field = Field(JsonField::Type::kReal)) field->real = value;
    return Spoil();
  }
  bool string(string_t& value) override {
    if (JsonField* const field = Field(JsonField::Type::kText)) field->text = value;
    return Spoil();
  }
  bool null() override { return Other(); }
  bool boolean(bool) override { return Other(); }
  bool binary(binary_t&) override { return Other(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  /// The asked-for field whose value comes next, with its type set; or nothing.
  JsonField* Field(JsonField::Type type) {
    if (depth_ != 1 || field_ == nullptr) return nullptr;
    field_->type = type;
    return field_;
  }
  /// The asked-for field in whose array we are; or nothing.
  JsonField* List() {
    return depth_ == 2 && field_ != nullptr && field_->type == JsonField::Type::kUnsignedList ? field_ : nullptr;
  }
  /// Something in an array that is no list of whole numbers then.
  bool Spoil() {
    if (JsonField* const list = List()) list->type = JsonField::Type::kOther;
    return true;
  }
  bool Other() {
    Field(JsonField::Type::kOther);
    return Spoil();
  }
  bool Enter() {
    Other();
    ++depth_;
    return true;
  }
  bool Leave() {
    --depth_;
    if (depth_ == 1) field_ = nullptr;
    return true;
  }

  std::vector<JsonField>& fields_;
  JsonField* field_ = nullptr;
  int depth_ = 0;
  bool saw_object_ = false;
};

}  // namespace

absl::Status ReadJsonRow(std::string_view line, std::vector<JsonField>& fields, std::string_view example) {
  for (JsonField& field : fields) field.type = JsonField::Type::kAbsent;
  Picker picker(fields);
  if (json::sax_parse(line, &picker) && picker.saw_object()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("row: not a JSON object; a row reads like ", std::string(example)));
}

absl::StatusOr<int64_t> WholeNumber(const JsonField& field, int64_t least, int64_t most, std::string_view example) {
  const std::string name(field.name);
  if (field.type == JsonField::Type::kAbsent) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": missing; a row reads like ", std::string(example)));
  }
  if (field.type == JsonField::Type::kUnsigned && field.number <= static_cast<uint64_t>(most)) {
    const auto number = static_cast<int64_t>(field.number);
    if (number >= least) return number;
  }
  if (field.type == JsonField::Type::kSigned && least < 0 && field.real >= static_cast<double>(least)) {
    return static_cast<int64_t>(field.real);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": must be a whole number between ", least, " and ", most, "; correct or remove the row"));
}

}  // namespace penstock::sim
