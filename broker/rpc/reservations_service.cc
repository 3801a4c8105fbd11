#include "broker/rpc/reservations_service.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "broker/market/pool_market.h"
#include "broker/market/reshape.h"
#include "broker/rpc/advice.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/delivery_rows.h"
#include "broker/rpc/market_call.h"
#include "broker/rpc/market_converters.h"
#include "broker/rpc/market_scope.h"
#include "broker/rpc/reading_call.h"
#include "broker/rpc/shapes.h"
#include "penstock/v1/reservations.grpc.pb.h"

namespace penstock::rpc {
namespace {

using What = core::ChangeReservation::What;

constexpr int64_t kMaxListPage = 100;

/// The quote as it is now; as it was given when it is not remembered any more, or never was.
ledger::QuoteRecord QuoteNow(const core::Engine& engine, const ledger::QuoteEntry& given) {
  const ledger::QuoteRecord* record = given.id == 0 ? nullptr : engine.books().market().FindQuote(given.id);
  return record == nullptr ? ledger::QuoteRecord{.given = given} : *record;
}

/// The tenant's, or nullptr.
const ledger::QuoteRecord* FindQuote(const core::Engine& engine, const Owned& owned) {
  const ledger::QuoteRecord* record = engine.books().market().FindQuote(owned.number);
  return record != nullptr && record->given.tenant == owned.tenant ? record : nullptr;
}

const ledger::ReservationRecord* FindReservation(const core::Engine& engine, const Owned& owned) {
  if (owned.number > std::numeric_limits<uint32_t>::max()) return nullptr;
  const ledger::ReservationRecord* record =
      engine.books().market().FindReservation(static_cast<uint32_t>(owned.number));
  return record != nullptr && record->tenant == owned.tenant ? record : nullptr;
}

/// What a change made of a reservation, or would make of it; NO_CAPACITY when it cannot be had.
grpc::Status TellChange(const core::Engine& engine, const core::Outcome& outcome, bool validate_only,
                        ledger::ReservationRecord record, v1::ReservationChange* response) {
  const std::string& currency = CurrencyOf(engine, record.tariff);
  if (const auto* none = std::get_if<core::NotSellable>(&outcome)) return NoCapacity(*none, currency);
  const auto& changed = std::get<core::ReservationChanged>(outcome);
  if (validate_only) {
    const bool asks = changed.state == ledger::ReservationState::kAmending;
    if (!changed.terms.empty() && !asks) record.terms = changed.terms.front();
    if (asks) record.asked = changed.terms;
    record.state = changed.state;
  }
  Fill(engine, record, Detail::kFull, response->mutable_reservation());
  Fill(changed.charge, currency, response->mutable_charge());
  for (const ledger::ReservationCharge& charge : changed.charges) Fill(charge, currency, response->add_charges());
  response->set_repeated(changed.repeated);
  return grpc::Status::OK;
}

/// What steps, which may overlap, promise from a moment on, as steps that do not.
std::vector<ledger::RateStep> PromisedFrom(const std::vector<ledger::RateStep>& steps, Instant from) {
  std::vector<Instant> edges;
  for (const ledger::RateStep& step : steps) {
    edges.push_back(std::max(step.from, from));
    edges.push_back(std::max(step.to, from));
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<ledger::RateStep> flat;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    const WorkPerSecond rate = ledger::RateAt(steps, edges[i]);
    if (rate > WorkPerSecond()) flat.push_back({.from = edges[i], .to = edges[i + 1], .rate = rate});
  }
  market::Tidy(&flat);
  return flat;
}

class ReservationsService final : public v1::Reservations::CallbackService {
 public:
  explicit ReservationsService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  // ---- Quotes.

  grpc::ServerUnaryReactor* CreateQuote(grpc::CallbackServerContext* context, const v1::CreateQuoteRequest* request,
                                        v1::CreateQuoteResponse* response) override {
    constexpr const char* kMethod = "/penstock.v1.Reservations/CreateQuote";
    auth::Principal principal;
    TenantId tenant;
    AskedShape shape;
    core::AskQuote ask;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, kMethod, &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kRequired, principal, names(), &tenant);
    if (status.ok()) status = ReadWish(*request, tenant, names(), &ask.wish, &shape);
    if (status.ok()) status = ReadCaller(*request, kMethod, tenant, principal, &ask.caller);
    if (!status.ok()) return new ReadingCall(status);
    return NewMarketCall<core::AskQuote>(
        surroundings_.loop, std::move(ask),
        [tenant, shape](const core::Engine& engine, Instant now, core::AskQuote* asked) {
          return CheckWish(engine, tenant, now, shape, &asked->wish);
        },
        [tenant, response](const core::Engine& engine, const core::Outcome& outcome) {
          if (const auto* none = std::get_if<core::NotSellable>(&outcome)) {
            Fill(*none, engine.TariffOf(tenant).tariff.currency, response->mutable_not_sellable());
            return grpc::Status::OK;
          }
          const auto& quoted = std::get<core::Quoted>(outcome);
          Fill(engine, QuoteNow(engine, quoted.quote), Detail::kFull, response->mutable_quote());
          response->set_repeated(quoted.repeated);
          return grpc::Status::OK;
        });
  }

  grpc::ServerUnaryReactor* GetQuote(grpc::CallbackServerContext* context, const v1::GetQuoteRequest* request,
                                     v1::Quote* response) override {
    Owned owned;
    const grpc::Status status =
        Begin(*context, "/penstock.v1.Reservations/GetQuote", request->name(), kQuotes, nullptr, &owned);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop,
                           [owned, name = request->name(), response](const core::Engine& engine, uint64_t) {
                             const ledger::QuoteRecord* record = FindQuote(engine, owned);
                             if (record == nullptr) return UnknownOwned(kQuotes, name);
                             Fill(engine, *record, Detail::kFull, response);
                             return grpc::Status::OK;
                           });
  }

  grpc::ServerUnaryReactor* ListQuotes(grpc::CallbackServerContext* context, const v1::ListQuotesRequest* request,
                                       v1::ListQuotesResponse* response) override {
    TenantId tenant;
    PoolId pool;
    BackwardsPage page;
    grpc::Status status = BeginList(*context, "/penstock.v1.Reservations/ListQuotes", *request, &tenant, &pool, &page);
    if (!status.ok()) return new ReadingCall(status);
    const v1::Quote::State state = request->state();
    return new ReadingCall(surroundings_.loop, [=](const core::Engine& engine, uint64_t) {
      const ledger::MarketRecords& records = engine.books().market();
      const std::vector<uint64_t> own = tenant.value == 0 ? std::vector<uint64_t>() : records.QuotesOf(tenant);
      const auto take = [&](uint64_t number) {
        const ledger::QuoteRecord* record = records.FindQuote(number);
        if (record == nullptr || (pool.value != 0 && record->given.terms.pool != pool)) return false;
        if (state != v1::Quote::STATE_UNSPECIFIED && ToProto(record->state) != state) return false;
        Fill(engine, *record, Detail::kInList, response->add_quotes());
        return true;
      };
      response->set_next_page_token(
          WalkBackwards(tenant.value == 0 ? nullptr : &own, records.last_quote(), page, take));
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* WithdrawQuote(grpc::CallbackServerContext* context, const v1::WithdrawQuoteRequest* request,
                                          v1::Quote* response) override {
    constexpr const char* kMethod = "/penstock.v1.Reservations/WithdrawQuote";
    auth::Principal principal;
    Owned owned;
    core::WithdrawQuote withdraw;
    grpc::Status status = Begin(*context, kMethod, request->name(), kQuotes, &principal, &owned);
    if (status.ok()) status = ReadCaller(*request, kMethod, owned.tenant, principal, &withdraw.caller);
    if (!status.ok()) return new ReadingCall(status);
    withdraw.quote = owned.number;
    return NewMarketCall<core::WithdrawQuote>(surroundings_.loop, std::move(withdraw), nullptr,
                                              [owned, name = request->name(), validate_only = request->validate_only(),
                                               response](const core::Engine& engine, const core::Outcome&) {
                                                const ledger::QuoteRecord* record = FindQuote(engine, owned);
                                                if (record == nullptr) return UnknownOwned(kQuotes, name);
                                                Fill(engine, *record, Detail::kFull, response);
                                                if (validate_only) response->set_state(v1::Quote::WITHDRAWN);
                                                return grpc::Status::OK;
                                              });
  }

  grpc::ServerUnaryReactor* AcceptQuote(grpc::CallbackServerContext* context, const v1::AcceptQuoteRequest* request,
                                        v1::ReservationChange* response) override {
    constexpr const char* kMethod = "/penstock.v1.Reservations/AcceptQuote";
    auth::Principal principal;
    Owned owned;
    core::AcceptQuote accept;
    grpc::Status status = Begin(*context, kMethod, request->name(), kQuotes, &principal, &owned);
    if (status.ok()) status = ReadCaller(*request, kMethod, owned.tenant, principal, &accept.caller);
    if (!status.ok()) return new ReadingCall(status);
    accept.quote = owned.number;
    return NewMarketCall<core::AcceptQuote>(
        surroundings_.loop, std::move(accept), nullptr,
        [owned, name = request->name(), validate_only = request->validate_only(), response](
            const core::Engine& engine, const core::Outcome& outcome) {
          const auto* changed = std::get_if<core::ReservationChanged>(&outcome);
          if (changed != nullptr && changed->id != 0) {
            return TellChange(engine, outcome, validate_only, *engine.books().market().FindReservation(changed->id),
                              response);
          }
          // Nothing was bought: what it would be.
          const ledger::QuoteRecord* quote = FindQuote(engine, owned);
          if (quote == nullptr) return UnknownOwned(kQuotes, name);
          ledger::ReservationRecord record;
          record.tenant = owned.tenant;
          record.quote = owned.number;
          record.tariff = quote->given.tariff;
          record.bought_at = engine.now();
          record.terms = quote->given.terms;
          record.paid = ledger::PriceOf(record.terms.steps);
          record.unearned = record.paid;
          return TellChange(engine, outcome, validate_only, std::move(record), response);
        });
  }

  // ---- Reservations.

  grpc::ServerUnaryReactor* GetReservation(grpc::CallbackServerContext* context,
                                           const v1::GetReservationRequest* request,
                                           v1::Reservation* response) override {
    return Read(*context, "/penstock.v1.Reservations/GetReservation", request->name(),
                [response](const core::Engine& engine, const ledger::ReservationRecord& record) {
                  Fill(engine, record, Detail::kFull, response);
                });
  }

  grpc::ServerUnaryReactor* ListReservations(grpc::CallbackServerContext* context,
                                             const v1::ListReservationsRequest* request,
                                             v1::ListReservationsResponse* response) override {
    TenantId tenant;
    PoolId pool;
    BackwardsPage page;
    grpc::Status status =
        BeginList(*context, "/penstock.v1.Reservations/ListReservations", *request, &tenant, &pool, &page);
    if (!status.ok()) return new ReadingCall(status);
    const std::vector<int> states(request->states().begin(), request->states().end());
    return new ReadingCall(surroundings_.loop, [=](const core::Engine& engine, uint64_t) {
      const ledger::MarketRecords& records = engine.books().market();
      const std::vector<uint32_t> own = tenant.value == 0 ? std::vector<uint32_t>() : records.ReservationsOf(tenant);
      const auto take = [&](uint64_t number) {
        const ledger::ReservationRecord* record = records.FindReservation(static_cast<uint32_t>(number));
        if (record == nullptr || (pool.value != 0 && record->terms.pool != pool)) return false;
        const bool wanted =
            states.empty() || std::find(states.begin(), states.end(), ToProto(record->state)) != states.end();
        if (wanted) Fill(engine, *record, Detail::kInList, response->add_reservations());
        return wanted;
      };
      response->set_next_page_token(
          WalkBackwards(tenant.value == 0 ? nullptr : &own, records.last_reservation(), page, take));
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* AmendReservation(grpc::CallbackServerContext* context,
                                             const v1::AmendReservationRequest* request,
                                             v1::ReservationChange* response) override {
    std::optional<AskedShape> shape;
    const auto read = [&](TenantId, core::ChangeReservation* change) {
      grpc::Status status = ReadOverrun(request->overrun(), &change->overrun);
      if (status.ok() && !request->has_shape() && !change->overrun) {
        status = InvalidField("shape", "say what is to change: the shape, the overrun policy, or both");
      }
      if (!status.ok() || !request->has_shape()) return status;
      return ReadShape(request->shape(), "shape", &shape.emplace());
    };
    return Change(*context, "/penstock.v1.Reservations/AmendReservation", What::kAmend, *request, read,
                  Shaped{&shape, Begun::kMaybe}, response);
  }

  grpc::ServerUnaryReactor* CancelReservation(grpc::CallbackServerContext* context,
                                              const v1::CancelReservationRequest* request,
                                              v1::ReservationChange* response) override {
    return Change(*context, "/penstock.v1.Reservations/CancelReservation", What::kCancel, *request, kNothingMore, {},
                  response);
  }

  grpc::ServerUnaryReactor* SellBack(grpc::CallbackServerContext* context, const v1::SellBackRequest* request,
                                     v1::ReservationChange* response) override {
    std::optional<AskedShape> shape;
    const auto read = [&](TenantId, core::ChangeReservation*) {
      return request->has_shape() ? ReadShape(request->shape(), "shape", &shape.emplace()) : grpc::Status::OK;
    };
    return Change(*context, "/penstock.v1.Reservations/SellBack", What::kSellBack, *request, read,
                  Shaped{&shape, Begun::kNo}, response);
  }

  grpc::ServerUnaryReactor* TransferReservation(grpc::CallbackServerContext* context,
                                                const v1::TransferReservationRequest* request,
                                                v1::ReservationChange* response) override {
    const auto read = [&](TenantId tenant, core::ChangeReservation* change) {
      change->project = request->project();
      return ReadProject(request->project(), tenant, names());
    };
    return Change(*context, "/penstock.v1.Reservations/TransferReservation", What::kTransfer, *request, read, {},
                  response);
  }

  // ---- Operators.

  grpc::ServerUnaryReactor* SuspendReservation(grpc::CallbackServerContext* context,
                                               const v1::DecideReservationRequest* request,
                                               v1::ReservationChange* response) override {
    return Suspend(*context, "/penstock.v1.Reservations/SuspendReservation", What::kSuspend, *request, response);
  }

  grpc::ServerUnaryReactor* ResumeReservation(grpc::CallbackServerContext* context,
                                              const v1::DecideReservationRequest* request,
                                              v1::ReservationChange* response) override {
    return Suspend(*context, "/penstock.v1.Reservations/ResumeReservation", What::kResume, *request, response);
  }

  grpc::ServerUnaryReactor* ApproveReservation(grpc::CallbackServerContext* context,
                                               const v1::DecideReservationRequest* request,
                                               v1::ReservationChange* response) override {
    return Decide(*context, "/penstock.v1.Reservations/ApproveReservation", *request, /*approve=*/true, response);
  }

  grpc::ServerUnaryReactor* RejectReservation(grpc::CallbackServerContext* context,
                                              const v1::DecideReservationRequest* request,
                                              v1::ReservationChange* response) override {
    return Decide(*context, "/penstock.v1.Reservations/RejectReservation", *request, /*approve=*/false, response);
  }

  // ---- Proof and advice.

  grpc::ServerUnaryReactor* GetUtilisation(grpc::CallbackServerContext* context,
                                           const v1::GetUtilisationRequest* request,
                                           v1::GetUtilisationResponse* response) override {
    DeliveryPage page;
    const grpc::Status paged = ReadDeliveryPage(*request, &page);
    return Read(
        *context, "/penstock.v1.Reservations/GetUtilisation", request->name(),
        [page, response](const core::Engine& engine, const ledger::ReservationRecord& record) {
          FillUtilisation(engine, record, page, response);
        },
        paged);
  }

  grpc::ServerUnaryReactor* GetServiceLevel(grpc::CallbackServerContext* context,
                                            const v1::GetServiceLevelRequest* request,
                                            v1::GetServiceLevelResponse* response) override {
    DeliveryPage page;
    const grpc::Status paged = ReadDeliveryPage(*request, &page);
    return Read(
        *context, "/penstock.v1.Reservations/GetServiceLevel", request->name(),
        [page, response](const core::Engine& engine, const ledger::ReservationRecord& record) {
          FillServiceLevel(engine, record, page, response);
        },
        paged);
  }

  grpc::ServerUnaryReactor* RecommendReservation(grpc::CallbackServerContext* context,
                                                 const v1::RecommendReservationRequest* request,
                                                 v1::Recommendation* response) override {
    auth::Principal principal;
    AskedAdvice asked;
    grpc::Status status =
        Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Reservations/RecommendReservation", &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kRequired, principal, names(), &asked.tenant);
    if (status.ok()) status = ReadPool(request->pool(), "pool", names(), &asked.pool);
    if (status.ok() && (request->weeks() < 0 || request->weeks() > kMostAdviceWeeks)) {
      status = InvalidField("weeks", absl::StrCat("must be 1 to ", kMostAdviceWeeks, "; left out: 4"));
    }
    if (!status.ok()) return new ReadingCall(status);
    if (request->weeks() != 0) asked.weeks = request->weeks();
    return NewRecommendCall(surroundings_, asked, response);
  }

 private:
  const Names& names() const { return surroundings_.names; }

  /// Of a change, the shape that came with it; checked against the pool's terms on the loop.
  struct Shaped {
    const std::optional<AskedShape>* asked = nullptr;
    Begun begun = Begun::kNo;
  };
  static constexpr auto kNothingMore = [](TenantId, core::ChangeReservation*) { return grpc::Status::OK; };

  /// Authenticates, and reads whose thing a name means.
  grpc::Status Begin(const grpc::CallbackServerContext& context, std::string_view method, const std::string& name,
                     const OwnedKind& kind, auth::Principal* principal, Owned* owned) const {
    auth::Principal unused;
    auth::Principal& who = principal == nullptr ? unused : *principal;
    const grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &who);
    return status.ok() ? ReadOwned(name, kind, who, names(), owned) : status;
  }

  template <class Request>
  grpc::Status BeginList(const grpc::CallbackServerContext& context, std::string_view method, const Request& request,
                         TenantId* tenant, PoolId* pool, BackwardsPage* page) const {
    auth::Principal principal;
    grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &principal);
    if (status.ok()) status = ReadParent(request.parent(), Parent::kOptional, principal, names(), tenant);
    if (status.ok() && !request.pool().empty()) status = ReadPool(request.pool(), "pool", names(), pool);
    return status.ok() ? ReadBackwardsPage(request, kMaxListPage, page) : status;
  }

  /// Reads one reservation; `also` is what is wrong with the rest of the request.
  template <class FillIt>
  grpc::ServerUnaryReactor* Read(const grpc::CallbackServerContext& context, std::string_view method,
                                 const std::string& name, FillIt fill,
                                 const grpc::Status& also = grpc::Status::OK) const {
    Owned owned;
    grpc::Status status = Begin(context, method, name, kReservations, nullptr, &owned);
    if (status.ok()) status = also;
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [owned, name, fill](const core::Engine& engine, uint64_t) {
      const ledger::ReservationRecord* record = FindReservation(engine, owned);
      if (record == nullptr) return UnknownOwned(kReservations, name);
      fill(engine, *record);
      return grpc::Status::OK;
    });
  }

  /// `read` reads what this change has beside others.
  template <class Request, class ReadMore>
  grpc::ServerUnaryReactor* Change(const grpc::CallbackServerContext& context, const char* method, What what,
                                   const Request& request, const ReadMore& read, const Shaped& shaped,
                                   v1::ReservationChange* response) const {
    core::ChangeReservation change;
    auth::Principal principal;
    Owned owned;
    grpc::Status status = Begin(context, method, request.name(), kReservations, &principal, &owned);
    if (status.ok()) status = ReadEtag(request.etag(), &change.etag);
    if (status.ok()) status = read(owned.tenant, &change);
    if (status.ok()) status = ReadCaller(request, method, owned.tenant, principal, &change.caller);
    if (!status.ok()) return new ReadingCall(status);
    if (owned.number > std::numeric_limits<uint32_t>::max()) {
      return new ReadingCall(UnknownOwned(kReservations, request.name()));
    }
    change.reservation = static_cast<uint32_t>(owned.number);
    change.what = what;
    const std::optional<AskedShape> shape = shaped.asked == nullptr ? std::nullopt : *shaped.asked;
    const auto check = [owned, shape, begun = shaped.begun, name = request.name()](
                           const core::Engine& engine, Instant now, core::ChangeReservation* asked) {
      return CheckChange(engine, now, owned, name, shape, begun, asked);
    };
    return NewMarketCall<core::ChangeReservation>(surroundings_.loop, std::move(change), check,
                                                  Tell(owned, request.name(), request.validate_only(), response));
  }

  static grpc::Status CheckChange(const core::Engine& engine, Instant now, const Owned& owned, const std::string& name,
                                  std::optional<AskedShape> shape, Begun begun, core::ChangeReservation* asked) {
    const ledger::ReservationRecord* record = FindReservation(engine, owned);
    if (record == nullptr) return UnknownOwned(kReservations, name);
    if (!shape) {
      if (asked->what == What::kAmend) asked->steps = PromisedFrom(record->terms.steps, market::WholeMinute(now));
      return grpc::Status::OK;
    }
    grpc::Status status = BeginAt(now, "shape", &*shape);
    const market::PoolMarket* market = engine.MarketOf(record->terms.pool);
    if (status.ok() && market != nullptr) status = CheckSold(shape->steps, "shape", now, market->terms(), begun);
    asked->steps = std::move(shape->steps);
    asked->shape = std::move(shape->text);
    return status;
  }

  static MarketCall<core::ChangeReservation>::Tell Tell(const Owned& owned, const std::string& name, bool validate_only,
                                                        v1::ReservationChange* response) {
    return [owned, name, validate_only, response](const core::Engine& engine, const core::Outcome& outcome) {
      const ledger::ReservationRecord* record = FindReservation(engine, owned);
      if (record == nullptr) return UnknownOwned(kReservations, name);
      return TellChange(engine, outcome, validate_only, *record, response);
    };
  }

  static grpc::Status ReadReason(const std::string& reason, bool required) {
    if (reason.size() <= kMaxReasonBytes && !(required && reason.empty())) return grpc::Status::OK;
    return InvalidField("reason", absl::StrCat("must have ", required ? "1" : "0", " to ", kMaxReasonBytes, " bytes"));
  }

  grpc::ServerUnaryReactor* Suspend(const grpc::CallbackServerContext& context, const char* method, What what,
                                    const v1::DecideReservationRequest& request,
                                    v1::ReservationChange* response) const {
    const auto read = [&](TenantId, core::ChangeReservation* change) {
      change->reason = request.reason();
      return ReadReason(request.reason(), what == What::kSuspend);
    };
    return Change(context, method, what, request, read, {}, response);
  }

  grpc::ServerUnaryReactor* Decide(const grpc::CallbackServerContext& context, const char* method,
                                   const v1::DecideReservationRequest& request, bool approve,
                                   v1::ReservationChange* response) const {
    auth::Principal principal;
    Owned owned;
    core::DecideReservation decide;
    grpc::Status status = Begin(context, method, request.name(), kReservations, &principal, &owned);
    if (status.ok()) status = ReadEtag(request.etag(), &decide.etag);
    if (status.ok()) status = ReadReason(request.reason(), !approve);
    if (status.ok()) status = ReadCaller(request, method, owned.tenant, principal, &decide.caller);
    if (status.ok() && owned.number > std::numeric_limits<uint32_t>::max()) {
      status = UnknownOwned(kReservations, request.name());
    }
    if (!status.ok()) return new ReadingCall(status);
    decide.reservation = static_cast<uint32_t>(owned.number);
    decide.approve = approve;
    decide.reason = request.reason();
    return NewMarketCall<core::DecideReservation>(surroundings_.loop, std::move(decide), nullptr,
                                                  Tell(owned, request.name(), request.validate_only(), response));
  }

  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewReservationsService(const Surroundings& surroundings) {
  return std::make_unique<ReservationsService>(surroundings);
}

}  // namespace penstock::rpc
