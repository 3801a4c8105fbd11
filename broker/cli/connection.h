// A daemon to talk to: where it is, who is asking, and the calls themselves.
//
// The secret never stands in argv, where every user of the machine could read it: it comes from a file or from the
// environment. It leaves this process only over TLS or towards this machine.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "broker/cli/call_error.h"

namespace CLI {
class App;
}
namespace grpc {
class Channel;
class ChannelCredentials;
class ClientContext;
}  // namespace grpc

namespace penstock::cli {

struct ConnectionFlags {
  std::string address = "127.0.0.1:7070";  // --address, else PENSTOCK_ADDRESS
  std::string api_key_file;                // --api-key-file; without it PENSTOCK_API_KEY
  std::string tls_ca_file;                 // --tls-ca: PEM; TLS is on when it is given

  /// The flags must outlive the parsing.
  void AddTo(CLI::App& command);
  /// What was not left at its default, as the start of another command's arguments: " --address 127.0.0.1:7171".
  std::string AsArguments() const;
};

class Connection {
 public:
  /// Reads key and certificate; does not wait for the daemon.
  static std::variant<Connection, CallError> Open(const ConnectionFlags& flags);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  /// Another one, with a transport connection of its own.
  std::shared_ptr<grpc::Channel> NewChannel() const;
  const std::string& address() const { return address_; }

  /// Puts the credential on a call.
  void Authorize(grpc::ClientContext& context) const;

  /// Makes one blocking call with the credential on it; nothing when it went well. `answer_within` counts from now.
  std::optional<CallError> Call(absl::Duration answer_within,
                                absl::FunctionRef<grpc::Status(grpc::ClientContext&)> call) const;

 private:
  Connection() = default;

  std::string address_;
  std::string authorization_;  // the metadata value; empty: no credential
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// What an answer that needs no waiting may take.
constexpr absl::Duration kPromptly = absl::Seconds(10);

}  // namespace penstock::cli
