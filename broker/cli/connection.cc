#include "broker/cli/connection.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "broker/cli/exit_codes.h"

namespace penstock::cli {
namespace {

constexpr size_t kLongestApiKey = 512;

std::variant<std::string, CallError> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) return LocalError(kIo, "cannot read " + path + ": " + std::strerror(errno));
  return text.str();
}

bool IsLoopback(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("localhost:") || address == "localhost" ||
         address.starts_with("[::1]") || address.starts_with("unix:");
}

// Anything else in a metadata value makes gRPC fail in a way that names no cause.
bool IsApiKey(std::string_view key) {
  const auto visible = [](char c) { return c > 0x20 && c < 0x7F; };
  return !key.empty() && key.size() <= kLongestApiKey && std::all_of(key.begin(), key.end(), visible);
}

std::variant<std::string, CallError> ReadApiKey(const ConnectionFlags& flags) {
  std::string key;
  const char* from_environment = std::getenv("PENSTOCK_API_KEY");
  if (!flags.api_key_file.empty()) {
    auto text = ReadTextFile(flags.api_key_file);
    if (std::holds_alternative<CallError>(text)) return text;
    key = std::get<std::string>(std::move(text));
  } else if (from_environment != nullptr && *from_environment != '\0') {
    key = from_environment;
  } else {
    return std::string();  // the daemon will say that it wants one
  }
  key.erase(key.find_last_not_of(" \t\r\n") + 1);
  if (IsApiKey(key)) return key;
  const std::string source = flags.api_key_file.empty() ? "PENSTOCK_API_KEY" : flags.api_key_file;
  return LocalError(kConfig, source + " holds no API key", "it must be one line, as `penstock keys new` printed it");
}

}  // namespace

void ConnectionFlags::AddTo(CLI::App& command) {
  const std::string group = "Connection";
  command.add_option("--address", address, "the daemon, HOST:PORT")
      ->envname("PENSTOCK_ADDRESS")
      ->capture_default_str()
      ->group(group)
      ->option_text("HOST:PORT");
  command.add_option("--api-key-file", api_key_file, "file with the API key; without it PENSTOCK_API_KEY")
      ->group(group)
      ->option_text("FILE");
  command.add_option("--tls-ca", tls_ca_file, "use TLS and trust the certificates in this PEM file")
      ->group(group)
      ->option_text("FILE");
}

std::string ConnectionFlags::AsArguments() const {
  std::string arguments;
  if (address != ConnectionFlags().address) arguments += " --address " + address;
  if (!api_key_file.empty()) arguments += " --api-key-file " + api_key_file;
  if (!tls_ca_file.empty()) arguments += " --tls-ca " + tls_ca_file;
  return arguments;
}

std::variant<Connection, CallError> Connection::Open(const ConnectionFlags& flags) {
  auto key = ReadApiKey(flags);
  if (auto* error = std::get_if<CallError>(&key)) return std::move(*error);
  const std::string secret = std::get<std::string>(std::move(key));

  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!flags.tls_ca_file.empty()) {
    auto pem = ReadTextFile(flags.tls_ca_file);
    if (auto* error = std::get_if<CallError>(&pem)) return std::move(*error);
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = std::get<std::string>(std::move(pem));
    credentials = grpc::SslCredentials(tls);
  } else if (!secret.empty() && !IsLoopback(flags.address)) {
    return LocalError(kUsage, "the API key would travel to " + flags.address + " in clear text",
                      "use TLS (--tls-ca FILE), or reach the daemon through an address of this machine");
  }

  Connection connection;
  connection.address_ = flags.address;
  if (!secret.empty()) connection.authorization_ = "Bearer " + secret;
  connection.credentials_ = credentials;
  connection.channel_ = connection.NewChannel();
  return connection;
}

std::shared_ptr<grpc::Channel> Connection::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address_, credentials_, arguments);
}

void Connection::Authorize(grpc::ClientContext& context) const {
  if (!authorization_.empty()) context.AddMetadata("authorization", authorization_);
}

std::optional<CallError> Connection::Call(absl::Duration answer_within,
                                          absl::FunctionRef<grpc::Status(grpc::ClientContext&)> call) const {
  grpc::ClientContext context;
  Authorize(context);
  context.set_deadline(absl::ToChronoTime(absl::Now() + answer_within));
  const grpc::Status status = call(context);
  if (status.ok()) return std::nullopt;
  return ReadCallError(status, address_);
}

}  // namespace penstock::cli
