// The gRPC front: three services, health, reflection, bounded messages.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

struct ServerTerms {
  std::string listen;           // "host:port"; port 0 takes a free one
  std::string tls_certificate;  // PEM; empty: no TLS, which config allows on loopback only
  std::string tls_key;          // PEM
};

class Server {
 public:
  virtual ~Server() = default;
  virtual int port() const = 0;
  /// Health turns NOT_SERVING; calls go on.
  virtual void TurnAway() = 0;
  /// Ends the server; calls that are still open get at most `grace` to finish.
  virtual void Shutdown(Duration grace) = 0;
};

/// UNAVAILABLE when the address cannot be bound.
absl::StatusOr<std::unique_ptr<Server>> StartServer(const ServerTerms& terms, const Surroundings& surroundings);

}  // namespace penstock::rpc
