// A small production boot: an engine with clients that ask, wait, are served for a drawn time and report, recorded as
// the daemon records it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "broker/arrivals/log_files.h"
#include "broker/arrivals/record.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"

namespace penstock::sim {

class RecordedBoot {
 public:
  explicit RecordedBoot(core::EngineSettings settings = core::SmallWorld()) : world_(std::move(settings)) {
    world_.Watch([this](const core::Command& command, const std::vector<core::Answer>& answers) {
      core::Command recorded = command;
      if (alter_) alter_(recorded);
      block_.Add(recorded, world_.now());
      block_.Add(answers);
    });
    auto log = arrivals::LogWriter::Open(
        {.data_dir = directory(), .epoch = world_.engine().epoch(), .max_bytes = uint64_t{64} << 20});
    PENSTOCK_CHECK(log.ok());
    log_ = *std::move(log);
    block_.Add(arrivals::Birth{.epoch = world_.engine().epoch(),
                               .opened = world_.now(),
                               .before = {},
                               .follower = world_.engine().ledger().TakeFollowerStart(),
                               .settings = world_.settings()});
  }

  core::EngineWorld& world() { return world_; }
  const ledger::Journal& journal() { return world_.journal().journal(); }
  std::string directory() const { return scratch_.path("."); }
  /// From here on, what is recorded is changed so.
  void Alter(std::function<void(core::Command&)> alter) { alter_ = std::move(alter); }

  void Write() {
    block_.Add(world_.engine().ledger().head());
    std::string block;
    block_.TakeInto(&block);
    ASSERT_TRUE(log_->Write(block).ok());
  }

  /// Requests of all tenants, one every `gap` on average, until that many have come, and until the last has ended.
  /// Refused ones do not come back.
  void Serve(int requests, Duration gap, uint64_t seed) {
    ledger::Random random(seed);
    Instant next = world_.now();
    int come = 0;
    while (come < requests || !clients_.empty()) {
      const Instant due = NextEnd();
      const bool asks = come < requests && next <= due;
      // What waits is answered whenever the engine says so: it is looked at every 10 ms at most.
      const Instant at = std::min({asks ? next : due, world_.now() + Milliseconds(10)});
      if (at > world_.now()) world_.Advance(at - world_.now());
      Hear();
      if (NextEnd() <= world_.now()) End();
      if (!asks || next > world_.now()) continue;
      Ask(++come, random);
      next = next + Nanoseconds(random.Between(1, 2 * gap.count()));
    }
  }

 private:
  struct Client {
    core::Ticket ticket = 0;
    int64_t input = 0;
    int64_t output = 0;
    Duration first_token;
    Duration takes;
    std::optional<core::Granted> granted;
  };

  Instant NextEnd() const {
    Instant end = Instant::Max();
    for (const Client& client : clients_) {
      if (client.granted) end = std::min(end, client.granted->issued + client.takes);
    }
    return end;
  }

  void Ask(int number, ledger::Random& random) {
    const std::vector<std::string> tenants = {"tramp", "shop", "acme"};
    Client client;
    client.input = random.Between(10, 60);
    client.output = random.Between(20, 90);
    client.first_token = Milliseconds(random.Between(50, 150));
    client.takes = client.first_token + Milliseconds(10) * client.output;
    core::Admit admit =
        world_.Request(tenants[random.Index(tenants.size())], "r" + std::to_string(number), client.input, 100);
    admit.max_wait = Seconds(random.Between(1, 5));
    client.ticket = world_.Offer(admit);
    clients_.push_back(client);
    Hear();
  }

  void Hear() {
    std::erase_if(clients_, [this](Client& client) {
      if (client.granted) return false;
      const std::optional<core::Outcome> outcome = world_.AnswerTo(client.ticket);
      if (!outcome) return false;
      const auto* granted = std::get_if<core::Granted>(&*outcome);
      if (granted != nullptr) client.granted = *granted;
      return granted == nullptr;
    });
  }

  void End() {
    const Instant now = world_.now();
    std::erase_if(clients_, [this, now](const Client& client) {
      if (!client.granted || client.granted->issued + client.takes > now) return false;
      core::Complete complete = world_.CompletionOf(*client.granted, client.input, client.output);
      complete.first_token_at = client.granted->issued + client.first_token;
      complete.ended_at = now;
      world_.Ask(complete);
      return true;
    });
  }

  ledger::ScratchDirectory scratch_;
  core::EngineWorld world_;
  std::function<void(core::Command&)> alter_;
  std::unique_ptr<arrivals::LogWriter> log_;
  arrivals::BlockWriter block_;
  std::vector<Client> clients_;
};

/// The settings' tariff with generated tokens at `thousandths` of their price.
inline ledger::Tariff Repriced(ledger::Tariff tariff, const std::string& version, int64_t thousandths) {
  tariff.version = version;
  for (ledger::PoolPrices& pool : tariff.pools) {
    for (ledger::TokenPrices& prices : pool.by_class) {
      for (const TokenKind kind : {TokenKind::kOutput, TokenKind::kReasoning}) {
        prices[kind] = prices[kind] * thousandths / 1'000;
      }
    }
  }
  return tariff;
}

}  // namespace penstock::sim
