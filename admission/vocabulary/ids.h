// Ids are distinct types: a tenant is never taken for a key. Dense numbers that the journal assigns to names once.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace penstock {

template <class Tag>
struct Id {
  uint32_t value = 0;
  friend constexpr auto operator<=>(Id, Id) = default;
  template <class H>
  friend H AbslHashValue(H h, Id id) {
    return H::combine(std::move(h), id.value);
  }
};

struct TenantTag;
struct KeyTag;
struct PoolTag;
struct ProjectTag;
using TenantId = Id<TenantTag>;    // who pays
using KeyId = Id<KeyTag>;          // a credential of a tenant
using PoolId = Id<PoolTag>;        // one model on one shared fleet
using ProjectId = Id<ProjectTag>;  // a subdivision of a tenant that some of its keys belong to; 0: none

/// A grant: the boot epoch of the daemon that gave it, and a dense sequence inside that epoch that starts at 1.
struct GrantId {
  uint32_t epoch = 0;
  uint64_t sequence = 0;
  friend constexpr auto operator<=>(GrantId, GrantId) = default;
  template <class H>
  friend H AbslHashValue(H h, GrantId id) {
    return H::combine(std::move(h), id.epoch, id.sequence);
  }
};

}  // namespace penstock
