#include "broker/rpc/operations_service.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
#include "broker/auth/random_bytes.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/reading_call.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::rpc {
namespace {

/// No grant is settled later than this after it was given: a lease and a settle window of a day each, extended.
constexpr Duration kGrantNamesLive = Days(7);

constexpr std::array<ServiceClass, kServiceClassCount> kAllClasses = {
    ServiceClass::kFree,     ServiceClass::kFlex,      ServiceClass::kDefault,
    ServiceClass::kPriority, ServiceClass::kSpillover, ServiceClass::kReserved};

void Fill(const core::PoolState& pool, const Names& names, v1::Pool* out) {
  out->set_name(names.NameOf(pool.id()));
  out->set_model(pool.settings().model);
  out->set_capacity_nt_per_s(pool.settings().terms.capacity.count() / kMilliNtPerNt);
  out->set_max_in_flight(pool.settings().terms.max_in_flight);
  out->set_in_flight(pool.scheduler().InFlight());
  ToProto(pool.ReclaimBound(), out->mutable_reclaim_bound());
  out->set_slots_of_earlier_boot(pool.slots_of_earlier_boot());
  out->set_kv_tokens(pool.settings().terms.kv_tokens);
  out->set_kv_tokens_in_use(pool.scheduler().KvInUse());
  out->set_promised_places(static_cast<int64_t>(pool.promises().size()));
  for (const ServiceClass c : kAllClasses) {
    const core::ClassCounters& counters = pool.counters()[static_cast<size_t>(c)];
    const admission::Standing standing = pool.scheduler().StandingOf(c);
    v1::ClassStatus* status = out->add_classes();
    status->set_service_class(ToProto(c));
    status->set_waiting(standing.waiting);
    status->set_waiting_work_milli_nt(standing.waiting_work.count());
    status->set_in_flight(standing.in_flight);
    status->set_offered(counters.offered);
    status->set_admitted(counters.admitted);
    status->set_refused_yours(counters.refused_yours);
    status->set_refused_pool(counters.refused_pool);
    status->set_cancelled(counters.cancelled);
  }
}

grpc::Status UnknownPool(const std::string& name) {
  return ToStatus(
      {core::ErrorReason::kUnknownPool, "name", "there is no '" + name.substr(0, 160) + "'; the form is pools/{pool}"});
}

class SetCapacityCall final : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  SetCapacityCall(const Surroundings& surroundings, core::SetCapacity set, v1::Pool* response)
      : surroundings_(surroundings), pool_(set.pool), response_(response) {
    set.ticket = surroundings.loop.NewTicket();
    if (!surroundings.loop.Submit(set, set.ticket, this)) Finish(Overloaded());
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    const bool queued = surroundings_.loop.Ask([this](const core::Engine& engine, uint64_t) {
      Fill(*engine.FindPool(pool_), surroundings_.names, response_);
      Finish(grpc::Status::OK);
    });
    if (!queued) Finish(Overloaded());
  }

  void OnDone() override { delete this; }

 private:
  const Surroundings surroundings_;
  const PoolId pool_;
  v1::Pool* const response_;
};

class ApproveCall final : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  ApproveCall(const Surroundings& surroundings, TenantId tenant, const std::string& run, const std::string& by) {
    const core::ApproveRun approve{.ticket = surroundings.loop.NewTicket(), .tenant = tenant, .run = run, .by = by};
    if (!surroundings.loop.Submit(approve, approve.ticket, this)) Finish(Overloaded());
  }
  void Answer(core::Outcome outcome) override {
    const auto* error = std::get_if<core::Error>(&outcome);
    Finish(error == nullptr ? grpc::Status::OK : ToStatus(*error));
  }
  void OnDone() override { delete this; }
};

class OperationsService final : public v1::Operations::CallbackService {
 public:
  explicit OperationsService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  grpc::ServerUnaryReactor* GetPool(grpc::CallbackServerContext* context, const v1::GetPoolRequest* request,
                                    v1::Pool* response) override {
    if (const grpc::Status s = Begin(*context, "/penstock.v1.Operations/GetPool"); !s.ok()) return new ReadingCall(s);
    const std::optional<PoolId> id = surroundings_.names.Pool(request->name());
    if (!id) return new ReadingCall(UnknownPool(request->name()));
    return new ReadingCall(surroundings_.loop, [this, id, response](const core::Engine& engine, uint64_t) {
      const core::PoolState* pool = engine.FindPool(*id);
      if (pool == nullptr) return UnknownPool(surroundings_.names.NameOf(*id));
      Fill(*pool, surroundings_.names, response);
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* ListPools(grpc::CallbackServerContext* context, const v1::ListPoolsRequest*,
                                      v1::ListPoolsResponse* response) override {
    if (const grpc::Status s = Begin(*context, "/penstock.v1.Operations/ListPools"); !s.ok()) return new ReadingCall(s);
    return new ReadingCall(surroundings_.loop, [this, response](const core::Engine& engine, uint64_t) {
      for (const auto& pool : engine.pools()) Fill(*pool, surroundings_.names, response->add_pools());
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* SetPoolCapacity(grpc::CallbackServerContext* context,
                                            const v1::SetPoolCapacityRequest* request, v1::Pool* response) override {
    if (const grpc::Status s = Begin(*context, "/penstock.v1.Operations/SetPoolCapacity"); !s.ok()) {
      return new ReadingCall(s);
    }
    const std::optional<PoolId> id = surroundings_.names.Pool(request->name());
    if (!id) return new ReadingCall(UnknownPool(request->name()));
    if (request->capacity_nt_per_s() < 1 || request->capacity_nt_per_s() > kMaxRateNtPerSecond) {
      return new ReadingCall(InvalidField("capacity_nt_per_s", absl::StrCat("must be 1 to ", kMaxRateNtPerSecond)));
    }
    if (request->max_in_flight() < 0 || request->max_in_flight() > kMaxInFlight) {
      return new ReadingCall(InvalidField("max_in_flight", absl::StrCat("must be 0 to ", kMaxInFlight)));
    }
    core::SetCapacity set;
    set.pool = *id;
    set.capacity = NormalizedTokensPerSecond(request->capacity_nt_per_s());
    set.max_in_flight = request->max_in_flight();
    if (request->kv_tokens() < 0 || request->kv_tokens() > kMaxKvTokens) {
      return new ReadingCall(InvalidField("kv_tokens", absl::StrCat("must be 0 to ", kMaxKvTokens)));
    }
    set.kv_tokens = request->kv_tokens();
    return new SetCapacityCall(surroundings_, set, response);
  }

  grpc::ServerUnaryReactor* GetLedger(grpc::CallbackServerContext* context, const v1::GetLedgerRequest*,
                                      v1::LedgerStatus* response) override {
    if (const grpc::Status s = Begin(*context, "/penstock.v1.Operations/GetLedger"); !s.ok()) return new ReadingCall(s);
    return new ReadingCall(surroundings_.loop, [this, response](const core::Engine& engine, uint64_t durable) {
      response->set_entries(engine.ledger().head().sequence);
      response->set_head(ledger::ToHex(engine.ledger().head().hash));
      response->set_durable_entries(durable);
      response->set_open_holds(engine.books().open_count());
      response->set_boot_epoch(engine.epoch());
      const ledger::Head synced = engine.ledger().synced();
      if (synced.sequence > 0) {
        ToProto(surroundings_.signing_key.Sign(engine.ledger().identity(), synced, daemon::WallTime()),
                response->mutable_signed_head());
      }
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* Reload(grpc::CallbackServerContext* context, const v1::ReloadRequest*,
                                   v1::ReloadResponse* response) override {
    if (const grpc::Status s = Begin(*context, "/penstock.v1.Operations/Reload"); !s.ok()) return new ReadingCall(s);
    const absl::StatusOr<std::string> summary = surroundings_.reload();
    if (!summary.ok()) {
      const std::string message(summary.status().message());
      return new ReadingCall(absl::IsUnavailable(summary.status())
                                 ? Overloaded()
                                 : ToStatus({core::ErrorReason::kFailedPrecondition, "", message}));
    }
    response->set_summary(*summary);
    return new ReadingCall(grpc::Status::OK);
  }

  grpc::ServerUnaryReactor* ApproveRun(grpc::CallbackServerContext* context, const v1::ApproveRunRequest* request,
                                       v1::ApproveRunResponse*) override {
    auth::Principal principal;
    if (const grpc::Status s =
            Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Operations/ApproveRun", &principal);
        !s.ok()) {
      return new ReadingCall(s);
    }
    const std::optional<TenantId> tenant = surroundings_.names.Tenant(request->tenant());
    if (!tenant) {
      return new ReadingCall(InvalidField("tenant", "there is no such tenant; the form is tenants/{tenant}"));
    }
    if (request->run().empty() || request->run().size() > kMaxRunBytes) {
      return new ReadingCall(InvalidField("run", absl::StrCat("must have 1 to ", kMaxRunBytes, " bytes")));
    }
    return new ApproveCall(surroundings_, *tenant, request->run(), principal.id);
  }

  grpc::ServerUnaryReactor* RotateGrantKey(grpc::CallbackServerContext* context, const v1::RotateGrantKeyRequest*,
                                           v1::RotateGrantKeyResponse* response) override {
    if (const grpc::Status s = Begin(*context, "/penstock.v1.Operations/RotateGrantKey"); !s.ok()) {
      return new ReadingCall(s);
    }
    const absl::StatusOr<uint32_t> rotated =
        surroundings_.grant_keys.Rotate(auth::RandomBytes(auth::kGrantKeyBytes), daemon::WallTime(), kGrantNamesLive);
    if (!rotated.ok()) {
      return new ReadingCall(ErrorStatus(grpc::StatusCode::INTERNAL, "IO", std::string(rotated.status().message())));
    }
    response->set_key_id(*rotated);
    return new ReadingCall(grpc::Status::OK);
  }

 private:
  grpc::Status Begin(const grpc::CallbackServerContext& context, std::string_view method) const {
    auth::Principal principal;
    return Authenticate(context, surroundings_.api_keys, method, &principal);
  }

  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewOperationsService(const Surroundings& surroundings) {
  return std::make_unique<OperationsService>(surroundings);
}

}  // namespace penstock::rpc
