// A call that reads the engine's state between two commands and answers with what it saw.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <utility>

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

/// How many rows a slice of a long read looks at: about a millisecond.
constexpr size_t kRowsPerSlice = 4'096;

/// A long read, a slice between two commands at a time, so that the loop is not held up.
class SlicedCall final : public grpc::ServerUnaryReactor {
 public:
  /// Reads one slice on the loop's thread; true when that was the last one.
  using Read = std::function<bool(const core::Engine& engine)>;

  SlicedCall(daemon::CommandLoop& loop, Read read) : loop_(loop), read_(std::move(read)) { Next(); }

  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  void Next() {
    const bool queued = loop_.Ask([this](const core::Engine& engine, uint64_t) {
      if (cancelled_) return Finish(grpc::Status::CANCELLED);
      read_(engine) ? Finish(grpc::Status::OK) : Next();
    });
    if (!queued) Finish(Overloaded());
  }

  daemon::CommandLoop& loop_;
  const Read read_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace penstock::rpc
