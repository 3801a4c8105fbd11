#include "broker/config/section.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/config/decimal.h"

namespace penstock::config {
namespace {

constexpr size_t kListedKeys = 12;
constexpr std::string_view kPlainKey = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNothing:
      return "nothing";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

std::string ForExample(std::string_view key, std::string_view example) {
  if (example.empty()) return "";
  return absl::StrCat(", for example `", Abseil(key), ": ", Abseil(example), "`");
}

void Note(const Source& source, const Node& node, const std::string& path, std::string_view what) {
  source.problems.Add(source.file, node.place, path, what);
}

// The text of a scalar; notes anything else.
const std::string* ScalarText(const Source& source, const Node& node, const std::string& path, std::string_view wanted,
                              std::string_view example) {
  if (node.kind == Node::Kind::kScalar && !node.text.empty()) return &node.text;
  const bool nothing = node.kind != Node::Kind::kList && node.kind != Node::Kind::kMap;
  const std::string_view got = nothing ? "no value" : KindName(node.kind);
  Note(source, node, path,
       absl::StrCat("has ", Abseil(got), "; write ", Abseil(wanted), example.empty() ? "" : ", for example ",
                    Abseil(example)));
  return nullptr;
}

std::string Range(int64_t min, int64_t max, int decimals) {
  return absl::StrCat("from ", FormatDecimal(min, decimals), " to ", FormatDecimal(max, decimals));
}

std::string TooFine(const DecimalField& field, const std::string& text, int64_t floor) {
  return absl::StrCat(Quoted(text), " has more than ", field.decimals, " decimals: ", Abseil(field.why_no_finer),
                      "; the nearest values are ", FormatDecimal(floor, field.decimals), " and ",
                      FormatDecimal(floor + 1, field.decimals));
}

std::optional<int64_t> ReadDecimal(const Source& source, const Node& node, const std::string& path,
                                   const DecimalField& field) {
  const std::string* text = ScalarText(source, node, path, "a decimal number", field.example);
  if (text == nullptr) return std::nullopt;
  const Decimal decimal = ParseDecimal(*text, field.decimals);
  if (decimal.form == Decimal::Form::kNotANumber) {
    Note(source, node, path,
         absl::StrCat(
             Quoted(*text),
             " is not a decimal number; write digits with at most one point (no sign, no exponent), for example ",
             Abseil(field.example)));
    return std::nullopt;
  }
  const bool too_large = decimal.form == Decimal::Form::kTooLarge;
  if (too_large || decimal.scaled < field.min || decimal.scaled > field.max) {
    Note(source, node, path,
         absl::StrCat(Quoted(*text), " is out of range; write a number ", Range(field.min, field.max, field.decimals),
                      Abseil(field.range_note)));
    return std::nullopt;
  }
  if (decimal.form == Decimal::Form::kTooFine) {
    Note(source, node, path, TooFine(field, *text, decimal.scaled));
    return std::nullopt;
  }
  return decimal.scaled;
}

}  // namespace

std::optional<int64_t> ReadInteger(const Source& source, const Node& node, const std::string& path,
                                   const IntegerField& field) {
  const std::string* text = ScalarText(source, node, path, "a whole number", field.example);
  if (text == nullptr) return std::nullopt;
  const Decimal decimal = ParseDecimal(*text, 0);
  if (decimal.form == Decimal::Form::kNotANumber || decimal.form == Decimal::Form::kTooFine) {
    Note(source, node, path,
         absl::StrCat(Quoted(*text), " is not a whole number; write digits only, for example ", Abseil(field.example)));
    return std::nullopt;
  }
  if (decimal.form == Decimal::Form::kTooLarge || decimal.scaled < field.min || decimal.scaled > field.max) {
    Note(source, node, path,
         absl::StrCat(Quoted(*text), " is out of range; write a whole number ", Range(field.min, field.max, 0)));
    return std::nullopt;
  }
  return decimal.scaled;
}

std::optional<int64_t> ReadPercent(const Source& source, const Node& node, const std::string& path,
                                   const PercentField& field) {
  const std::string* text = ScalarText(source, node, path, "a percentage", field.example);
  if (text == nullptr) return std::nullopt;
  const bool signed_so = text->ends_with('%');
  const Decimal percent = ParseDecimal(std::string_view(*text).substr(0, text->size() - (signed_so ? 1 : 0)), 1);
  if (!signed_so || percent.form == Decimal::Form::kNotANumber || percent.form == Decimal::Form::kTooFine) {
    Note(source, node, path,
         absl::StrCat(Quoted(*text), " is not a percentage; write a number with at most one decimal and a percent sign",
                      ", for example ", Abseil(field.example)));
    return std::nullopt;
  }
  if (percent.form == Decimal::Form::kTooLarge || percent.scaled < field.min || percent.scaled > field.max) {
    Note(source, node, path,
         absl::StrCat(Quoted(*text), " is out of range; write a percentage from ", FormatDecimal(field.min, 1), "% to ",
                      FormatDecimal(field.max, 1), "%"));
    return std::nullopt;
  }
  return percent.scaled;
}

bool CheckName(const Source& source, Place place, const std::string& path, std::string_view name) {
  const auto letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [&](char c) { return letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
  if (plain && !name.empty() && name.size() <= kMaxNameBytes && letter_or_digit(name.front())) return true;
  source.problems.Add(source.file, place, path,
                      absl::StrCat(Quoted(name), " is not a name; write 1 to ", kMaxNameBytes,
                                   " of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"));
  return false;
}

std::optional<std::string> ReadName(const Source& source, const Node& node, const std::string& path) {
  const std::string* text = ScalarText(source, node, path, "a name", "");
  if (text == nullptr || !CheckName(source, node.place, path, *text)) return std::nullopt;
  return *text;
}

Section::Section(const Source& source, const Node& node, std::string path, std::string_view example)
    : source_(source), node_(node), path_(std::move(path)), is_map_(node.kind == Node::Kind::kMap) {
  if (is_map_) return;
  const std::string got =
      node.kind == Node::Kind::kNothing ? "but there is nothing" : absl::StrCat("not ", Abseil(KindName(node.kind)));
  Note(source, node, path_, absl::StrCat("must be a map of `key: value`, ", got, "; for example ", Abseil(example)));
}

Section::~Section() {
  for (const Member& member : node_.members) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    const bool plain =
        member.key.find_first_not_of(kPlainKey) == std::string::npos && member.key.size() <= kMaxNameBytes;
    source_.problems.Add(source_.file, member.place, PathOf(plain ? member.key : Quoted(member.key)),
                         absl::StrCat("unknown key", HintFor(member.key)));
  }
  for (const Missing& missing : missing_) {
    source_.problems.Add(source_.file, node_.place, PathOf(missing.key), missing.what);
  }
}

std::string Section::HintFor(std::string_view unknown) {
  const std::string_view nearest = NearestName(unknown, known_);
  if (!nearest.empty()) {
    std::erase_if(missing_, [&](const Missing& missing) { return missing.key == nearest; });
    return absl::StrCat("; did you mean ", Quoted(nearest), "?");
  }
  const size_t listed = std::min(known_.size(), kListedKeys);
  const std::vector<std::string> keys(known_.begin(), known_.begin() + static_cast<std::ptrdiff_t>(listed));
  return absl::StrCat("; the keys here are: ", absl::StrJoin(keys, ", "), listed < known_.size() ? ", ..." : "");
}

std::string Section::PathOf(std::string_view key) const {
  if (key.empty()) return path_;
  return absl::StrCat(path_, path_.empty() ? "" : ".", Abseil(key));
}

const Node* Section::Optional(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return Find(node_, key);
}

bool Section::Has(std::string_view key) { return Optional(key) != nullptr; }

const Node* Section::Required(std::string_view key, std::string_view example) {
  const Node* node = Optional(key);
  if (node == nullptr && is_map_) {
    missing_.push_back({key, absl::StrCat("is missing; add it", ForExample(key, example))});
  }
  return node;
}

int64_t Section::Integer(const IntegerField& field) {
  const Node* node = field.otherwise ? Optional(field.name) : Required(field.name, field.example);
  const int64_t stand_in = field.otherwise.value_or(field.min);
  return node == nullptr ? stand_in : ReadInteger(source_, *node, PathOf(field.name), field).value_or(stand_in);
}

int64_t Section::DecimalNumber(const DecimalField& field) {
  const Node* node = field.otherwise ? Optional(field.name) : Required(field.name, field.example);
  const int64_t stand_in = field.otherwise.value_or(field.min);
  return node == nullptr ? stand_in : ReadDecimal(source_, *node, PathOf(field.name), field).value_or(stand_in);
}

int64_t Section::Percent(const PercentField& field) {
  const Node* node = field.otherwise ? Optional(field.name) : Required(field.name, field.example);
  const int64_t stand_in = field.otherwise.value_or(field.min);
  return node == nullptr ? stand_in : ReadPercent(source_, *node, PathOf(field.name), field).value_or(stand_in);
}

std::string Section::Text(const TextField& field) {
  const Node* node = field.otherwise ? Optional(field.name) : Required(field.name, field.example);
  const std::string stand_in(field.otherwise.value_or(""));
  if (node == nullptr) return stand_in;
  const std::string* text = ScalarText(source_, *node, PathOf(field.name), "a text", field.example);
  return text == nullptr ? stand_in : *text;
}

std::string Section::EntityName(std::string_view key, std::string_view example) {
  const Node* node = Required(key, example);
  return node == nullptr ? "" : ReadName(source_, *node, PathOf(key)).value_or("");
}

size_t Section::Choice(const ChoiceField& field) {
  const std::string all = absl::StrJoin(
      field.choices, ", ", [](std::string* out, std::string_view choice) { absl::StrAppend(out, Abseil(choice)); });
  const Node* node = field.otherwise ? Optional(field.name) : Required(field.name, field.choices.front());
  const size_t stand_in = field.otherwise.value_or(0);
  if (node == nullptr) return stand_in;
  const std::string* text = ScalarText(source_, *node, PathOf(field.name), absl::StrCat("one of ", all), "");
  if (text == nullptr) return stand_in;
  const auto found = std::find(field.choices.begin(), field.choices.end(), *text);
  if (found != field.choices.end()) return static_cast<size_t>(found - field.choices.begin());
  Note(source_, *node, PathOf(field.name), absl::StrCat(Quoted(*text), " is not one of ", all));
  return stand_in;
}

std::vector<std::string> Section::Names(std::string_view key, std::string_view example) {
  std::vector<std::string> names;
  const auto read = [&](const Node& node, const std::string& path) {
    std::optional<std::string> name = ReadName(source_, node, path);
    if (!name) return;
    if (std::find(names.begin(), names.end(), *name) != names.end()) {
      Note(source_, node, path, absl::StrCat(Quoted(*name), " stands here twice; remove one"));
    }
    names.push_back(*std::move(name));
  };
  List(key, read, false, example);
  const Node* node = Find(node_, key);
  if (node != nullptr && node->kind == Node::Kind::kList && node->items.empty()) {
    Complain(key, "is an empty list; name at least one, or leave the key out");
  }
  return names;
}

void Section::List(std::string_view key, const ReadElement& read, bool required, std::string_view example) {
  const Node* node = required ? Required(key, example) : Optional(key);
  if (node == nullptr) return;
  const std::string path = PathOf(key);
  if (node->kind != Node::Kind::kList) {
    Note(source_, *node, path,
         absl::StrCat("must be a list, not ", Abseil(KindName(node->kind)), ForExample(key, example)));
    return;
  }
  if (required && node->items.empty()) {
    Note(source_, *node, path, absl::StrCat("is empty; at least one is needed", ForExample(key, example)));
  }
  for (size_t i = 0; i < node->items.size(); ++i) read(node->items[i], absl::StrCat(path, "[", i, "]"));
}

void Section::Complain(std::string_view key, std::string_view what) {
  const Node* node = Find(node_, key);
  Note(source_, node == nullptr ? node_ : *node, PathOf(key), what);
}

}  // namespace penstock::config
