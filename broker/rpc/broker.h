// A whole broker in one object: engine, command loop, keys, gRPC front. `penstock serve` and `penstock demo` run it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/auth/api_keys.h"
#include "broker/core/engine.h"
#include "broker/core/settings.h"
#include "broker/daemon/worker.h"
#include "broker/http/webhook.h"
#include "broker/rpc/server.h"
#include "ledger/journal.h"

namespace penstock::rpc {

struct BrokerTerms {
  core::EngineSettings engine;
  std::unique_ptr<ledger::Journal> journal;
  core::SchedulerFactory scheduling;
  std::string data_dir;  // grant_keys and signing_key live here
  auth::ApiKeys api_keys;
  ServerTerms server;
  size_t command_queue = 65'536;
  uint64_t arrival_log_bytes = 0;  // of the arrival log in data_dir; 0: none
  FrontDoor front_door{};
  /// What the configuration says now, for Reload; may be null.
  struct Fresh {
    core::EngineSettings engine;
    auth::HmacKey hash_key;
    std::vector<auth::ApiKeyRecord> api_keys;
    std::string summary;
  };
  std::function<absl::StatusOr<Fresh>()> read_config;
  /// The last act after a journal error; must not return.
  std::function<void(const absl::Status&)> on_fatal;
  /// Projections cannot be written back any more; the daemon goes on. May be null.
  std::function<void(const absl::Status&)> on_no_projections;
  /// Likewise the arrival log.
  std::function<void(const absl::Status&)> on_no_arrival_log;
  /// Where alerts are told, if anywhere; and what there is to say about that.
  std::optional<http::WebhookTerms> webhook;
  http::Webhook::Say on_webhook;
};

class Broker {
 public:
  static absl::StatusOr<std::unique_ptr<Broker>> Start(BrokerTerms terms);
  ~Broker();

  int port() const { return server_->port(); }
  /// What had to be replayed at start.
  const ledger::Opening& opening() const { return opening_; }

  /// Reads the configuration again and applies it while traffic runs. FAILED_PRECONDITION or what reading says; then
  /// nothing has changed.
  absl::StatusOr<std::string> Reload();

  /// The orderly end: health turns, no new grants, settlements go on until no grant is open or `timeout` has passed,
  /// then the journal is stopped and synced.
  absl::Status Drain(Duration timeout);

 private:
  Broker() = default;
  absl::Status StartWebhook(BrokerTerms& terms, uint64_t newest_alert);

  ledger::Opening opening_;
  std::function<absl::StatusOr<BrokerTerms::Fresh>()> read_config_;
  std::mutex reloading_;
  std::unique_ptr<auth::ApiKeys> api_keys_;
  std::unique_ptr<auth::GrantKeys> grant_keys_;
  std::unique_ptr<const auth::SigningKey> signing_key_;
  std::unique_ptr<Names> names_;
  std::unique_ptr<daemon::CommandLoop> loop_;
  daemon::Worker worker_;  // ends before the loop: its tasks may ask it
  std::unique_ptr<http::Webhook> webhook_;
  std::unique_ptr<Surroundings> surroundings_;
  std::unique_ptr<Server> server_;
};

}  // namespace penstock::rpc
