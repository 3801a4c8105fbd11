// Tiers, and the classes that share capacity under them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock {

enum class Tier : uint8_t { kFree, kElastic, kReserved };
constexpr size_t kTierCount = 3;
constexpr std::array<std::string_view, kTierCount> kTierNames = {"free", "elastic", "reserved"};
constexpr std::string_view Name(Tier tier) { return kTierNames[static_cast<size_t>(tier)]; }

/// What a request stands in line as at the share level, and what it was served as. `kReserved` is service inside a
/// contract; it never stands at the share level: beyond its contract a reserved tenant stands as `kSpillover`.
enum class ServiceClass : uint8_t { kFree, kFlex, kDefault, kPriority, kSpillover, kReserved };
constexpr size_t kServiceClassCount = 6;
constexpr size_t kShareClassCount = 5;
constexpr std::array<std::string_view, kServiceClassCount> kServiceClassNames = {"free",     "flex",      "default",
                                                                                 "priority", "spillover", "reserved"};
constexpr std::string_view Name(ServiceClass c) { return kServiceClassNames[static_cast<size_t>(c)]; }

constexpr std::optional<Tier> TierNamed(std::string_view name) {
  for (size_t i = 0; i < kTierCount; ++i) {
    if (kTierNames[i] == name) return static_cast<Tier>(i);
  }
  return std::nullopt;
}

constexpr std::optional<ServiceClass> ServiceClassNamed(std::string_view name) {
  for (size_t i = 0; i < kServiceClassCount; ++i) {
    if (kServiceClassNames[i] == name) return static_cast<ServiceClass>(i);
  }
  return std::nullopt;
}

/// The tier on whose terms a class is served: spillover is elastic terms.
constexpr Tier TierOf(ServiceClass c) {
  switch (c) {
    case ServiceClass::kFree:
      return Tier::kFree;
    case ServiceClass::kReserved:
      return Tier::kReserved;
    case ServiceClass::kFlex:
    case ServiceClass::kDefault:
    case ServiceClass::kPriority:
    case ServiceClass::kSpillover:
      return Tier::kElastic;
  }
  return Tier::kElastic;
}

/// What a reserved tenant gets beyond its contracts. A tenant with several has the most lenient of theirs: spill before
/// wait before refuse.
enum class Overrun : uint8_t { kSpill, kWait, kRefuse };
constexpr std::array<std::string_view, 3> kOverrunNames = {"spill", "wait", "refuse"};
constexpr std::string_view Name(Overrun overrun) { return kOverrunNames[static_cast<size_t>(overrun)]; }

}  // namespace penstock
