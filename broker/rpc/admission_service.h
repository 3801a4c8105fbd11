// Admission over gRPC: translate, enqueue, answer.
#pragma once

#include <memory>

#include "broker/auth/api_keys.h"
#include "broker/auth/grant_keys.h"
#include "broker/daemon/command_loop.h"
#include "broker/rpc/names.h"

namespace grpc {
class Service;
}

namespace penstock::rpc {

/// What every service needs; all of it outlives the server.
struct Surroundings {
  daemon::CommandLoop& loop;
  const Names& names;
  const auth::ApiKeys& api_keys;
  auth::GrantKeys& grant_keys;
};

std::unique_ptr<grpc::Service> NewAdmissionService(const Surroundings& surroundings);

}  // namespace penstock::rpc
