// Shapes on the wire -> steps: how much throughput, when. Windows, schedules that recur in a time zone, or steps.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/core/command.h"
#include "broker/core/engine.h"
#include "broker/market/settings.h"
#include "broker/rpc/market_scope.h"
#include "broker/rpc/names.h"
#include "ledger/market_terms.h"
#include "penstock/v1/reservations.pb.h"

namespace penstock::rpc {

struct AskedShape {
  std::vector<ledger::RateStep> steps;  // in order, of whole minutes, at least one, without prices
  std::string text;                     // "weekdays 09:00-18:00 Europe/Berlin from 2026-12-01 to 2026-12-31"
  bool begins_now = false;              // the only step has no beginning yet: see BeginAt
};

/// Everything that can be checked without knowing the time: named errors say which field, below `field`.
grpc::Status ReadShape(const v1::Shape& shape, const std::string& field, AskedShape* asked);

/// Gives a shape that begins now its beginning: the next whole minute. IN_THE_PAST when it would have ended by then.
grpc::Status BeginAt(Instant now, const std::string& field, AskedShape* asked);

/// Whether a pool sells such steps at all: MARKET_CLOSED, IN_THE_PAST, TOO_FAR_AHEAD, steps that are too short. Of what
/// was bought already, something must lie ahead.
enum class Begun { kNo, kMaybe };
grpc::Status CheckSold(const std::vector<ledger::RateStep>& steps, const std::string& field, Instant now,
                       const market::MarketTerms& terms, Begun begun);

grpc::Status ReadEnvelope(const v1::Envelope& envelope, ledger::Envelope* out);
/// Nothing when it was left out.
grpc::Status ReadOverrun(v1::Overrun overrun, std::optional<Overrun>* out);

/// UNKNOWN_PROJECT; empty means none.
grpc::Status ReadProject(const std::string& project, TenantId tenant, const Names& names);

/// What quotes and bids ask for: pool, shape, project, overrun, envelope. The steps are in `asked` until CheckWish.
template <class Request>
grpc::Status ReadWish(const Request& request, TenantId tenant, const Names& names, core::Wish* wish,
                      AskedShape* asked) {
  grpc::Status status = ReadPool(request.pool(), "pool", names, &wish->pool);
  if (status.ok()) status = ReadShape(request.shape(), "shape", asked);
  if (status.ok()) status = ReadOverrun(request.overrun(), &wish->overrun);
  if (status.ok()) status = ReadEnvelope(request.envelope(), &wish->envelope);
  if (status.ok()) status = ReadProject(request.project(), tenant, names);
  wish->project = request.project();
  wish->steps = asked->steps;
  wish->shape = asked->text;
  return status;
}
/// What depends on the time, on whether the tenant may use the pool, and on the pool's terms; gives a wish that begins
/// now its beginning.
grpc::Status CheckWish(const core::Engine& engine, TenantId tenant, Instant now, AskedShape asked, core::Wish* wish);

}  // namespace penstock::rpc
