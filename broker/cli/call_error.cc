#include "broker/cli/call_error.h"

#include <grpcpp/support/status.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "broker/cli/answer_json.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/rpc/error_details.pb.h"

namespace penstock::cli {
namespace {

struct CodeMeaning {
  grpc::StatusCode code;
  const char* name;
  int exit_code;
};

constexpr CodeMeaning kCodes[] = {
    {grpc::StatusCode::CANCELLED, "CANCELLED", kUnavailable},
    {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT", kBadData},
    {grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", kUnavailable},
    {grpc::StatusCode::NOT_FOUND, "NOT_FOUND", kBadData},
    {grpc::StatusCode::ALREADY_EXISTS, "ALREADY_EXISTS", kBadData},
    {grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED", kPermission},
    {grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED", kPermission},
    {grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", kUnavailable},
    {grpc::StatusCode::FAILED_PRECONDITION, "FAILED_PRECONDITION", kBadData},
    {grpc::StatusCode::ABORTED, "ABORTED", kUnavailable},
    {grpc::StatusCode::OUT_OF_RANGE, "OUT_OF_RANGE", kBadData},
    {grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED", kInternal},
    {grpc::StatusCode::INTERNAL, "INTERNAL", kInternal},
    {grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE", kUnavailable},
    {grpc::StatusCode::DATA_LOSS, "DATA_LOSS", kInternal},
};
constexpr CodeMeaning kUnknownCode = {grpc::StatusCode::UNKNOWN, "UNKNOWN", kInternal};

struct Advice {
  const char* reason;
  const char* what_to_do;
};

constexpr Advice kAdviceByReason[] = {
    {"UNKNOWN_KEY", "keys are written tenants/TENANT/keys/KEY, as in the daemon's configuration"},
    {"UNKNOWN_POOL", "`penstock status` lists the pools"},
    {"UNKNOWN_TOKEN_KIND", "use a kind that the pool has a burndown rate for, such as input, cached_input or output"},
    {"PERMISSION_DENIED", "use a credential whose role may do this (--api-key-file)"},
    {"REQUEST_ID_REUSED", "take a new --request-id, or repeat exactly what was sent before"},
    {"SUPERSEDED", "a later call with the same request id took over: wait for its answer"},
    {"UNKNOWN_GRANT", "copy the grant's name as Admit gave it; names do not outlive their data directory"},
    {"FOREIGN_GRANT", "use a gateway's credential, or that of the tenant that the grant belongs to"},
    {"GRANT_ENDED", "a grant ends once; only the very same Complete may be repeated"},
    {"UNKNOWN_QUOTE", "`penstock quotes` lists them; ended ones are forgotten in time"},
    {"UNKNOWN_RESERVATION", "`penstock reservations` lists them"},
    {"UNKNOWN_BID", "`penstock bid list` lists them; ended ones are forgotten in time"},
    {"UNKNOWN_TIME_ZONE", "zones are named as in the IANA database, such as Europe/Berlin"},
    {"DST_HOLE", "choose another time, or leave such days out with --skip-dst-holes"},
    {"MARKET_CLOSED", "`penstock rate-card` says which pools sell throughput ahead of time"},
    {"QUOTE_ENDED", "ask for a new one with `penstock quote`"},
    {"TOO_MANY_QUOTES", "withdraw some with `penstock quotes withdraw`, or wait until they expire"},
    {"PIN_IN_FORCE", "`penstock prices pins` says until when it holds: pin anew after that"},
    {"STALE_ETAG", "look at it again with `penstock reservations show`, then repeat"},
    {"NO_HISTORY", "use the pool for some hours first, or look back further with --weeks"},
    {"UNKNOWN_CHUNK", "say what it would be: --capacity, --price-per-hour"},
    {"TOO_MANY_WATCHERS", "ask now and then instead, without --watch"},
    {"OVERLOADED", "try again, a little later each time"},
    {"DRAINING", "the daemon is stopping: go to another one, or wait until it is back"},
};

std::string AdviceFor(const CallError& error, grpc::StatusCode code, std::string_view address) {
  for (const Advice& advice : kAdviceByReason) {
    if (error.reason == advice.reason) return advice.what_to_do;
  }
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
      return "is `penstock serve` running at " + std::string(address) +
             "? --address or PENSTOCK_ADDRESS names another place, --tls-ca is needed where TLS is on";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "give an API key of this daemon: --api-key-file FILE, or PENSTOCK_API_KEY";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "no answer in time: look at the daemon's load and log";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "the service at " + std::string(address) + " is not a penstock daemon";
    default:
      return "";
  }
}

void ReadErrorInfo(const grpc::Status& status, CallError& error) {
  rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return;
  for (const google::protobuf::Any& detail : details.details()) {
    const std::string type = LastPart(detail.type_url());
    rpc::ErrorInfo info;
    // The type URL is google's, the message ours (wire-compatible): Any::UnpackTo would not know it.
    if (type != "google.rpc.ErrorInfo") {
      error.details[type] = detail.value();
    } else if (error.reason.empty() && info.ParseFromString(detail.value())) {
      error.reason = info.reason();
      for (const auto& [key, value] : info.metadata()) error.metadata[key] = value;
    }
  }
}

nlohmann::ordered_json AsJson(const CallError& error) {
  return {{"error",
           {{"code", error.code},
            {"reason", error.reason},
            {"message", error.message},
            {"metadata", error.metadata},
            {"exit_status", error.exit_code}}}};
}

}  // namespace

CallError ReadCallError(const grpc::Status& status, std::string_view address) {
  CodeMeaning meaning = kUnknownCode;
  for (const CodeMeaning& known : kCodes) {
    if (known.code == status.error_code()) meaning = known;
  }
  CallError error;
  error.exit_code = meaning.exit_code;
  error.code = meaning.name;
  error.message = status.error_message();
  ReadErrorInfo(status, error);
  error.advice = AdviceFor(error, meaning.code, address);
  return error;
}

CallError LocalError(int exit_code, std::string message, std::string advice) {
  CallError error;
  error.exit_code = exit_code;
  error.message = std::move(message);
  error.advice = std::move(advice);
  return error;
}

int Report(const CallError& error, Output output, Terminal& terminal) {
  const std::string& name = error.reason.empty() ? error.code : error.reason;
  terminal.err << "penstock: " << WithoutControls(name + (name.empty() ? "" : ": ") + error.message) << "\n";
  for (const auto& [key, value] : error.metadata) terminal.err << "  " << WithoutControls(key + ": " + value) << "\n";
  if (!error.advice.empty()) terminal.err << "  what to do: " << error.advice << "\n";
  if (output == Output::kJson) terminal.out << Printed(AsJson(error));
  return error.exit_code;
}

}  // namespace penstock::cli
