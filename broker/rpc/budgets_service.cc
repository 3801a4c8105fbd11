#include "broker/rpc/budgets_service.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "broker/planning/run_out.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/budget_words.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/reading_call.h"
#include "penstock/v1/budgets.grpc.pb.h"

namespace penstock::rpc {
namespace {

constexpr int64_t kMaxBudgetsPage = 100;
constexpr int64_t kMaxPage = 1'000;
/// A page of budgets ends after so many tenants, projects and keys, or meter rows: what a read may take of the loop.
constexpr int64_t kMostSubjects = 20'000;
constexpr int64_t kMostRows = 20'000;
const ledger::Money kMostMore = ledger::Money::FromPico(1'000'000'000'000) * 1'000'000'000;  // 10^9 units

v1::BudgetPeriod OnTheWire(ledger::BudgetPeriod period) {
  switch (period) {
    case ledger::BudgetPeriod::kDay:
      return v1::BUDGET_PERIOD_DAY;
    case ledger::BudgetPeriod::kMonth:
      return v1::BUDGET_PERIOD_MONTH;
    case ledger::BudgetPeriod::kTotal:
      break;
  }
  return v1::BUDGET_PERIOD_TOTAL;
}

std::optional<ledger::BudgetPeriod> OffTheWire(v1::BudgetPeriod period) {
  switch (period) {
    case v1::BUDGET_PERIOD_DAY:
      return ledger::BudgetPeriod::kDay;
    case v1::BUDGET_PERIOD_MONTH:
      return ledger::BudgetPeriod::kMonth;
    case v1::BUDGET_PERIOD_TOTAL:
      return ledger::BudgetPeriod::kTotal;
    default:
      return std::nullopt;
  }
}

void Fill(const ledger::Money& amount, const core::Engine& engine, TenantId tenant, v1::Money* out) {
  out->set_currency(engine.TariffAt(tenant, engine.now()).tariff.currency);
  out->set_amount(amount.ToDecimal());
}

/// A page of something numbered: how many, and where it begins (the token).
struct Page {
  int64_t size = 0;
  uint64_t from = 0;  // 0: no token
};

template <class Request>
grpc::Status ReadPage(const Request& request, int64_t most, Page* page) {
  if (request.page_size() < 0 || request.page_size() > most) {
    return InvalidField("page_size", absl::StrCat("must be 0 to ", most));
  }
  page->size = request.page_size() == 0 ? most : request.page_size();
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &page->from)) {
    return InvalidField("page_token", "is not one that this service gave");
  }
  return grpc::Status::OK;
}

/// The tenant that a list is about; 0: all.
template <class Request>
grpc::Status ReadTenant(const Request& request, const auth::Principal& principal, const Names& names,
                        TenantId* tenant) {
  const std::string own = "tenants/" + principal.tenant;
  const bool is_tenant = principal.role == auth::Role::kTenant;
  const std::string& name = is_tenant && request.tenant().empty() ? own : request.tenant();
  if (is_tenant && name != own) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "tenant", "a tenant sees only itself: leave it out"});
  }
  if (name.empty()) return grpc::Status::OK;
  const std::optional<TenantId> found = names.Tenant(name);
  if (!found) {
    return ErrorStatus(grpc::StatusCode::NOT_FOUND, "UNKNOWN_TENANT",
                       "tenant: there is no '" + name.substr(0, 160) + "'; the form is tenants/{tenant}");
  }
  *tenant = *found;
  return grpc::Status::OK;
}

// ---- budgets

/// Every tenant, then every project, then every key, under one number.
class Subjects {
 public:
  explicit Subjects(const ledger::Books& books) : books_(books) {}
  uint64_t count() const { return Count(kTenants) + Count(kProjects) + Count(kKeys); }
  ledger::BudgetOf At(uint64_t place) const {
    ledger::BudgetOf of;
    if (place < Count(kTenants)) {
      of.tenant = TenantId{static_cast<uint32_t>(place + 1)};
      return of;
    }
    place -= Count(kTenants);
    const bool is_project = place < Count(kProjects);
    if (!is_project) place -= Count(kProjects);
    of.scope = is_project ? ledger::BudgetScope::kProject : ledger::BudgetScope::kKey;
    of.subject = static_cast<uint32_t>(place + 1);
    of.tenant = TenantId{books_.NameOf(is_project ? kProjects : kKeys, of.subject).owner};
    return of;
  }

 private:
  static constexpr ledger::NameKind kTenants = ledger::NameKind::kTenant;
  static constexpr ledger::NameKind kProjects = ledger::NameKind::kProject;
  static constexpr ledger::NameKind kKeys = ledger::NameKind::kKey;
  uint64_t Count(ledger::NameKind kind) const { return books_.CountOf(kind); }
  const ledger::Books& books_;
};

/// Charges of the last full hours, oldest first, of a tenant, project or key. Counts the rows it looked at.
std::vector<ledger::Money> LastHours(const ledger::Books& books, const ledger::BudgetOf& of, Instant now,
                                     int64_t* rows) {
  const Instant this_hour = WindowStart(now, Hours(1));
  const Instant from = this_hour - Hours(static_cast<int64_t>(planning::kHoursOfHistory));
  std::vector<ledger::Money> hours(planning::kHoursOfHistory);
  bool is_older = false;
  const auto& buckets = books.meters().buckets();
  ledger::BucketKey begin{.tenant = of.tenant};
  const bool of_key = of.scope == ledger::BudgetScope::kKey;
  if (of_key) begin.key = KeyId{of.subject};
  for (auto next = buckets.lower_bound(begin); next != buckets.end(); ++*rows) {
    ledger::BucketKey at = next->first;
    if (at.tenant != of.tenant || (of_key && at.key.value != of.subject)) break;
    const bool is_other = of.scope == ledger::BudgetScope::kProject && books.ProjectOf(at.key).value != of.subject;
    if (is_other || at.hour < from) {
      is_older = is_older || !is_other;
      at.hour = is_other ? Instant::Max() : from;
      next = buckets.lower_bound(at);
      continue;
    }
    if (at.hour < this_hour)
      hours[static_cast<size_t>((at.hour - from).count() / Hours(1).count())] += next->second.charge;
    ++next;
  }
  const auto first = std::find_if(hours.begin(), hours.end(), [](const ledger::Money& m) { return !m.IsZero(); });
  if (!is_older) hours.erase(hours.begin(), first);
  return hours;
}

void FillBudgets(const core::Engine& engine, const ledger::BudgetOf& of, const core::Budgets& budgets, int64_t* rows,
                 v1::ListBudgetsResponse* response) {
  const Instant now = engine.now();
  const std::vector<ledger::Money> hours = LastHours(engine.books(), of, now, rows);
  for (const core::Budgets::Standing& standing : budgets.Standings(now)) {
    v1::Budget* out = response->add_budgets();
    out->set_of(NameOf(of, engine.books()));
    out->set_period(OnTheWire(standing.terms->period));
    out->set_soft(standing.terms->soft);
    Fill(standing.amount, engine, of.tenant, out->mutable_amount());
    Fill(standing.spent, engine, of.tenant, out->mutable_spent());
    Fill(standing.held, engine, of.tenant, out->mutable_held());
    Fill(standing.left(), engine, of.tenant, out->mutable_left());
    const Instant end = core::NextPeriod(standing.terms->period, now);
    if (end != Instant::Max()) ToProto(end, out->mutable_period_end());
    if (const auto runs_out = planning::RunsOut(hours, standing.amount - standing.spent, now, end)) {
      ToProto(*runs_out, out->mutable_runs_out());
    }
  }
}

void FillPage(const core::Engine& engine, TenantId tenant, const Page& page, v1::ListBudgetsResponse* response) {
  const Subjects subjects(engine.books());
  const core::AccountState& accounts = engine.accounts();
  int64_t rows = 0;
  uint64_t place = page.from;
  for (int64_t seen = 0; place < subjects.count(); ++place, ++seen) {
    if (response->budgets_size() >= page.size || seen >= kMostSubjects || rows >= kMostRows) break;
    const ledger::BudgetOf of = subjects.At(place);
    if (tenant.value != 0 && of.tenant != tenant) continue;
    const bool is_key = of.scope == ledger::BudgetScope::kKey;
    const bool in_force =
        accounts.FindTenant(of.tenant) != nullptr && (!is_key || accounts.FindKey(KeyId{of.subject}) != nullptr);
    const core::Budgets* budgets = in_force ? accounts.BudgetsOf(of) : nullptr;
    if (budgets != nullptr && !budgets->empty()) FillBudgets(engine, of, *budgets, &rows, response);
  }
  if (place < subjects.count()) response->set_next_page_token(absl::StrCat(place));
  response->set_as_of_sequence(engine.ledger().posted_sequence());
}

// ---- alerts

void Fill(const core::Engine& engine, uint64_t number, v1::Alert* out) {
  const ledger::AlertEntry& alert = engine.books().budget_records().AlertOf(number);
  out->set_name(absl::StrCat("alerts/", number));
  ToProto(alert.at, out->mutable_at());
  out->set_of(NameOf(alert.budget, engine.books()));
  out->set_period(OnTheWire(alert.budget.period));
  out->set_in(PeriodText(alert.budget));
  out->set_threshold_percent(alert.threshold);
  Fill(alert.spent, engine, alert.budget.tenant, out->mutable_spent());
  Fill(alert.amount, engine, alert.budget.tenant, out->mutable_amount());
}

void FillPage(const core::Engine& engine, TenantId tenant, const Page& page, v1::ListAlertsResponse* response) {
  const ledger::BudgetRecords& records = engine.books().budget_records();
  uint64_t next = page.from == 0 ? records.alerts_end() : std::min(page.from, records.alerts_end());
  for (; next > records.alerts_begin() && response->alerts_size() < page.size; --next) {
    const bool wanted = tenant.value == 0 || records.AlertOf(next - 1).budget.tenant == tenant;
    if (wanted) Fill(engine, next - 1, response->add_alerts());
  }
  if (next > records.alerts_begin()) response->set_next_page_token(absl::StrCat(next));
  response->set_as_of_sequence(engine.ledger().posted_sequence());
}

// ---- raises

void Fill(const core::Engine& engine, const ledger::Raise& raise, v1::Raise* out) {
  const ledger::BudgetRaiseEntry& asked = raise.asked;
  out->set_name(absl::StrCat("raises/", asked.id));
  out->set_state(!raise.decided ? v1::Raise::OPEN : raise.approved() ? v1::Raise::APPROVED : v1::Raise::REJECTED);
  out->set_of(NameOf(asked.budget, engine.books()));
  out->set_period(OnTheWire(asked.budget.period));
  out->set_in(PeriodText(asked.budget));
  out->set_for_good(asked.for_good);
  out->set_reason(asked.reason);
  out->set_asked_by(asked.by);
  ToProto(asked.at, out->mutable_asked_at());
  Fill(asked.more, engine, asked.budget.tenant, out->mutable_more());
  Fill(raise.decided ? raise.decided->from : asked.from, engine, asked.budget.tenant, out->mutable_from());
  Fill(raise.decided ? raise.decided->to : asked.from + asked.more, engine, asked.budget.tenant, out->mutable_to());
  if (!raise.decided) return;
  out->set_decided_by(raise.decided->by);
  ToProto(raise.decided->at, out->mutable_decided_at());
}

void FillPage(const core::Engine& engine, TenantId tenant, bool open_only, const Page& page,
              v1::ListRaisesResponse* response) {
  const std::vector<ledger::Raise>& raises = engine.books().budget_records().raises();
  uint64_t next = page.from == 0 ? raises.size() : std::min<uint64_t>(page.from, raises.size());
  for (; next > 0 && response->raises_size() < page.size; --next) {
    const ledger::Raise& raise = raises[next - 1];
    const bool wanted = tenant.value == 0 || raise.asked.budget.tenant == tenant;
    if (wanted && !(open_only && raise.decided)) Fill(engine, raise, response->add_raises());
  }
  if (next > 0) response->set_next_page_token(absl::StrCat(next));
}

/// Whose budget a resource name means.
std::optional<ledger::BudgetOf> ReadOf(const std::string& name, const Names& names) {
  ledger::BudgetOf of;
  if (const auto key = names.Key(name)) {
    of.scope = ledger::BudgetScope::kKey;
    of.tenant = key->first;
    of.subject = key->second.value;
    return of;
  }
  if (const auto project = names.Project(name)) {
    of.scope = ledger::BudgetScope::kProject;
    of.tenant = project->first;
    of.subject = project->second.value;
    return of;
  }
  const std::optional<TenantId> tenant = names.Tenant(name);
  if (!tenant) return std::nullopt;
  of.tenant = *tenant;
  return of;
}

grpc::Status ReadWish(const v1::RequestRaiseRequest& request, const auth::Principal& principal, const Names& names,
                      core::AskRaise* ask) {
  if (request.of().empty()) return InvalidField("of", "is required: whose budget it is");
  const std::optional<ledger::BudgetOf> of = ReadOf(request.of(), names);
  const bool is_tenant = principal.role == auth::Role::kTenant;
  if (is_tenant && (!of || names.Tenant("tenants/" + principal.tenant) != of->tenant)) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "of", "a tenant asks for budgets of its own only"});
  }
  if (!of) {
    return ToStatus({core::ErrorReason::kUnknownBudget, "of",
                     "there is no '" + request.of().substr(0, 160) +
                         "'; the forms are tenants/{tenant}, tenants/{tenant}/projects/{project} and "
                         "tenants/{tenant}/keys/{key}"});
  }
  ask->budget = *of;
  const auto period = OffTheWire(request.period());
  if (!period) return InvalidField("period", "is required: DAY, MONTH or TOTAL");
  ask->budget.period = *period;
  ask->is_total = !request.total().empty();
  if (ask->is_total == !request.more().empty()) return InvalidField("more", "give either `more` or `total`");
  const char* const field = ask->is_total ? "total" : "more";
  const auto amount = ledger::Money::FromDecimal(ask->is_total ? request.total() : request.more());
  if (!amount || *amount <= ledger::Money() || *amount > kMostMore) {
    return InvalidField(field, "must be a positive decimal number of currency units, for example 250.00");
  }
  ask->amount = *amount;
  if (request.reason().empty() || request.reason().size() > kMaxReasonBytes) {
    return InvalidField("reason", absl::StrCat("must have 1 to ", kMaxReasonBytes, " bytes"));
  }
  ask->reason = request.reason();
  ask->for_good = request.for_good();
  ask->by = principal.id;
  return grpc::Status::OK;
}

/// Asks for a raise or decides about one, and answers with the request as it is then.
class RaiseCall final : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  template <class Command>
  RaiseCall(daemon::CommandLoop& loop, Command command, v1::Raise* response) : loop_(loop), response_(response) {
    command.ticket = loop.NewTicket();
    const core::Ticket ticket = command.ticket;
    if (!loop.Submit(std::move(command), ticket, this)) Finish(Overloaded());
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    const auto* asked = std::get_if<core::RaiseAsked>(&outcome);
    const uint32_t id = asked != nullptr ? asked->id : std::get<core::RaiseDecided>(outcome).id;
    const bool queued = loop_.Ask([this, id](const core::Engine& engine, uint64_t) {
      Fill(engine, engine.books().budget_records().raises()[id - 1], response_);
      Finish(grpc::Status::OK);
    });
    if (!queued) Finish(Overloaded());
  }

  void OnDone() override { delete this; }

 private:
  daemon::CommandLoop& loop_;
  v1::Raise* const response_;
};

class BudgetsService final : public v1::Budgets::CallbackService {
 public:
  explicit BudgetsService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  grpc::ServerUnaryReactor* ListBudgets(grpc::CallbackServerContext* context, const v1::ListBudgetsRequest* request,
                                        v1::ListBudgetsResponse* response) override {
    TenantId tenant;
    Page page;
    const auto status = Begin(*context, "/penstock.v1.Budgets/ListBudgets", *request, kMaxBudgetsPage, &tenant, &page);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [tenant, page, response](const core::Engine& engine, uint64_t) {
      FillPage(engine, tenant, page, response);
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* ListAlerts(grpc::CallbackServerContext* context, const v1::ListAlertsRequest* request,
                                       v1::ListAlertsResponse* response) override {
    TenantId tenant;
    Page page;
    const auto status = Begin(*context, "/penstock.v1.Budgets/ListAlerts", *request, kMaxPage, &tenant, &page);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [tenant, page, response](const core::Engine& engine, uint64_t) {
      FillPage(engine, tenant, page, response);
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* ListRaises(grpc::CallbackServerContext* context, const v1::ListRaisesRequest* request,
                                       v1::ListRaisesResponse* response) override {
    TenantId tenant;
    Page page;
    const auto status = Begin(*context, "/penstock.v1.Budgets/ListRaises", *request, kMaxPage, &tenant, &page);
    if (!status.ok()) return new ReadingCall(status);
    const bool open_only = request->open_only();
    return new ReadingCall(surroundings_.loop, [=](const core::Engine& engine, uint64_t) {
      FillPage(engine, tenant, open_only, page, response);
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* RequestRaise(grpc::CallbackServerContext* context, const v1::RequestRaiseRequest* request,
                                         v1::Raise* response) override {
    auth::Principal principal;
    grpc::Status status =
        Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Budgets/RequestRaise", &principal);
    core::AskRaise ask;
    if (status.ok()) status = ReadWish(*request, principal, surroundings_.names, &ask);
    if (!status.ok()) return new ReadingCall(status);
    return new RaiseCall(surroundings_.loop, std::move(ask), response);
  }

  grpc::ServerUnaryReactor* ApproveRaise(grpc::CallbackServerContext* context, const v1::DecideRaiseRequest* request,
                                         v1::Raise* response) override {
    return Decide(*context, "/penstock.v1.Budgets/ApproveRaise", *request, /*approve=*/true, response);
  }

  grpc::ServerUnaryReactor* RejectRaise(grpc::CallbackServerContext* context, const v1::DecideRaiseRequest* request,
                                        v1::Raise* response) override {
    return Decide(*context, "/penstock.v1.Budgets/RejectRaise", *request, /*approve=*/false, response);
  }

 private:
  template <class Request>
  grpc::Status Begin(const grpc::CallbackServerContext& context, std::string_view method, const Request& request,
                     int64_t most, TenantId* tenant, Page* page) const {
    auth::Principal principal;
    grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &principal);
    if (status.ok()) status = ReadTenant(request, principal, surroundings_.names, tenant);
    return status.ok() ? ReadPage(request, most, page) : status;
  }

  grpc::ServerUnaryReactor* Decide(const grpc::CallbackServerContext& context, std::string_view method,
                                   const v1::DecideRaiseRequest& request, bool approve, v1::Raise* response) const {
    auth::Principal principal;
    const grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &principal);
    if (!status.ok()) return new ReadingCall(status);
    core::DecideRaise decide;
    absl::string_view number = request.name();
    if (!absl::ConsumePrefix(&number, "raises/") || !absl::SimpleAtoi(number, &decide.id)) {
      return new ReadingCall(InvalidField("name", "must be of the form raises/{number}"));
    }
    decide.approve = approve;
    decide.by = principal.id;
    return new RaiseCall(surroundings_.loop, std::move(decide), response);
  }

  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewBudgetsService(const Surroundings& surroundings) {
  return std::make_unique<BudgetsService>(surroundings);
}

}  // namespace penstock::rpc
