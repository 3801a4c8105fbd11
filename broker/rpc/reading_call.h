// A call that reads the engine's state between two commands and answers with what it saw.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>

#include "broker/daemon/command_loop.h"
#include "broker/rpc/errors.h"

namespace penstock::rpc {

/// Runs `read` on the loop's thread and finishes the call with its status. Deletes itself at the end.
class ReadingCall final : public grpc::ServerUnaryReactor {
 public:
  using Read = std::function<grpc::Status(const core::Engine& engine, uint64_t durable_sequence)>;

  /// A call that ends at once with a status.
  explicit ReadingCall(const grpc::Status& status) { Finish(status); }

  ReadingCall(daemon::CommandLoop& loop, Read read) {
    const bool queued = loop.Ask([this, read = std::move(read)](const core::Engine& engine, uint64_t durable) {
      Finish(read(engine, durable));
    });
    if (!queued) Finish(Overloaded());
  }

  void OnDone() override { delete this; }
};

}  // namespace penstock::rpc
