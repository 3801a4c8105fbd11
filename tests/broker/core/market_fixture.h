// The small world with a market: pool `chat` sells its 1,000 nt/s less a margin of 10 % and acme's standing 400 nt/s.
#pragma once

#include <string>
#include <vector>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {

/// `SmallWorld` that sells: quotes hold 10 minutes, what begins within a day is locked, 90 % come back before that, a
/// posted price, and a service level of a second in line.
EngineSettings MarketWorld();

class MarketTest : public testing::Test {
 protected:
  explicit MarketTest(EngineSettings settings = MarketWorld()) : world_(std::move(settings)) {}

  /// The next whole hour after the world began; hours count from there.
  static Instant Hour(int64_t n);
  static ledger::RateStep Step(int64_t from_hour, int64_t to_hour, int64_t nt_per_s);
  /// Lets time pass until then, as a daemon would.
  void GoTo(Instant then) { world_.Advance(then - world_.now()); }
  MarketCaller Caller(const std::string& tenant, const std::string& request_id = "", const std::string& body = "") const;
  AskQuote Wanted(const std::string& tenant, std::vector<ledger::RateStep> steps) const;
  ChangeReservation ChangeOf(const std::string& tenant, uint32_t id, ChangeReservation::What what,
                             std::vector<ledger::RateStep> steps = {}) const;
  ledger::QuoteEntry QuoteFor(const std::string& tenant, std::vector<ledger::RateStep> steps);
  /// Quotes and accepts.
  uint32_t Buy(const std::string& tenant, std::vector<ledger::RateStep> steps);
  ReservationChanged Changed(ChangeReservation change);
  template <class What, class Command>
  What Expect(Command command) {
    const Outcome outcome = world_.Ask(std::move(command));
    const What* what = std::get_if<What>(&outcome);
    if (const Error* error = std::get_if<Error>(&outcome); what == nullptr && error != nullptr) {
      ADD_FAILURE() << error->field << ": " << error->message;
    }
    EXPECT_NE(what, nullptr) << "another answer: " << outcome.index();
    return what == nullptr ? What() : *what;
  }
  template <class Command>
  ErrorReason Refused(Command command) {
    return Expect<Error>(std::move(command)).reason;
  }
  const ledger::ReservationRecord& Record(uint32_t id) { return *world_.engine().books().market().FindReservation(id); }
  ledger::ReservationState StateOf(uint32_t id) { return Record(id).state; }

  EngineWorld world_;
};

}  // namespace penstock::core
