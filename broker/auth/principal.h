// Who a call comes from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::auth {

/// A gateway admits for every tenant, a tenant acts for itself, an operator runs the daemon.
enum class Role : uint8_t { kGateway, kTenant, kOperator };
constexpr size_t kRoleCount = 3;
constexpr std::array<std::string_view, kRoleCount> kRoleNames = {"gateway", "tenant", "operator"};
constexpr std::string_view Name(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

constexpr std::optional<Role> RoleNamed(std::string_view name) {
  for (size_t i = 0; i < kRoleCount; ++i) {
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

struct Principal {
  Role role = Role::kTenant;
  std::string id;      // of the API key: eight hex digits, fit for logs
  std::string tenant;  // its name; only for Role::kTenant
  std::string key;     // the tenant's key that its requests count against; only for Role::kTenant
  friend bool operator==(const Principal&, const Principal&) = default;
};

}  // namespace penstock::auth
