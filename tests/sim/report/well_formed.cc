#include "tests/sim/report/well_formed.h"

#include <vector>

namespace penstock::sim::report {
namespace {

constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

bool IsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == ':';
}

bool HasEntitiesOnly(std::string_view text) {
  for (size_t at = 0; (at = text.find('&', at)) != std::string_view::npos; ++at) {
    bool known = false;
    for (std::string_view entity : kEntities) known = known || text.substr(at).starts_with(entity);
    if (!known) return false;
  }
  return true;
}

std::string Fault(std::string_view what, std::string_view rest) {
  return std::string(what) + ": " + std::string(rest.substr(0, 120));
}

std::string_view TakeName(std::string_view& rest) {
  size_t length = 0;
  while (length < rest.size() && IsName(rest[length])) ++length;
  const std::string_view name = rest.substr(0, length);
  rest.remove_prefix(length);
  return name;
}

// ` name="value"`, as often as there is one.
std::string TakeAttributes(std::string_view& rest) {
  while (rest.starts_with(" ")) {
    rest.remove_prefix(1);
    if (TakeName(rest).empty()) return Fault("an attribute without a name", rest);
    if (!rest.starts_with("=\"")) return Fault("an attribute without a quoted value", rest);
    rest.remove_prefix(2);
    const size_t end = rest.find('"');
    if (end == std::string_view::npos) return Fault("a value without an end", rest);
    const std::string_view value = rest.substr(0, end);
    if (value.find('<') != std::string_view::npos || !HasEntitiesOnly(value))
      return Fault("a value not escaped", value);
    rest.remove_prefix(end + 1);
  }
  return "";
}

}  // namespace

std::string FaultIn(std::string_view rest) {
  if (rest.starts_with("<!DOCTYPE html>")) rest.remove_prefix(15);
  std::vector<std::string_view> open;
  while (!rest.empty()) {
    const size_t tag = std::min(rest.find('<'), rest.size());
    if (!HasEntitiesOnly(rest.substr(0, tag))) return Fault("text not escaped", rest);
    rest.remove_prefix(tag);
    if (rest.empty()) break;
    const std::string_view at = rest;
    const bool closes = rest.starts_with("</");
    rest.remove_prefix(closes ? 2 : 1);
    const std::string_view name = TakeName(rest);
    if (name.empty()) return Fault("a tag without a name", at);
    if (closes) {
      if (open.empty() || open.back() != name || !rest.starts_with(">")) return Fault("closes what is not open", at);
      open.pop_back();
      rest.remove_prefix(1);
      continue;
    }
    if (const std::string fault = TakeAttributes(rest); !fault.empty()) return fault;
    if (!rest.starts_with(">") && !rest.starts_with("/>")) return Fault("a tag that does not end", at);
    if (rest.starts_with(">")) open.push_back(name);
    rest.remove_prefix(rest.starts_with(">") ? 1 : 2);
  }
  return open.empty() ? "" : "not closed: " + std::string(open.back());
}

}  // namespace penstock::sim::report
