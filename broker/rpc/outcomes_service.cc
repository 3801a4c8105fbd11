#include "broker/rpc/outcomes_service.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/billing_scope.h"
#include "broker/rpc/reading_call.h"
#include "ledger/outcome_query.h"
#include "penstock/v1/outcomes.grpc.pb.h"

namespace penstock::rpc {
namespace {

constexpr absl::string_view kReports = "outcomes/";

std::string NameOfReport(uint64_t id) { return absl::StrCat(kReports, id); }

/// What a request id stands for.
ledger::BodyDigest BodyOf(const core::ReportOutcome& report) {
  std::string body = absl::StrCat(report.reverses, ",", report.accepted, ",", report.rejected, ",",
                                  report.happened ? report.happened->nanoseconds_since_epoch() : int64_t{-1});
  const auto add = [&body](const std::string& text) { absl::StrAppend(&body, ",", text.size(), ":", text); };
  add(report.name);
  add(report.run);
  for (const auto& [key, value] : report.labels) {
    add(key);
    add(value);
  }
  return ledger::DigestOf(body);
}

grpc::Status ReadRequestId(const std::string& id, core::ReportOutcome* report) {
  if (id.empty() || id.size() > kMaxRequestIdBytes) {
    return InvalidField("request_id", absl::StrCat("must have 1 to ", kMaxRequestIdBytes, " bytes"));
  }
  report->request_id = id;
  return grpc::Status::OK;
}

grpc::Status ReadCounts(const v1::ReportOutcomeRequest& request, core::ReportOutcome* report) {
  const auto fits = [](int64_t count) { return count >= 0 && count <= ledger::kMaxOutcomesPerReport; };
  if (!fits(request.accepted())) {
    return InvalidField("accepted", absl::StrCat("must be 0 to ", ledger::kMaxOutcomesPerReport));
  }
  if (!fits(request.rejected())) {
    return InvalidField("rejected", absl::StrCat("must be 0 to ", ledger::kMaxOutcomesPerReport));
  }
  if (request.accepted() + request.rejected() == 0) {
    return InvalidField("accepted", "say how many were accepted, or rejected");
  }
  report->accepted = request.accepted();
  report->rejected = request.rejected();
  return grpc::Status::OK;
}

grpc::Status ReadWhose(const v1::ReportOutcomeRequest& request, core::ReportOutcome* report) {
  if (request.run().size() > kMaxRunBytes) return InvalidField("run", absl::StrCat("at most ", kMaxRunBytes, " bytes"));
  if (request.labels().size() > kMaxLabels) return InvalidField("labels", absl::StrCat("at most ", kMaxLabels));
  for (const auto& [key, value] : request.labels()) {
    if (key.empty() || key.size() > kMaxLabelBytes || value.size() > kMaxLabelBytes) {
      return InvalidField("labels",
                          absl::StrCat("keys and values have at most ", kMaxLabelBytes, " bytes, keys at least 1"));
    }
    report->labels.emplace_back(key, value);
  }
  std::sort(report->labels.begin(), report->labels.end());  // the order of a wire map means nothing
  report->run = request.run();
  return grpc::Status::OK;
}

grpc::Status Read(const v1::ReportOutcomeRequest& request, core::ReportOutcome* report) {
  grpc::Status status = ReadRequestId(request.request_id(), report);
  if (request.outcome().empty() || request.outcome().size() > kMaxNameBytes) {
    if (status.ok()) status = InvalidField("outcome", absl::StrCat("must have 1 to ", kMaxNameBytes, " bytes"));
  }
  report->name = request.outcome();
  if (status.ok()) status = ReadCounts(request, report);
  if (status.ok()) status = ReadWhose(request, report);
  if (!status.ok() || !request.has_happened()) return status;
  report->happened = FromProto(request.happened());
  return report->happened ? status : InvalidField("happened", "is not a moment this side of the year 2262");
}

grpc::Status Read(const v1::ReverseOutcomeRequest& request, core::ReportOutcome* report) {
  absl::string_view number = request.report();
  if (!absl::ConsumePrefix(&number, kReports) || !absl::SimpleAtoi(number, &report->reverses) ||
      report->reverses == 0 || NameOfReport(report->reverses) != request.report()) {
    return InvalidField("report", "must be outcomes/{number}, as ReportOutcome answered it");
  }
  return ReadRequestId(request.request_id(), report);
}

void Fill(const core::OutcomeReported& reported, const Names& names, v1::OutcomeReport* out) {
  const ledger::OutcomeReport& report = reported.report;
  out->set_name(NameOfReport(report.id));
  out->set_tenant(names.NameOf(report.tenant));
  out->set_outcome(reported.name);
  out->set_accepted(report.count.accepted);
  out->set_rejected(report.count.rejected);
  ToProto(report.happened, out->mutable_happened());
  if (report.reverses != 0) out->set_reverses(NameOfReport(report.reverses));
  if (report.reversed_by != 0) out->set_reversed_by(NameOfReport(report.reversed_by));
  out->set_repeated(reported.repeated);
  out->set_sequence(reported.sequence);
}

class ReportCall final : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  ReportCall(const Surroundings& surroundings, core::ReportOutcome report, v1::OutcomeReport* response)
      : names_(surroundings.names), response_(response) {
    const core::Ticket ticket = report.ticket = surroundings.loop.NewTicket();
    if (!surroundings.loop.Submit(std::move(report), ticket, this)) Finish(Overloaded());
  }
  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    Fill(std::get<core::OutcomeReported>(outcome), names_, response_);
    Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  const Names& names_;
  v1::OutcomeReport* const response_;
};

void Fill(const ledger::OutcomeGroup& group, const ledger::OutcomeUsage& of, const ledger::Books& books,
          const std::string& currency, v1::OutcomeRow* row) {
  row->set_outcome(books.outcomes().NameOf(group.name).name);
  row->set_value(group.value);
  row->set_accepted(of.count.accepted);
  row->set_rejected(of.count.rejected);
  row->set_attributed(of.attributed);
  row->set_requests(of.usage.requests);
  ToProto(of.usage.tokens, row->mutable_tokens());
  row->set_work_milli_nt(of.usage.work.count());
  row->mutable_charge()->set_currency(currency);
  row->mutable_charge()->set_amount(of.usage.charge.ToDecimal());
  if (of.attributed == 0) return;
  const ledger::PicoCount each = of.usage.charge.pico() / of.attributed;
  row->mutable_charge_per_outcome()->set_currency(currency);
  row->mutable_charge_per_outcome()->set_amount(ledger::Money::FromPico(each).ToDecimal());
  row->set_tokens_per_outcome(Total(of.usage.tokens).count() / of.attributed);
}

class OutcomesService final : public v1::Outcomes::CallbackService {
 public:
  explicit OutcomesService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  grpc::ServerUnaryReactor* ReportOutcome(grpc::CallbackServerContext* context, const v1::ReportOutcomeRequest* request,
                                          v1::OutcomeReport* response) override {
    return Report(*context, "/penstock.v1.Outcomes/ReportOutcome", *request, response);
  }

  grpc::ServerUnaryReactor* ReverseOutcome(grpc::CallbackServerContext* context,
                                           const v1::ReverseOutcomeRequest* request,
                                           v1::OutcomeReport* response) override {
    return Report(*context, "/penstock.v1.Outcomes/ReverseOutcome", *request, response);
  }

  grpc::ServerUnaryReactor* QueryOutcomes(grpc::CallbackServerContext* context, const v1::QueryOutcomesRequest* request,
                                          v1::QueryOutcomesResponse* response) override {
    auth::Principal principal;
    BillingScope scope;
    int64_t skip = 0;
    int64_t count = 0;
    grpc::Status status =
        Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Outcomes/QueryOutcomes", &principal);
    if (status.ok()) status = ReadScope(*request, principal, surroundings_.names, &scope);
    if (status.ok()) status = ReadPage(*request, &skip, &count);
    if (status.ok() && request->label().size() > kMaxLabelBytes) {
      status = InvalidField("label", "is longer than a label key may be");
    }
    if (!status.ok()) return new ReadingCall(status);
    const auto fold = std::make_shared<ledger::OutcomeFold>(
        ledger::OutcomeQuery{scope.tenant, scope.from, scope.to, request->label()});
    return new SlicedCall(surroundings_.loop, [fold, tenant = scope.tenant, skip, count, response](const core::Engine& engine) {
      if (response->as_of_sequence() == 0) response->set_as_of_sequence(engine.ledger().posted_sequence());
      if (!fold->Step(engine.books(), kRowsPerSlice)) return false;
      int64_t seen = 0;
      for (const auto& [group, usage] : fold->groups()) {
        if (seen >= skip && seen - skip < count) {
          Fill(group, usage, engine.books(), engine.TariffAt(tenant, engine.now()).tariff.currency, response->add_rows());
        }
        ++seen;
      }
      if (seen - skip > count) response->set_next_page_token(absl::StrCat(skip + count));
      return true;
    });
  }

 private:
  template <class Request>
  grpc::ServerUnaryReactor* Report(const grpc::CallbackServerContext& context, std::string_view method,
                                   const Request& request, v1::OutcomeReport* response) {
    auth::Principal principal;
    BillingScope scope;
    core::ReportOutcome report;
    grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &principal);
    if (status.ok()) status = ReadTenant(request.tenant(), principal, surroundings_.names, &scope);
    if (status.ok()) status = Read(request, &report);
    if (!status.ok()) return new ReadingCall(status);
    report.tenant = scope.tenant;
    report.body = BodyOf(report);
    return new ReportCall(surroundings_, std::move(report), response);
  }

  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewOutcomesService(const Surroundings& surroundings) {
  return std::make_unique<OutcomesService>(surroundings);
}

}  // namespace penstock::rpc
