// penstock admit, progress, complete: one request by hand.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/admission.grpc.pb.h"

namespace penstock::cli {
namespace {

using google::protobuf::RepeatedPtrField;

struct AdmitFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string key;
  std::vector<std::string> pools;
  int64_t input = 0;
  std::vector<std::string> kinds;
  bool estimated = false;
  int64_t max_output = 0;
  std::string max_wait = "0s";
  std::string service_class;
  std::string run;
  int64_t depth = 0;
  std::string content_digest;
  std::vector<std::string> labels;
  std::string request_id;
  bool validate_only = false;
  bool explain = false;
};

struct TokenReportFlags {  // of progress and complete
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string grant;
  std::vector<std::string> tokens;
  std::string outcome = "succeeded";
  std::string first_token_time;
  std::string end_time;
};

// ---- Requests.

void AddCounts(const std::vector<std::string>& texts, bool estimated, RepeatedPtrField<v1::TokenCount>& counts) {
  for (const std::string& text : texts) {
    KindCount read = *ParseKindCount(text);  // checked by IsKindCount
    v1::TokenCount& count = *counts.Add();
    count.set_kind(std::move(read.kind));
    count.set_tokens(read.tokens);
    count.set_estimated(estimated);
  }
}

v1::ServiceClass ClassNamed(const std::string& word) {
  if (word == "flex") return v1::SERVICE_CLASS_FLEX;
  if (word == "default") return v1::SERVICE_CLASS_DEFAULT;
  if (word == "priority") return v1::SERVICE_CLASS_PRIORITY;
  return v1::SERVICE_CLASS_UNSPECIFIED;
}

v1::CompleteRequest::Outcome OutcomeNamed(const std::string& word) {
  if (word == "failed") return v1::CompleteRequest::FAILED;
  if (word == "cancelled") return v1::CompleteRequest::CANCELLED;
  return v1::CompleteRequest::SUCCEEDED;
}

v1::AdmitRequest ToRequest(const AdmitFlags& flags) {
  v1::AdmitRequest request;
  request.set_request_id(flags.request_id.empty() ? RandomId() : flags.request_id);
  request.set_key(flags.key);
  for (const std::string& pool : flags.pools) request.add_pools(InCollection("pools", pool));
  if (flags.input > 0) AddCounts({absl::StrCat("input=", flags.input)}, flags.estimated, *request.mutable_input());
  AddCounts(flags.kinds, flags.estimated, *request.mutable_input());
  request.set_max_output_tokens(flags.max_output);
  *request.mutable_max_wait() = *ParseSpan(flags.max_wait);  // checked by IsSpan
  request.set_service_class(ClassNamed(flags.service_class));
  request.set_run(flags.run);
  for (const std::string& text : flags.labels) {
    const Label label = *ParseLabel(text);  // checked by IsLabel
    (*request.mutable_labels())[label.key] = label.value;
  }
  request.set_depth(flags.depth);
  request.set_content_digest(flags.content_digest);
  request.set_validate_only(flags.validate_only);
  request.set_explain(flags.explain);
  return request;
}

// ---- Answers.

std::string InMoney(const v1::Money& money) {
  return Grouped(std::string_view(money.amount())) + " " + money.currency();
}

std::string PriceList(const v1::Grant& grant) {
  if (grant.prices().empty()) return absl::StrCat("free of charge (tariff ", grant.tariff_version(), ")");
  std::vector<std::string> prices;
  for (const v1::TokenPrice& price : grant.prices()) {
    prices.push_back(absl::StrCat(price.kind(), " ", Millionths(price.micros_per_million_tokens())));
  }
  return absl::StrCat(absl::StrJoin(prices, ", "), " ", grant.currency(), " per million tokens (tariff ",
                      grant.tariff_version(), ")");
}

// The input as it was asked for and a guess that the reader replaces: the command can be pasted.
std::string NextCommand(const AdmitFlags& flags, const v1::AdmitRequest& request, const v1::Grant& grant) {
  std::string command = "penstock complete" + flags.connection.AsArguments() + " " + grant.name();
  for (const v1::TokenCount& count : request.input()) {
    absl::StrAppend(&command, " --tokens ", count.kind(), "=", count.tokens());
  }
  return absl::StrCat(command, " --tokens output=", grant.output_cap(), " --outcome succeeded");
}

void Print(const v1::Duplicate& duplicate, Sheet& sheet) {
  sheet.Add("identical request", duplicate.in_flight()
                                     ? "is in flight"
                                     : absl::StrCat("finished ", Span(duplicate.finished_ago()), " before"));
}

void Print(const AdmitFlags& flags, const v1::AdmitRequest& request, const v1::Grant& grant, Sheet& sheet) {
  sheet.Add("granted", grant.name());
  sheet.Add("request id", request.request_id());
  sheet.Add("pool", grant.pool());
  sheet.Add("served as", Word(*v1::ServiceClass_descriptor(), grant.served()));
  sheet.Add("waited", Span(grant.waited()));
  sheet.Add("output cap", Grouped(grant.output_cap()) + " tokens");
  sheet.Add("costs at most", InMoney(grant.hold()));
  sheet.Add("prices", PriceList(grant));
  sheet.Add("lease until", Moment(grant.lease_deadline()));
  sheet.Add("settle until", Moment(grant.settle_deadline()));
  if (grant.has_duplicate()) Print(grant.duplicate(), sheet);
  sheet.Add("next", NextCommand(flags, request, grant));
}

void Print(const v1::Refusal& refusal, Sheet& sheet) {
  const bool yours = refusal.whose() == v1::Refusal::YOURS;
  sheet.Add("refused", Word(*v1::Refusal::Reason_descriptor(), refusal.reason()));
  sheet.Add("whose limit", yours ? "yours (HTTP 429)" : "the pool's (HTTP 503)");
  if (!refusal.limit().empty()) sheet.Add("limit", refusal.limit());
  if (refusal.has_retry_after()) sheet.Add("retry after", Span(refusal.retry_after()));
  sheet.Add("because", refusal.message());
}

void Print(const v1::Forecast& forecast, Sheet& sheet) {
  sheet.Add("would be admitted to", forecast.pool());
  sheet.Add("served as", Word(*v1::ServiceClass_descriptor(), forecast.service_class()));
  sheet.Add("after", Span(forecast.wait()));
  sheet.Add("expected cost", InMoney(forecast.expected_cost()));
  sheet.Add("costs at most", InMoney(forecast.max_cost()));
  sheet.Add("tariff", forecast.tariff_version());
}

void Print(const v1::Explanation& explanation, Sheet& sheet) {
  sheet.Add("estimated work", Normalized(explanation.estimated_work_milli_nt()) + " nt");
  sheet.Add("predicted output", Grouped(explanation.predicted_output_tokens()) + " tokens");
  sheet.Add("line", absl::StrCat(explanation.position(), " of its class waiting before it"));
  sheet.Add("forecast",
            absl::StrCat(Span(explanation.forecast_wait()), "; nine of ten wait ",
                         Span(explanation.forecast_wait_low()), " to ", Span(explanation.forecast_wait_high())));
  if (explanation.promised()) sheet.Add("place", "promised when it was sent away before");
  if (explanation.gate() != v1::Explanation::GATE_UNSPECIFIED) {
    sheet.Add("in its way", Word(*v1::Explanation::Gate_descriptor(), explanation.gate()));
  }
  std::vector<std::string> candidates;
  for (const int candidate : explanation.candidates()) {
    candidates.push_back(Word(*v1::Explanation::Candidate_descriptor(), candidate));
  }
  if (candidates.size() > 1) sheet.Add("candidate pools", absl::StrJoin(candidates, ", "));
  if (explanation.contract() != 0) {
    sheet.Add("contract",
              absl::StrCat(explanation.contract(), ", eligible since ", Moment(explanation.eligible_since()),
                           ", deadline ", Moment(explanation.contract_deadline())));
  } else if (explanation.tenant_virtual_time() != 0 || explanation.tenant_tag() != 0) {
    const auto level = [&](const char* name, int64_t tag, int64_t time) {
      sheet.Add(name, absl::StrCat("start tag ", tag, ", virtual time ", time));
    };
    level("fair queue: class", explanation.class_tag(), explanation.class_virtual_time());
    level("fair queue: tenant", explanation.tenant_tag(), explanation.tenant_virtual_time());
    level("fair queue: key", explanation.key_tag(), explanation.key_virtual_time());
  }
  if (explanation.by_floor()) sheet.Add("floor", "its class was below its floor");
}

int PrintAdmission(const AdmitFlags& flags, const v1::AdmitRequest& request, const v1::AdmitResponse& response,
                   Terminal& terminal) {
  if (flags.output == Output::kJson) {
    nlohmann::ordered_json json = {{"request_id", request.request_id()}};
    json.update(ToJson(response));
    terminal.out << Printed(json);
  } else {
    Sheet sheet;
    if (response.has_grant()) Print(flags, request, response.grant(), sheet);
    if (response.has_refusal()) Print(response.refusal(), sheet);
    if (response.has_forecast()) Print(response.forecast(), sheet);
    if (response.has_explanation()) Print(response.explanation(), sheet);
    terminal.out << sheet.Render(terminal.colour);
  }
  return response.has_refusal() ? kRefused : kOk;
}

// ---- Commands.

int RunAdmit(const AdmitFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);

  const v1::AdmitRequest request = ToRequest(flags);
  v1::AdmitResponse response;
  const absl::Duration wait =
      absl::Seconds(request.max_wait().seconds()) + absl::Nanoseconds(request.max_wait().nanos());
  const auto error = daemon.Call(wait + kPromptly, [&](grpc::ClientContext& context) {
    return v1::Admission::NewStub(daemon.channel())->Admit(&context, request, &response);
  });
  if (error) return Report(*error, flags.output, terminal);
  if (response.decision_case() == v1::AdmitResponse::DECISION_NOT_SET) {
    const char* advice = "use the penstock that belongs to this daemon";
    return Report(LocalError(kInternal, "an answer that this program does not understand", advice), flags.output,
                  terminal);
  }
  return PrintAdmission(flags, request, response, terminal);
}

struct ExplainFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string grant;
  std::string request_id;
  std::string tenant;
};

std::string RenderDecision(const v1::Decision& decision, bool colour) {
  Sheet sheet;
  const bool granted = !decision.grant().empty();
  sheet.Add("decision", granted ? "granted" : "refused");
  sheet.Add("key", decision.key());
  if (!decision.pool().empty()) sheet.Add("pool", decision.pool());
  sheet.Add("stood as", Word(*v1::ServiceClass_descriptor(), decision.stood_as()));
  sheet.Add("came", Moment(decision.came()));
  sheet.Add("waited", Span(decision.waited()));
  if (granted) {
    sheet.Add("served as", Word(*v1::ServiceClass_descriptor(), decision.served()));
    sheet.Add("output cap", Grouped(decision.output_cap()) + " tokens");
    if (!decision.capped_by().empty()) sheet.Add("capped by", decision.capped_by());
    sheet.Add("costs at most", InMoney(decision.hold()));
  } else {
    Print(decision.refusal(), sheet);
  }
  Print(decision.explanation(), sheet);
  std::string text = sheet.Render(colour);
  if (decision.remedies().empty()) return text;
  absl::StrAppend(&text, granted ? "\nSooner with:\n" : "\nIt would have been let through with:\n");
  for (const std::string& remedy : decision.remedies()) absl::StrAppend(&text, "  - ", WithoutControls(remedy), "\n");
  return text;
}

int RunExplain(const ExplainFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);

  v1::ExplainRequest request;
  if (flags.request_id.empty()) {
    request.set_grant(flags.grant);
  } else {
    request.mutable_request()->set_request_id(flags.request_id);
    if (!flags.tenant.empty()) request.mutable_request()->set_tenant(InCollection("tenants", flags.tenant));
  }
  v1::Decision decision;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Admission::NewStub(daemon.channel())->Explain(&context, request, &decision);
  });
  if (error) return Report(*error, flags.output, terminal);
  terminal.out << (flags.output == Output::kJson ? Printed(ToJson(decision))
                                                 : RenderDecision(decision, terminal.colour));
  return kOk;
}

int RunProgress(const TokenReportFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);

  v1::ProgressRequest request;
  request.set_grant(flags.grant);
  AddCounts(flags.tokens, false, *request.mutable_tokens());
  v1::ProgressResponse response;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Admission::NewStub(daemon.channel())->Progress(&context, request, &response);
  });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(response));
    return kOk;
  }
  Sheet sheet;
  sheet.Add("request", response.stop()                ? "should stop now"
                       : response.wait_for_approval() ? "should wait until its run is approved"
                                                      : "may go on");
  if (!response.bound().empty()) sheet.Add("has reached", response.bound());
  sheet.Add("output cap", Grouped(response.output_cap()) + " tokens");
  sheet.Add("lease until", Moment(response.lease_deadline()));
  sheet.Add("settle until", Moment(response.settle_deadline()));
  terminal.out << sheet.Render(terminal.colour);
  return kOk;
}

int RunComplete(const TokenReportFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);

  v1::CompleteRequest request;
  request.set_grant(flags.grant);
  request.set_outcome(OutcomeNamed(flags.outcome));
  AddCounts(flags.tokens, false, *request.mutable_tokens());
  if (!flags.first_token_time.empty()) *request.mutable_first_token_time() = *ParseMoment(flags.first_token_time);
  if (!flags.end_time.empty()) *request.mutable_end_time() = *ParseMoment(flags.end_time);
  v1::CompleteResponse response;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Admission::NewStub(daemon.channel())->Complete(&context, request, &response);
  });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(response));
    return kOk;
  }
  Sheet sheet;
  sheet.Add(response.repeated() ? "settled before" : "settled", flags.grant);
  sheet.Add("charge", InMoney(response.charge()));
  if (!response.billed()) sheet.Add("not billed", "the settle deadline had passed: counted only");
  sheet.Add("work", Normalized(response.work_milli_nt()) + " nt");
  sheet.Add("journal entry", Grouped(absl::StrCat(response.sequence())));
  terminal.out << sheet.Render(terminal.colour);
  return kOk;
}

void AddAdmit(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<AdmitFlags>();
  CLI::App& command = *app.add_subcommand("admit", "Ask for the right to run one request (exit 1: refused)");
  command.add_option("--key", flags->key, "the customer's credential; a tenant may leave it out")
      ->option_text("tenants/T/keys/K");
  command.add_option("--pool", flags->pools, "candidate pool, repeatable: in order of preference")
      ->required()
      ->allow_extra_args(false)
      ->option_text("POOL");
  command.add_option("--input", flags->input, "uncached input tokens")
      ->check(CLI::NonNegativeNumber)
      ->option_text("TOKENS");
  command.add_option("--kind", flags->kinds, "input tokens of another kind, repeatable: cached_input=800")
      ->check(IsKindCount())
      ->allow_extra_args(false)
      ->option_text("KIND=TOKENS");
  command.add_flag("--estimated", flags->estimated, "the input counts are estimates, not a tokenizer's");
  command.add_option("--max-output", flags->max_output, "the most it may generate")
      ->required()
      ->check(CLI::PositiveNumber)
      ->option_text("TOKENS");
  command
      .add_option("--max-wait", flags->max_wait, "how long it may wait in line: 250ms, 5s, 2m (default: now or never)")
      ->check(IsSpan())
      ->option_text("SPAN");
  command.add_option("--class", flags->service_class, "flex, default or priority, for elastic tenants")
      ->check(CLI::IsMember({"flex", "default", "priority"}))
      ->option_text("CLASS");
  command.add_option("--run", flags->run, "the agent run it belongs to")->option_text("RUN");
  command.add_option("--label", flags->labels, "repeatable: team=search")
      ->check(IsLabel())
      ->allow_extra_args(false)
      ->option_text("KEY=VALUE");
  command.add_option("--depth", flags->depth, "of this request in its run, from 1")
      ->check(CLI::PositiveNumber)
      ->option_text("N");
  command
      .add_option("--content-digest", flags->content_digest,
                  "16 to 64 characters that stand for the content, for duplicate detection")
      ->option_text("DIGEST");
  command.add_option("--request-id", flags->request_id, "default: a random one")->option_text("ID");
  command.add_flag("--validate-only", flags->validate_only, "only say what it would cost and how long it would wait");
  command.add_flag("--explain", flags->explain, "say why the decision came out so");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunAdmit(*flags, terminal); });
}

CLI::App& AddTokenReport(CLI::App& app, const std::string& name, const std::string& description,
                         TokenReportFlags& flags) {
  CLI::App& command = *app.add_subcommand(name, description);
  command.add_option("GRANT", flags.grant, "its name, as admit printed it")->required()->option_text(" ");
  command.add_option("--tokens", flags.tokens, "totals by kind, repeatable: output=340")
      ->check(IsKindCount())
      ->allow_extra_args(false)
      ->option_text("KIND=TOKENS");
  AddOutputFlag(command, flags.output);
  flags.connection.AddTo(command);
  return command;
}

void AddProgress(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<TokenReportFlags>();
  CLI::App& command = AddTokenReport(app, "progress", "Report tokens so far; extends the grant's deadlines", *flags);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunProgress(*flags, terminal); });
}

void AddComplete(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<TokenReportFlags>();
  CLI::App& command =
      AddTokenReport(app, "complete", "Report the end of a request; answered once it is durable", *flags);
  command.add_option("--outcome", flags->outcome, "succeeded (default), failed or cancelled")
      ->check(CLI::IsMember({"succeeded", "failed", "cancelled"}))
      ->option_text("OUTCOME");
  command
      .add_option("--first-token-time", flags->first_token_time, "when the first token came (default: at the grant)")
      ->check(IsMoment())
      ->option_text("TIME");
  command.add_option("--end-time", flags->end_time, "when the answer ended (default: now)")
      ->check(IsMoment())
      ->option_text("TIME");
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunComplete(*flags, terminal); });
}

void AddExplain(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App& command =
      *app.add_subcommand("explain", "Say why a decision came out so, and what would have let it through");
  command.add_option("GRANT", flags->grant, "its name, as admit printed it")->option_text(" ");
  CLI::Option* request =
      command.add_option("--request", flags->request_id, "or the request id, also of a refused one")->option_text("ID");
  command.add_option("--tenant", flags->tenant, "whose request id it is (for a tenant's key: its own)")
      ->needs(request)
      ->option_text("TENANT");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) {
    if (flags->grant.empty() == flags->request_id.empty()) {
      throw CLI::ValidationError("explain", "say a GRANT, or --request ID");
    }
    return RunExplain(*flags, terminal);
  });
}

}  // namespace

void AddAdmissionCommands(CLI::App& app, Invocation& invocation) {
  AddAdmit(app, invocation);
  AddProgress(app, invocation);
  AddComplete(app, invocation);
  AddExplain(app, invocation);
}

}  // namespace penstock::cli
