// One asynchronous unary call: it lives from its start to its answer, which the completion queue's thread brings.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <memory>
#include <utility>

namespace penstock::cli::demo {

/// What a completion queue's tag points to.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  virtual void Answer() = 0;
};

template <class Response>
class UnaryCall final : public PendingCall {
 public:
  using Then = std::function<void(const grpc::Status&, const Response&)>;
  explicit UnaryCall(Then then) : then_(std::move(then)) {}

  grpc::ClientContext& context() { return context_; }
  void Start(std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader) {
    reader_ = std::move(reader);
    reader_->Finish(&response_, &status_, static_cast<PendingCall*>(this));
  }
  void Answer() override { then_(status_, response_); }

 private:
  grpc::ClientContext context_;  // owns the reader's memory, so it comes first
  grpc::Status status_;
  Response response_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
  Then then_;
};

}  // namespace penstock::cli::demo
