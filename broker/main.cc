// The only place that picks implementations (RocksDB, fair scheduling) and the only one that links the simulator.
#include <absl/synchronization/mutex.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/demo/demo_command.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "broker/core/engine.h"
#include "ledger/rocksdb_journal.h"
#include "sim/commands/sim_commands.h"
#include "sim/demo_scenario.h"
#include "sim/fleet/fleet.h"

namespace {

using namespace penstock;  // NOLINT: main has no namespace of its own

/// The simulator's fleet behind the demo's port.
class SimulatedFleet final : public cli::demo::ModelledFleet {
 public:
  SimulatedFleet(const sim::FleetTerms& terms, Instant start) : fleet_(terms, start) {}

  void Submit(uint64_t id, Tokens input, Tokens cached_input, Tokens generate, Instant now) override {
    fleet_.Submit({.id = id, .input = input, .cached_input = cached_input, .generate = generate}, now);
  }
  void Cancel(uint64_t id, Instant now) override { fleet_.Cancel(id, now); }
  Instant NextEvent() const override { return fleet_.NextEvent(); }
  void AdvanceTo(Instant now, std::vector<cli::demo::FleetEvent>* out) override {
    events_.clear();
    fleet_.AdvanceTo(now, &events_);
    for (const sim::FleetEvent& event : events_) {
      const bool finished = event.kind == sim::FleetEvent::Kind::kFinished;
      out->push_back({finished ? cli::demo::FleetEvent::Kind::kFinished : cli::demo::FleetEvent::Kind::kFirstToken,
                      event.id, event.at});
    }
  }
  Tokens GeneratedSoFar(uint64_t id) const override { return fleet_.GeneratedSoFar(id).value_or(Tokens::Zero()); }

 private:
  sim::Fleet fleet_;
  std::vector<sim::FleetEvent> events_;
};

cli::demo::Setup BuildDemo(const cli::demo::Options& options) {
  sim::DemoScenario scenario = sim::BuildDemoScenario(options.seconds, options.seed);
  cli::demo::Setup setup;
  setup.settings = std::move(scenario.settings);
  for (sim::DemoTenant& tenant : scenario.tenants) {
    setup.tenants.push_back({std::move(tenant.name), sim::kDemoKey, tenant.tier, tenant.asks, tenant.max_wait});
  }
  for (sim::Arrival& arrival : scenario.arrivals) {
    setup.arrivals.push_back(
        {arrival.at, arrival.tenant, arrival.tokens, arrival.max_output_tokens, std::move(arrival.run)});
  }
  setup.flood = {scenario.flooder, scenario.flood.from, scenario.flood.to,
                 static_cast<int64_t>(scenario.flood.multiplier)};
  setup.fleet = [terms = scenario.fleet](Instant start) { return std::make_unique<SimulatedFleet>(terms, start); };
  setup.hardware = scenario.hardware;
  setup.attribution = scenario.attribution;
  setup.assumptions = scenario.assumptions;
  return setup;
}

}  // namespace

int main(int argc, char** argv) {
  // Debian's abseil looks for deadlocks in every mutex of gRPC: 16 % of a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

  const cli::Parts parts{.journal =
                             [](const std::string& directory, bool read_only) {
                               return ledger::OpenRocksDbJournal({.directory = directory, .read_only = read_only});
                             },
                         .scheduling = core::FairScheduling()};

  cli::Terminal terminal = cli::Terminal::OfProcess();
  cli::Invocation invocation{terminal};
  CLI::App app("Penstock: admission, metering and billing of LLM inference throughput", "penstock");
  app.set_version_flag("--version", "penstock " PENSTOCK_VERSION);
  app.footer(cli::kExitCodesHelp);
  cli::AddServeCommand(app, invocation, parts);
  cli::AddConfigCommands(app, invocation);
  cli::AddLedgerCommand(app, invocation, parts);
  cli::AddRateCommand(app, invocation);
  cli::AddAdmissionCommands(app, invocation);
  cli::AddBillingCommands(app, invocation);
  cli::AddStatementCommands(app, invocation);
  cli::AddOutcomeCommands(app, invocation);
  cli::AddBudgetCommands(app, invocation);
  cli::AddQuoteCommands(app, invocation);
  cli::AddReservationCommands(app, invocation);
  cli::AddBidCommands(app, invocation);
  cli::AddPriceCommands(app, invocation);
  cli::AddRateCardCommand(app, invocation);
  cli::AddCalendarCommand(app, invocation);
  cli::AddAdviceCommands(app, invocation);
  cli::AddStatusCommand(app, invocation);
  cli::AddOperatorCommands(app, invocation);
  cli::AddBenchCommand(app, invocation);
  cli::demo::AddDemoCommand(app, invocation, parts, BuildDemo);
  sim::AddSimCommands(app, invocation, parts);
  return cli::Run(app, std::vector<std::string>(argv + 1, argv + argc), invocation);
}
