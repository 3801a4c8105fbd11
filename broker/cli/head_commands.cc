// penstock ledger head: where the journal ends, signed, for a witness outside. penstock ledger public-key: what the
// witness checks it with.
#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "broker/auth/encoding.h"
#include "broker/auth/signing_key.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/ledger_commands.h"
#include "broker/cli/server_commands.h"
#include "broker/cli/table.h"
#include "broker/config/moment.h"
#include "broker/config/read_file.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::cli {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;

struct HeadOptions {
  std::string data_dir;
  ConnectionFlags connection;
  Output output = Output::kTable;
};

/// Fills `out` exactly.
template <class Bytes>
bool ReadHex(const nlohmann::json& json, const char* field, Bytes* out) {
  const std::optional<std::string> bytes = auth::FromHex(json.at(field).get<std::string>());
  if (!bytes || bytes->size() != out->size()) return false;
  std::copy(bytes->begin(), bytes->end(), out->begin());
  return true;
}

/// INVALID_ARGUMENT for what no signed head looks like.
absl::StatusOr<ledger::SignedHead> FromJson(const nlohmann::json& json) {
  try {
    ledger::SignedHead head;
    head.head.sequence = json.at("sequence").get<uint64_t>();
    const auto at = json.at("at_unix_s").get<int64_t>();
    const bool fits = ReadHex(json, "journal", &head.journal) && ReadHex(json, "hash", &head.head.hash) &&
                      ReadHex(json, "public_key", &head.public_key) && ReadHex(json, "signature", &head.signature) &&
                      at >= 0 && at < Instant::Max().nanoseconds_since_epoch() / Seconds(1).count();
    head.at = Instant() + Seconds(fits ? at : 0);
    if (fits) return head;
  } catch (const nlohmann::json::exception&) {
  }
  return absl::InvalidArgumentError("it is not what `penstock ledger head -o json` prints");
}

absl::StatusOr<ledger::SignedHead> SignStopped(const HeadOptions& options, const Parts& parts) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/true);
  if (!journal.ok()) return journal.status();
  const absl::StatusOr<ledger::Hash> identity = ledger::IdentityOf(**journal);
  if (!identity.ok()) return identity.status();
  const absl::StatusOr<auth::SigningKey> key = auth::SigningKey::Read(options.data_dir);
  if (!key.ok()) return key.status();
  if ((*journal)->synced().sequence == 0) return absl::NotFoundError("nothing of this journal is synced yet");
  return key->Sign(*identity, (*journal)->synced(), Now());
}

void Show(const ledger::SignedHead& head, Output output, Terminal& terminal) {
  if (output == Output::kJson) {
    terminal.out << Printed(ToJson(head));
    return;
  }
  Sheet sheet;
  sheet.Add("journal", ledger::ToHex(head.journal));
  sheet.Add("sequence", std::to_string(head.head.sequence));
  sheet.Add("hash", ledger::ToHex(head.head.hash));
  sheet.Add("at", config::FormatInstant(head.at));
  sheet.Add("public key", ledger::ToHex(head.public_key));
  sheet.Add("signature", auth::ToHex({reinterpret_cast<const char*>(head.signature.data()), head.signature.size()}));
  terminal.out << sheet.Render(terminal.colour);
}

int ShowLive(const HeadOptions& options, Terminal& terminal) {
  auto connection = Connection::Open(options.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, options.output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  v1::LedgerStatus ledger;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Operations::NewStub(daemon.channel())->GetLedger(&context, v1::GetLedgerRequest(), &ledger);
  });
  if (error) return Report(*error, options.output, terminal);
  const absl::StatusOr<ledger::SignedHead> head = FromJson(ToJson(ledger.signed_head()));
  if (!head.ok() || !auth::IsSigned(*head)) {
    terminal.err << "penstock ledger head: the daemon sent no head that its signature fits\n";
    return kInternal;
  }
  Show(*head, options.output, terminal);
  return kOk;
}

int RunHead(const HeadOptions& options, const Parts& parts, Terminal& terminal) {
  if (options.data_dir.empty()) return ShowLive(options, terminal);
  const absl::StatusOr<ledger::SignedHead> head = SignStopped(options, parts);
  if (!head.ok()) return FailLedger("head", head.status(), terminal);
  Show(*head, options.output, terminal);
  return kOk;
}

int ShowPublicKey(const std::string& data_dir, Terminal& terminal) {
  const absl::StatusOr<auth::SigningKey> key = auth::SigningKey::Read(data_dir);
  if (!key.ok()) return FailLedger("public-key", key.status(), terminal);
  terminal.out << auth::ToPem(key->public_key());
  return kOk;
}

}  // namespace

nlohmann::ordered_json ToJson(const ledger::SignedHead& head) {
  return {{"journal", ledger::ToHex(head.journal)},
          {"sequence", head.head.sequence},
          {"hash", ledger::ToHex(head.head.hash)},
          {"at_unix_s", head.at.nanoseconds_since_epoch() / Seconds(1).count()},
          {"public_key", ledger::ToHex(head.public_key)},
          {"signature", auth::ToHex({reinterpret_cast<const char*>(head.signature.data()), head.signature.size()})}};
}

absl::StatusOr<ledger::SignedHead> ReadHeadFile(const std::string& path) {
  const absl::StatusOr<std::string> text = config::ReadFile(path, kMostBytes);
  if (!text.ok()) return text.status();
  const absl::StatusOr<ledger::SignedHead> head = FromJson(nlohmann::json::parse(*text, nullptr, false));
  if (!head.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", head.status().message()));
  if (!auth::IsSigned(*head)) return absl::DataLossError(absl::StrCat(path, ": the signature does not fit"));
  return head;
}

absl::StatusOr<ledger::PublicKey> TrustedKey(const std::string& pem_file, const std::string& data_directory) {
  if (pem_file.empty()) {
    const absl::StatusOr<auth::SigningKey> key = auth::SigningKey::Read(data_directory);
    if (!key.ok()) return key.status();
    return key->public_key();
  }
  const absl::StatusOr<std::string> pem = config::ReadFile(pem_file, kMostBytes);
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<ledger::PublicKey> key = auth::FromPem(*pem);
  return key.ok() ? key : absl::InvalidArgumentError(absl::StrCat(pem_file, ": ", key.status().message()));
}

Instant Now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

void AddHeadCommands(CLI::App& ledger, Invocation& invocation, const Parts& parts) {
  CLI::App* head = ledger.add_subcommand(
      "head", "Where the journal ends, signed: of DIR (stopped), or without DIR of a running daemon (operators)");
  auto options = std::make_shared<HeadOptions>();
  AddDirectory(*head, &options->data_dir, /*optional=*/true);
  AddOutputFlag(*head, options->output);
  options->connection.AddTo(*head);
  OnRun(*head, invocation, [options, &parts](Terminal& terminal) { return RunHead(*options, parts, terminal); });

  CLI::App* key = ledger.add_subcommand("public-key", "The public key that DIR's heads are signed with, as PEM");
  auto data_dir = std::make_shared<std::string>();
  AddDirectory(*key, data_dir.get());
  OnRun(*key, invocation, [data_dir](Terminal& terminal) { return ShowPublicKey(*data_dir, terminal); });
}

}  // namespace penstock::cli
