#include "broker/rpc/broker.h"

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "broker/auth/random_bytes.h"

namespace penstock::rpc {

absl::StatusOr<std::unique_ptr<Broker>> Broker::Start(BrokerTerms terms) {
  std::unique_ptr<Broker> broker(new Broker);
  auto grant_keys = auth::GrantKeys::Load(terms.data_dir, auth::RandomBytes(auth::kGrantKeyBytes), daemon::WallTime());
  if (!grant_keys.ok()) return grant_keys.status();
  broker->grant_keys_ = *std::move(grant_keys);
  broker->api_keys_ = std::make_unique<auth::ApiKeys>(std::move(terms.api_keys));

  auto engine = core::Engine::Open(terms.engine, std::move(terms.journal), terms.scheduling, daemon::WallTime());
  if (!engine.ok()) return engine.status();
  broker->names_ = std::make_unique<Names>(**engine);
  daemon::SlewedClock clock(daemon::MonotonicTime, daemon::WallTime, (*engine)->books().newest());
  broker->loop_ = std::make_unique<daemon::CommandLoop>(
      *std::move(engine), std::move(clock),
      daemon::CommandLoop::Terms{.queue_capacity = terms.command_queue, .on_fatal = std::move(terms.on_fatal)});

  broker->surroundings_ = std::make_unique<Surroundings>(
      Surroundings{*broker->loop_, *broker->names_, *broker->api_keys_, *broker->grant_keys_});
  auto server = StartServer(terms.server, *broker->surroundings_);
  if (!server.ok()) return server.status();
  broker->server_ = *std::move(server);
  return broker;
}

Broker::~Broker() {
  if (server_ != nullptr) server_->Shutdown(Duration::Zero());
}

uint64_t Broker::OpenGrants() {
  std::promise<uint64_t> open;
  const bool asked =
      loop_->Ask([&](const core::Engine& engine, uint64_t) { open.set_value(engine.books().open().size()); });
  return asked ? open.get_future().get() : 0;
}

absl::Status Broker::Drain(Duration timeout) {
  server_->TurnAway();
  loop_->Tell(core::Drain{});
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout.count());
  while (OpenGrants() > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  server_->Shutdown(Seconds(1));
  return loop_->Stop();
}

}  // namespace penstock::rpc
