#include "tests/ledger/engine_day.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "admission/vocabulary/check.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/ledger/random.h"

namespace penstock::ledger {
namespace {

constexpr const char* kBudgeted = "shop";
// Of about ten requests, where four run at a time; each holds up to 300'000'000 pico-units.
const Money kBudget = Money::FromPico(1'500'000'000);

core::EngineSettings Settings() {
  core::EngineSettings settings = core::SmallWorld();
  core::BudgetTerms budget{
      .name = "total", .period = core::BudgetTerms::Period::kTotal, .amount = kBudget, .alert_at = {1, 5, 20, 50, 80}};
  for (core::TenantSettings& tenant : settings.tenants) {
    if (tenant.name == kBudgeted) tenant.budgets.push_back(budget);
  }
  return settings;
}

class Clients {
 public:
  explicit Clients(uint64_t seed) : random_(seed), world_(Settings()) {}

  void Step() {
    const int64_t dice = random_.Between(0, 99);
    if (dice < 45) return Ask();
    if (dice < 70) return Finish();
    if (dice < 80) return Report();
    if (dice < 84) return LoseAnAnswer();
    if (dice < 86) return world_.Tick(Minutes(11));  // what is open expires
    if (dice < 88) return Restart();
    world_.Tick(Milliseconds(random_.Between(0, 2'000)));
  }

  std::vector<Entry> Entries() {
    std::vector<Entry> entries;
    const absl::Status read = world_.journal().journal().Read(1, [&entries](uint64_t, std::string_view payload) {
      entries.push_back(Decode(payload).value());
      return absl::OkStatus();
    });
    PENSTOCK_CHECK(read.ok());
    return entries;
  }
  TenantId budgeted() const { return world_.TenantNamed(kBudgeted); }

 private:
  using Running = std::pair<core::Ticket, core::Granted>;

  void Ask() {
    const std::string tenant = random_.OneIn(4) ? "tramp" : kBudgeted;
    const core::Ticket ticket = world_.Offer(
        world_.Request(tenant, "r" + std::to_string(++asked_), random_.Between(0, 100), random_.Between(1, 100)));
    if (std::optional<core::Outcome> outcome = world_.AnswerTo(ticket)) {
      if (const auto* granted = std::get_if<core::Granted>(&*outcome)) running_.emplace_back(ticket, *granted);
    }
  }
  const Running* Some() { return running_.empty() ? nullptr : &running_[random_.Index(running_.size())]; }

  /// With more than was allowed, at times.
  void Finish() {
    const Running* running = Some();
    if (running == nullptr) return;
    world_.Ask(world_.CompletionOf(running->second, random_.Between(0, 150), random_.Between(0, 200)));
    running_.erase(running_.begin() + (running - running_.data()));
  }
  void Report() {
    if (const Running* running = Some()) {
      world_.Ask(core::Progress{.grant = running->second.id,
                                .so_far = core::InputOutput(random_.Between(0, 100), random_.Between(0, 80))});
    }
  }
  void LoseAnAnswer() {
    if (const Running* running = Some()) world_.Do(core::Undeliverable{running->first, running->second.id});
  }
  void Restart() {
    if (random_.OneIn(2)) {
      world_.engine().PostStop(world_.now());
      PENSTOCK_CHECK(world_.engine().ledger().WriteBatch().ok());
    }
    world_.Restart(Milliseconds(100));
  }

  Random random_;
  core::EngineWorld world_;
  std::vector<Running> running_;
  int asked_ = 0;
};

}  // namespace

Day EngineDay(uint64_t seed, int steps) {
  Clients clients(seed);
  for (int i = 0; i < steps; ++i) clients.Step();
  Day day = DayOf(clients.Entries(), seed);
  day.budgets[clients.budgeted()] = kBudget;
  return day;
}

}  // namespace penstock::ledger
