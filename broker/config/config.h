// The configuration of a daemon, read from a YAML file (deploy/examples/penstock.yaml explains every key).
//
// Reading is strict and whole: an unknown key, a wrong type, a value out of bounds or a reference to nothing is an
// error, and a configuration with an error is refused as a whole. One status carries all that was found (the first
// twenty), a line each:
//
//   penstock.yaml:12:5: pools[0].burndwon: unknown key; did you mean "burndown"?
//
// Decimals never pass through binary floating point. Paths in the file are relative to the file.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/auth/api_keys.h"
#include "broker/core/settings.h"
#include "ledger/rating/subscription.h"
#include "ledger/tariff.h"

namespace penstock::config {

struct Tls {
  std::string cert_file;  // PEM, the chain
  std::string key_file;   // PEM
};

/// Where alerts are told.
struct WebhookSettings {
  std::string origin;  // "https://hooks.example.com:8443", or http to a loopback address
  std::string path;    // "/penstock"
  std::string secret_file;
};

/// What single customers bought or were promised, by tenant name.
using Subscriptions = std::map<std::string, ledger::rating::Subscription>;

/// What a tariff file holds.
struct TariffFile {
  ledger::Tariff tariff;
  Subscriptions subscriptions;
};

struct Config {
  std::string listen = "127.0.0.1:7070";  // beyond loopback only with TLS; port 0: any free one
  std::string data_dir;
  std::optional<Tls> tls;
  std::optional<WebhookSettings> webhook;
  std::vector<auth::ApiKeyRecord> api_keys;
  std::string hash_key_file;                         // default: DATA_DIR/hash_key
  Duration drain_timeout = Seconds(30);              // how long a stop waits for grants to be completed
  int64_t command_queue = 65'536;                    // commands that may wait for the engine; beyond: refused at once
  uint64_t arrival_log_bytes = uint64_t{256} << 20;  // all files of the arrival log; 0: none is kept
  core::EngineSettings engine;
};

/// INVALID_ARGUMENT with all that is wrong; NOT_FOUND and the like when the file cannot be read. Also checks the files
/// that the configuration names (TLS, hash key).
absl::StatusOr<Config> LoadConfig(const std::string& path);

/// As LoadConfig, of a text; touches no file but a tariff's. `file_name` is what the errors say, and its folder is what
/// paths are relative to.
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& file_name);

/// A tariff file on its own. What only pools and tenants can tell (is every price there?) is checked by ParseConfig.
absl::StatusOr<TariffFile> ParseTariff(std::string_view text, const std::string& file_name);
/// As ParseTariff, of a file.
absl::StatusOr<TariffFile> LoadTariff(const std::string& path);

/// A few lines for people: pools, tenants by tier, keys by role, tariff.
std::string Describe(const Config& config);

}  // namespace penstock::config
