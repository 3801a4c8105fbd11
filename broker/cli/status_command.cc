// penstock status: pools and ledger of a running daemon.
#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "broker/cli/answer_json.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

struct StatusFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
};

std::string RenderPool(const v1::Pool& pool, bool colour) {
  std::string text = absl::StrCat(LastPart(pool.name()), " (", pool.model(), "): ", Grouped(pool.capacity_nt_per_s()),
                                  " nt/s, ", Grouped(pool.in_flight()), " of ", Grouped(pool.max_in_flight()),
                                  " slots in use, reclaim bound ", Span(pool.reclaim_bound()));
  if (pool.kv_tokens() > 0) {
    absl::StrAppend(&text, ", ", Grouped(pool.kv_tokens_in_use()), " of ", Grouped(pool.kv_tokens()), " KV tokens");
  }
  if (pool.promised_places() > 0) {
    absl::StrAppend(&text, ", ", Grouped(pool.promised_places()), " places promised to those sent away");
  }
  if (pool.slots_of_earlier_boot() > 0) {
    absl::StrAppend(&text, ", ", Grouped(pool.slots_of_earlier_boot()), " slots held for grants of an earlier boot");
  }
  Table table({{"class"},
               {"waiting", Align::kRight},
               {"waiting nt", Align::kRight},
               {"in flight", Align::kRight},
               {"offered", Align::kRight},
               {"admitted", Align::kRight},
               {"refused: yours", Align::kRight},
               {"pool's", Align::kRight},
               {"cancelled", Align::kRight}});
  for (const v1::ClassStatus& row : pool.classes()) {
    const std::string name = Word(*v1::ServiceClass_descriptor(), row.service_class());
    table.AddRow({name, Grouped(row.waiting()), Normalized(row.waiting_work_milli_nt()), Grouped(row.in_flight()),
                  Grouped(row.offered()), Grouped(row.admitted()), Grouped(row.refused_yours()),
                  Grouped(row.refused_pool()), Grouped(row.cancelled())});
  }
  return WithoutControls(text) + "\n" + table.Render(colour) + "\n";
}

std::string RenderLedger(const v1::LedgerStatus& ledger) {
  return absl::StrCat(
      "Ledger: ", Grouped(absl::StrCat(ledger.entries())), " entries, ",
      Grouped(absl::StrCat(ledger.durable_entries())), " of them synced, ", Grouped(absl::StrCat(ledger.open_holds())),
      " open holds, boot epoch ", ledger.boot_epoch(), "\nHead: ", ledger.head(), "\n",
      ledger.has_signed_head()
          ? absl::StrCat("Signed: sequence ", Grouped(absl::StrCat(ledger.signed_head().sequence())), " with key ",
                         ledger.signed_head().public_key(), " (penstock ledger head -o json)\n")
          : std::string());
}

int RunStatus(const StatusFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  const std::unique_ptr<v1::Operations::Stub> operations = v1::Operations::NewStub(daemon.channel());

  v1::ListPoolsResponse pools;
  v1::LedgerStatus ledger;
  auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return operations->ListPools(&context, v1::ListPoolsRequest(), &pools);
  });
  if (!error) {
    error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
      return operations->GetLedger(&context, v1::GetLedgerRequest(), &ledger);
    });
  }
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kJson) {
    nlohmann::ordered_json json = ToJson(pools);
    json["ledger"] = ToJson(ledger);
    terminal.out << Printed(json);
    return kOk;
  }
  for (const v1::Pool& pool : pools.pools()) terminal.out << RenderPool(pool, terminal.colour);
  terminal.out << RenderLedger(ledger);
  return kOk;
}

}  // namespace

void AddStatusCommand(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<StatusFlags>();
  CLI::App& command = *app.add_subcommand("status", "Pools, lines and the ledger now (operators)");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunStatus(*flags, terminal); });
}

}  // namespace penstock::cli
