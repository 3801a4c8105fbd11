// Session's wire messages <-> core values: as converters.h, in numbers, and without an allocation where all is well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "broker/rpc/converters.h"

namespace penstock::rpc {

/// What a route number stands for. Immutable once bound.
struct Route {
  TenantId tenant;
  KeyId key;
  std::vector<PoolId> pools;
  std::optional<ServiceClass> wanted;
  Duration max_wait;
};

/// Field paths start at the item ("admit.request_id") or at the route ("pools").
Problem FromProto(const v1::SessionRoute& wire, const auth::Principal& principal, const Names& names, Route* route);
Problem FromProto(const v1::SessionAdmit& wire, const Route& route, core::Admit* admit);
Problem FromProto(const v1::SessionProgress& wire, const auth::GrantKeys& keys, core::Progress* progress);
Problem FromProto(const v1::SessionComplete& wire, const auth::GrantKeys& keys, core::Complete* complete);

/// What an item's answer needs to know of its item.
struct AskedFor {
  const Route* route = nullptr;  // of an Admit
  const char* field = "";        // "admit", "progress" or "complete": where errors start
  bool explain = false;
  bool with_terms = false;
};
void ToProto(const core::Outcome& outcome, const AskedFor& asked, const Names& names, const auth::GrantKeys& keys,
             v1::SessionAnswer* answer);
void ToProto(const core::Error& error, const char* prefix, v1::SessionError* out);

}  // namespace penstock::rpc
