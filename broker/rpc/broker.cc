#include "broker/rpc/broker.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "broker/arrivals/log_files.h"
#include "broker/auth/random_bytes.h"
#include "broker/daemon/arrival_recorder.h"
#include "broker/rpc/budget_words.h"

namespace penstock::rpc {
namespace {

/// Null when none is wanted, or when there can be none: that is said.
std::unique_ptr<daemon::ArrivalRecorder> RecordArrivals(const BrokerTerms& terms, const arrivals::Birth& birth) {
  if (terms.arrival_log_bytes == 0) return nullptr;
  auto log = arrivals::LogWriter::Open(
      {.data_dir = terms.data_dir, .epoch = birth.epoch, .max_bytes = terms.arrival_log_bytes});
  if (log.ok()) return std::make_unique<daemon::ArrivalRecorder>(*std::move(log), birth, terms.on_no_arrival_log);
  if (terms.on_no_arrival_log) terms.on_no_arrival_log(log.status());
  return nullptr;
}

constexpr uint64_t kAlertsAtOnce = 16;

/// How far alerts are durable: those that were there when the journal ended where it is synced by now.
struct DurableAlerts {
  uint64_t end = 0;   // exclusive
  uint64_t seen = 0;  // the end as of `sequence`
  uint64_t sequence = 0;
  void Look(const core::Engine& engine, uint64_t durable) {
    if (durable < sequence) return;
    end = seen;
    seen = engine.books().budget_records().alerts_end();
    sequence = engine.ledger().posted_sequence();
  }
};

/// The oldest alerts from a number on.
std::vector<http::AlertNews> NewsFrom(uint64_t from, uint64_t end, const core::Engine& engine) {
  std::vector<http::AlertNews> news;
  const ledger::BudgetRecords& records = engine.books().budget_records();
  for (uint64_t number = std::max(from, records.alerts_begin()); number < end && news.size() < kAlertsAtOnce;
       ++number) {
    const ledger::AlertEntry alert = records.AlertOf(number);
    const std::string& currency = engine.TariffAt(alert.budget.tenant, engine.now()).tariff.currency;
    news.push_back({number, AlertJson(number, alert, engine.books(), currency)});
  }
  return news;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Broker>> Broker::Start(BrokerTerms terms) {
  std::unique_ptr<Broker> broker(new Broker);
  const bool is_new = terms.journal->head().sequence == 0;
  auto grant_keys =
      auth::GrantKeys::Load(terms.data_dir, is_new, auth::RandomBytes(auth::kGrantKeyBytes), daemon::WallTime());
  if (!grant_keys.ok()) return grant_keys.status();
  broker->grant_keys_ = *std::move(grant_keys);
  absl::StatusOr<auth::SigningKey> signing_key =
      auth::SigningKey::Load(terms.data_dir, is_new, auth::RandomBytes(auth::kSigningKeyBytes));
  if (!signing_key.ok()) return signing_key.status();
  broker->signing_key_ = std::make_unique<const auth::SigningKey>(*std::move(signing_key));
  broker->read_config_ = std::move(terms.read_config);
  broker->api_keys_ = std::make_unique<auth::ApiKeys>(std::move(terms.api_keys));

  arrivals::Birth birth{.opened = daemon::WallTime(), .before = terms.journal->head()};
  auto engine = core::Engine::Open(terms.engine, std::move(terms.journal), terms.scheduling, birth.opened);
  if (!engine.ok()) return engine.status();
  birth.epoch = (*engine)->epoch();
  birth.follower = (*engine)->ledger().TakeFollowerStart();
  birth.settings = std::move(terms.engine);
  broker->opening_ = (*engine)->ledger().opening();
  broker->names_ = std::make_unique<Names>(**engine);
  const uint64_t newest_alert = (*engine)->books().budget_records().alerts_end() - 1;
  daemon::SlewedClock clock(daemon::MonotonicTime, daemon::WallTime, (*engine)->books().newest());
  broker->loop_ = std::make_unique<daemon::CommandLoop>(
      *std::move(engine), std::move(clock),
      daemon::CommandLoop::Terms{.queue_capacity = terms.command_queue,
                                 .on_fatal = std::move(terms.on_fatal),
                                 .write_back = {},
                                 .on_no_projections = std::move(terms.on_no_projections)},
      RecordArrivals(terms, birth));

  if (absl::Status started = broker->StartWebhook(terms, newest_alert); !started.ok()) return started;
  broker->surroundings_ = std::make_unique<Surroundings>(
      Surroundings{*broker->loop_, *broker->names_, *broker->api_keys_, *broker->grant_keys_, broker->worker_,
                   *broker->signing_key_, terms.front_door, [owner = broker.get()] { return owner->Reload(); }});
  auto server = StartServer(terms.server, *broker->surroundings_);
  if (!server.ok()) return server.status();
  broker->server_ = *std::move(server);
  return broker;
}

absl::Status Broker::StartWebhook(BrokerTerms& terms, uint64_t newest_alert) {
  if (!terms.webhook) return absl::OkStatus();
  const auto alerts = std::make_shared<DurableAlerts>();
  const auto fetch = [loop = loop_.get(), alerts](uint64_t from) -> std::optional<std::vector<http::AlertNews>> {
    std::promise<std::vector<http::AlertNews>> read;
    const bool asked = loop->Ask([&](const core::Engine& engine, uint64_t durable) {
      alerts->Look(engine, durable);
      read.set_value(NewsFrom(from, alerts->end, engine));
    });
    return asked ? std::optional(read.get_future().get()) : std::nullopt;
  };
  auto webhook = http::Webhook::Start(*std::move(terms.webhook), newest_alert, fetch, std::move(terms.on_webhook));
  if (!webhook.ok()) return webhook.status();
  webhook_ = *std::move(webhook);
  return absl::OkStatus();
}

Broker::~Broker() {
  if (server_ != nullptr) server_->Shutdown(Duration::Zero());
}

absl::StatusOr<std::string> Broker::Reload() {
  const std::lock_guard lock(reloading_);
  if (read_config_ == nullptr) return absl::FailedPreconditionError("this daemon was not started from a file");
  absl::StatusOr<BrokerTerms::Fresh> fresh = read_config_();
  if (!fresh.ok()) return fresh.status();

  struct Applied final : daemon::Caller {
    void Answer(core::Outcome outcome) override { done.set_value(std::move(outcome)); }
    std::promise<core::Outcome> done;
  } applied;
  core::Reconfigure reconfigure;
  reconfigure.ticket = loop_->NewTicket();
  reconfigure.settings = std::make_shared<const core::EngineSettings>(std::move(fresh->engine));
  if (!loop_->Submit(reconfigure, reconfigure.ticket, &applied)) {
    return absl::UnavailableError("the command queue is full: try again");
  }
  const core::Outcome outcome = applied.done.get_future().get();
  if (const auto* error = std::get_if<core::Error>(&outcome)) return absl::FailedPreconditionError(error->message);

  std::promise<void> renamed;
  const bool asked = loop_->Ask([&](const core::Engine& engine, uint64_t) {
    names_->Update(engine);
    renamed.set_value();
  });
  if (!asked) return absl::UnavailableError("the command queue is full: the new names are not known yet; try again");
  renamed.get_future().get();
  api_keys_->Replace(std::move(fresh->hash_key), fresh->api_keys);
  return fresh->summary;
}

absl::Status Broker::Drain(Duration timeout) {
  server_->TurnAway();
  loop_->Tell(core::Drain{});
  loop_->WaitUntilSettled(std::chrono::nanoseconds(timeout.count()));
  server_->Shutdown(Seconds(1));
  webhook_ = nullptr;
  return loop_->Stop();
}

}  // namespace penstock::rpc
