// Admission over gRPC: translate, enqueue, answer.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>

#include "broker/auth/api_keys.h"
#include "broker/auth/grant_keys.h"
#include "broker/auth/signing_key.h"
#include "broker/daemon/command_loop.h"
#include "broker/daemon/worker.h"
#include "broker/rpc/names.h"

namespace grpc {
class Service;
}

namespace penstock::rpc {

/// How much the front door takes. The figures for sessions are promised in the proto; tests make them small.
struct FrontDoor {
  /// Unary Admits under way, each of which holds a gRPC call; beyond it they are answered OVERLOADED.
  int64_t unary_admits = 20'000;
  /// Of one session: items and routes read and not answered, and Admits among them that the loop has.
  size_t unanswered = 65'536;
  size_t waiting_admits = 32'768;
  size_t items_per_message = 1'024;
  /// WatchPrices calls at a time, and how often they are looked after.
  size_t price_watchers = 1'000;
  Duration prices_every = Milliseconds(250);
};

/// Reads the configuration again and applies it; answers with a summary, or with what is wrong (then nothing has
/// changed). Any thread may call it; it waits until it is done.
using Reload = std::function<absl::StatusOr<std::string>()>;

/// What every service needs; all of it outlives the server.
struct Surroundings {
  daemon::CommandLoop& loop;
  const Names& names;
  const auth::ApiKeys& api_keys;
  auth::GrantKeys& grant_keys;
  daemon::Worker& worker;
  const auth::SigningKey& signing_key;
  FrontDoor front_door{};
  Reload reload{};
};

std::unique_ptr<grpc::Service> NewAdmissionService(const Surroundings& surroundings);

}  // namespace penstock::rpc
