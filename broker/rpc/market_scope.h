// What calls to Reservations and Market have in common before they reach the engine: whose thing a name means, pages
// that go backwards in time, and what a request id stands for.
#pragma once

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/message_lite.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/ids.h"
#include "broker/auth/principal.h"
#include "broker/core/answer.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/names.h"

namespace penstock::rpc {

/// What tenants own by number.
struct OwnedKind {
  std::string_view collection;  // "quotes"
  core::ErrorReason unknown;
};
inline constexpr OwnedKind kQuotes{"quotes", core::ErrorReason::kUnknownQuote};
inline constexpr OwnedKind kReservations{"reservations", core::ErrorReason::kUnknownReservation};
inline constexpr OwnedKind kBids{"bids", core::ErrorReason::kUnknownBid};

struct Owned {
  TenantId tenant;
  uint64_t number = 0;
};

/// "tenants/{tenant}/quotes/{number}".
std::string NameOfOwned(const std::string& tenant, const OwnedKind& kind, uint64_t number);
/// PERMISSION_DENIED when a tenant names another one, the kind's reason when it cannot be such a name.
grpc::Status ReadOwned(const std::string& name, const OwnedKind& kind, const auth::Principal& principal,
                       const Names& names, Owned* owned);
grpc::Status UnknownOwned(const OwnedKind& kind, const std::string& name);

/// "pools/{pool}/prices/{number}".
std::string NameOfPrice(const std::string& pool, uint32_t number);
struct PriceName {
  PoolId pool;
  uint32_t number = 0;
};
grpc::Status ReadPriceName(const std::string& name, const Names& names, PriceName* price);
grpc::Status UnknownPrice(const std::string& name);

/// The tenant that a request is about. A tenant principal may leave its own name out, and may name no other. Left out
/// by another: 0, all tenants, or INVALID_ARGUMENT if one is required.
enum class Parent { kRequired, kOptional };
grpc::Status ReadParent(const std::string& parent, Parent need, const auth::Principal& principal, const Names& names,
                        TenantId* tenant);

grpc::Status ReadPool(const std::string& name, const std::string& field, const Names& names, PoolId* pool);

/// A page of something numbered, the newest first: how many, and the number above which it was given already.
struct BackwardsPage {
  size_t size = 0;
  uint64_t below = std::numeric_limits<uint64_t>::max();
};

template <class Request>
grpc::Status ReadBackwardsPage(const Request& request, int64_t most, BackwardsPage* page) {
  if (request.page_size() < 0 || request.page_size() > most) {
    return InvalidField("page_size", absl::StrCat("must be 0 to ", most));
  }
  page->size = static_cast<size_t>(request.page_size() == 0 ? most : request.page_size());
  if (!request.page_token().empty() && (!absl::SimpleAtoi(request.page_token(), &page->below) || page->below == 0)) {
    return InvalidField("page_token", "is not one that this service gave");
  }
  return grpc::Status::OK;
}

/// A page of a list ends after so many rows were looked at: what a read may take of the loop.
constexpr size_t kMostSeen = 10'000;

/// Looks at numbers below the page's, the newest first: those of `ids` (rising), or without them all up to `last`,
/// until `take` has said often enough that it took one. Returns the token of the next page.
template <class Ids, class Take>
std::string WalkBackwards(const Ids* ids, uint64_t last, const BackwardsPage& page, const Take& take) {
  size_t place = ids == nullptr
                     ? std::min(last, page.below - 1)
                     : static_cast<size_t>(std::lower_bound(ids->begin(), ids->end(), page.below) - ids->begin());
  size_t taken = 0;
  uint64_t number = page.below;
  for (size_t seen = 0; place > 0 && taken < page.size && seen < kMostSeen; --place, ++seen) {
    number = ids == nullptr ? place : (*ids)[place - 1];
    if (take(number)) ++taken;
  }
  return place > 0 ? absl::StrCat(number) : "";
}

/// Who asks for a change. `tenant` is whose it is.
template <class Request>
grpc::Status ReadCaller(const Request& request, std::string_view method, TenantId tenant,
                        const auth::Principal& principal, core::MarketCaller* caller) {
  caller->tenant = tenant;
  caller->by = principal.id;
  caller->validate_only = request.validate_only();
  Request body = request;
  if constexpr (requires { body.request_id(); }) {
    if (request.request_id().size() > kMaxRequestIdBytes) {
      return InvalidField("request_id", absl::StrCat("must have at most ", kMaxRequestIdBytes, " bytes"));
    }
    caller->request_id = request.request_id();
    body.clear_request_id();
  }
  body.clear_validate_only();
  if constexpr (requires { body.clear_parent(); }) body.clear_parent();  // the same, left out or not
  caller->body =
      ledger::DigestOf(absl::StrCat(absl::string_view(method.data(), method.size()), "\n", body.SerializeAsString()));
  return grpc::Status::OK;
}

/// 0: whatever it is now.
grpc::Status ReadEtag(const std::string& etag, uint64_t* version);
std::string EtagOf(uint64_t version);

}  // namespace penstock::rpc
