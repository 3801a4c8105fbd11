// Commands of every type with every field drawn.
#pragma once

#include "broker/core/command.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/ledger/random.h"

namespace penstock::arrivals {

/// A world with something in every field of the settings.
core::EngineSettings RichWorld();

class RandomCommands {
 public:
  explicit RandomCommands(uint64_t seed) : random_(seed) {}
  /// Of the type with this place in core::Command.
  core::Command Draw(size_t type);
  Instant At() { return Instant(random_.Between(0, INT64_MAX)); }
  ledger::Random& random() { return random_; }

 private:
  TokenCounts Counts();
  GrantId Grant() { return {static_cast<uint32_t>(random_.Bits()), random_.Bits()}; }
  std::string Text() { return random_.Bytes(static_cast<size_t>(random_.Between(0, 40))); }
  uint32_t Number() { return static_cast<uint32_t>(random_.Bits() >> random_.Between(32, 63)); }
  Duration Time() { return Duration(random_.Between(0, INT64_MAX)); }
  ledger::BodyDigest Digest();
  template <class T>
  std::optional<T> Perhaps(const T& value) {
    return random_.OneIn(2) ? std::optional<T>(value) : std::nullopt;
  }
  core::Admit DrawAdmit();
  core::Complete DrawComplete();
  core::SetPlan DrawPlan();
  core::CloseStatement DrawClose();
  core::ReportOutcome DrawReport();
  core::AskRaise DrawRaise();
  std::vector<ledger::RateStep> DrawSteps();
  core::MarketCaller DrawCaller();
  core::Wish DrawWish();

  ledger::Random random_;
};

}  // namespace penstock::arrivals
