#include "sim/replay/play.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sim/run/closing.h"
#include "sim/run/collector.h"
#include "sim/run/virtual_broker.h"
#include "sim/tariffs/prorate.h"

namespace penstock::sim {
namespace {

/// The only tariff but for those that contracts pin: no other takes over.
void PutTariff(const ledger::Tariff& tariff, core::EngineSettings* settings) {
  std::set<std::string> pinned;
  for (const core::TenantSettings& tenant : settings->tenants) pinned.insert(tenant.tariff);
  std::vector<ledger::Tariff> others = std::move(settings->more_tariffs);
  others.push_back(settings->tariff);
  settings->tariff = tariff;
  settings->more_tariffs.clear();
  for (ledger::Tariff& other : others) {
    if (other.version == tariff.version || !pinned.contains(other.version)) continue;
    settings->tariff.effective = std::max(settings->tariff.effective, other.effective);
    settings->more_tariffs.push_back(std::move(other));
  }
}

/// The pools that capacity, weights and slots are changed of.
absl::StatusOr<std::vector<size_t>> PoolsOf(const ReplayChanges& changes, const core::EngineSettings& settings) {
  std::vector<size_t> pools;
  std::string names;
  for (size_t i = 0; i < settings.pools.size(); ++i) {
    const std::string& name = settings.pools[i].name;
    if (changes.pool.empty() || changes.pool == name) pools.push_back(i);
    absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  }
  if (pools.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--pool: the boot had no pool '", changes.pool, "': name one of ", names));
  }
  if (pools.size() > 1 && (changes.capacity || changes.max_in_flight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--pool: the boot had several pools (", names,
                     "): --capacity-nt-per-s and --max-in-flight need one named; --capacity-factor can be of all"));
  }
  return pools;
}

WorkPerSecond Scaled(WorkPerSecond capacity, double factor) {
  return WorkPerSecond(std::max<int64_t>(std::llround(static_cast<double>(capacity.count()) * factor), 1));
}

void ChangePool(const ReplayChanges& changes, admission::PoolTerms* terms) {
  if (changes.capacity) terms->capacity = *changes.capacity;
  if (changes.capacity_factor) terms->capacity = Scaled(terms->capacity, *changes.capacity_factor);
  if (changes.max_in_flight) terms->max_in_flight = *changes.max_in_flight;
  for (size_t i = 0; i < changes.weights.size(); ++i) {
    if (changes.weights[i]) terms->classes[i].weight = *changes.weights[i];
  }
}

/// What the log says of capacity, where it is not overruled.
void ChangeCapacities(const ReplayChanges& changes, const std::vector<size_t>& pools, Recording* recording) {
  for (CapacityChange& change : recording->capacity_changes) {
    if (std::find(pools.begin(), pools.end(), change.pool) == pools.end()) continue;
    if (changes.capacity) change.capacity = *changes.capacity;
    if (changes.capacity_factor) change.capacity = Scaled(change.capacity, *changes.capacity_factor);
    if (changes.max_in_flight) change.max_in_flight = 0;
  }
}

/// The recorded requests, one after the other.
class RecordedTraffic final : public ArrivalSource {
 public:
  RecordedTraffic(const Recording& recording, const Outcomes& outcomes) : recording_(recording), outcomes_(outcomes) {}
  std::optional<Arrival> Next() override {
    if (next_ == recording_.requests.size()) return std::nullopt;
    const RecordedRequest& request = recording_.requests[next_];
    return Arrival{.at = request.came,
                   .tenant = request.client,
                   .tokens = outcomes_.tokens[next_++],
                   .max_output_tokens = request.max_output.count(),
                   .run = request.run};
  }

 private:
  const Recording& recording_;
  const Outcomes& outcomes_;
  size_t next_ = 0;
};

/// Of the whole hours that the boot touches: what statements are closed for.
Duration BilledSpan(const Recording& recording) {
  return Hours(DivideRoundUp(recording.length().count(), Hours(1).count()));
}

VirtualWorld WorldOf(const Recording& recording, const Outcomes& outcomes) {
  VirtualWorld world;
  world.settings = recording.settings;
  const Duration billed = BilledSpan(recording);
  world.settings.tariff = Prorated(world.settings.tariff, billed);
  for (ledger::Tariff& tariff : world.settings.more_tariffs) tariff = Prorated(tariff, billed);
  world.clients = recording.clients;
  world.traffic = std::make_unique<RecordedTraffic>(recording, outcomes);
  for (size_t i = 0; i < recording.settings.pools.size(); ++i) {
    world.fleets.push_back(std::make_unique<MeasuredTimes>(outcomes.took));
  }
  world.capacity_changes = recording.capacity_changes;
  world.begin = recording.begin;
  for (const RecordedRequest& request : recording.requests) world.said.push_back(request.said);
  world.keeps_journal = false;
  return world;
}

/// Nothing could be served before the boot: utilisation counts from it on. Exact while capacity does not change.
void LeaveOutBefore(const Recording& recording, RunFigures* figures) {
  const double whole = static_cast<double>(figures->length.count());
  const double before = static_cast<double>((recording.opened - recording.begin).count());
  if (whole <= before) return;
  for (PoolFigures& pool : figures->pools) pool.utilisation *= whole / (whole - before);
}

}  // namespace

bool ReplayChanges::any() const {
  return tariff || capacity || capacity_factor || max_in_flight || !subscriptions.empty() ||
         std::any_of(weights.begin(), weights.end(), [](const auto& weight) { return weight.has_value(); });
}

absl::Status Change(const ReplayChanges& changes, Recording* recording) {
  core::EngineSettings& settings = recording->settings;
  const absl::StatusOr<std::vector<size_t>> pools = PoolsOf(changes, settings);
  if (!pools.ok()) return pools.status();
  if (changes.tariff) PutTariff(*changes.tariff, &settings);
  for (core::TenantSettings& tenant : settings.tenants) {
    const auto found = changes.subscriptions.find(tenant.name);
    if (found != changes.subscriptions.end()) tenant.subscription = found->second;
  }
  for (const size_t pool : *pools) ChangePool(changes, &settings.pools[pool].terms);
  ChangeCapacities(changes, *pools, recording);
  return absl::OkStatus();
}

absl::StatusOr<RunFigures> Play(const Recording& recording, const Outcomes& outcomes, Duration target_wait) {
  Collector collector(CollectingOf(recording, target_wait));
  auto broker = VirtualBroker::Open(WorldOf(recording, outcomes), &collector);
  if (!broker.ok()) return broker.status();
  (*broker)->RunUntil(recording.length());
  for (Duration end = recording.length() + Minutes(1); (*broker)->open_requests() > 0; end += Minutes(1)) {
    (*broker)->RunUntil(end);
  }
  RunFigures figures;
  figures.length = recording.length();
  collector.Fill(Duration::Zero(), &figures);
  CloseRun(**broker, (*broker)->now(), &figures);
  LeaveOutBefore(recording, &figures);
  CheckConservation(TotalsOf(**broker), &figures);
  return figures;
}

int64_t GrantedIn(const RunFigures& figures) {
  int64_t granted = 0;
  for (const ClassFigures& of_class : figures.classes) granted += static_cast<int64_t>(of_class.times.wait.count());
  return granted;
}

}  // namespace penstock::sim
