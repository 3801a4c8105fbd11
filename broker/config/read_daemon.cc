#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <arpa/inet.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "broker/config/decimal.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

constexpr int64_t kMaxDrainSeconds = 3'600;
constexpr int64_t kMaxCommandQueue = 16'777'216;
constexpr int64_t kMaxArrivalLogBytes = int64_t{1} << 50;
constexpr uint64_t kLeastArrivalLogBytes = uint64_t{1} << 20;

struct Address {
  std::string host;  // without brackets
  bool loopback = false;
};

bool IsHostName(std::string_view host) {
  return !host.empty() && host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                              std::string_view::npos;
}

std::optional<Address> ParseAddress(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const Decimal port = ParseDecimal(std::string_view(listen).substr(colon + 1), 0);
  if (port.form != Decimal::Form::kExact || port.scaled > 65'535) return std::nullopt;
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    in6_addr address{};
    if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return std::nullopt;
    return Address{host, IN6_IS_ADDR_LOOPBACK(&address) != 0};
  }
  if (!IsHostName(host)) return std::nullopt;
  in_addr address{};
  const bool numeric = inet_pton(AF_INET, host.c_str(), &address) == 1;
  return Address{host, host == "localhost" || (numeric && ntohl(address.s_addr) >> 24 == 127)};
}

void ReadListen(Section& top, Config& config) {
  config.listen = top.Text({.name = "listen", .otherwise = config.listen, .example = "127.0.0.1:7070"});
  const std::optional<Address> address = ParseAddress(config.listen);
  if (!address) {
    top.Complain("listen", absl::StrCat(Quoted(config.listen),
                                        " is not an address; write host:port with a port from 0 to 65535, for example "
                                        "127.0.0.1:7070 or [::1]:7070"));
  } else if (!address->loopback && !top.Has("tls")) {
    top.Complain("listen", absl::StrCat("Penstock listens beyond loopback only with TLS, and ", Quoted(address->host),
                                        " is not loopback; add `tls: {cert_file: server.pem, key_file: server.key}`, "
                                        "or listen on 127.0.0.1"));
  }
}

std::string ReadPem(Section& tls, std::string_view key, std::string_view example, bool check_files) {
  const std::string text = tls.Text({.name = key, .otherwise = {}, .example = example});
  const std::string path = ResolvePath(text, tls.source().file);
  if (!check_files || text.empty()) return path;
  std::ifstream file(path);
  if (!file) {
    tls.Complain(key, absl::StrCat("cannot read ", path,
                                   "; check the path (it is relative to this file) and that the "
                                   "daemon's user may read it"));
    return path;
  }
  std::string start(kMaxFileBytes, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  if (!absl::StrContains(start, "-----BEGIN ")) {
    tls.Complain(key, absl::StrCat(path, " is not PEM; it must have a line that begins with -----BEGIN"));
  }
  return path;
}

void ReadTls(Section& top, bool check_files, Config& config) {
  const Node* node = top.Optional("tls");
  if (node == nullptr) return;
  Section tls(top.source(), *node, top.PathOf("tls"), "tls: {cert_file: server.pem, key_file: server.key}");
  config.tls = Tls{.cert_file = ReadPem(tls, "cert_file", "server.pem", check_files),
                   .key_file = ReadPem(tls, "key_file", "server.key", check_files)};
}

void ReadArrivalLog(Section& top, Config& config) {
  const Node* node = top.Optional("arrival_log");
  if (node == nullptr) return;
  Section log(top.source(), *node, top.PathOf("arrival_log"), "arrival_log: {max_bytes: 268435456}");
  config.arrival_log_bytes = static_cast<uint64_t>(log.Integer({.name = "max_bytes",
                                                                .min = 0,
                                                                .max = kMaxArrivalLogBytes,
                                                                .otherwise = int64_t{256} << 20,
                                                                .example = "268435456"}));
  if (config.arrival_log_bytes == 0 || config.arrival_log_bytes >= kLeastArrivalLogBytes) return;
  log.Complain("max_bytes", absl::StrCat(config.arrival_log_bytes, " is too little to be of use; give it at least ",
                                         kLeastArrivalLogBytes, ", or 0 for no arrival log"));
}

void ReadKeyOwner(Section& section, auth::ApiKeyRecord& record) {
  if (record.role == auth::Role::kTenant) {
    record.tenant = section.EntityName("tenant", "acme");
    record.key = section.EntityName("key", "prod");
    return;
  }
  for (const std::string_view key : {"tenant", "key"}) {
    if (!section.Has(key)) continue;
    section.Complain(key, absl::StrCat("belongs to role tenant only; a ",
                                       absl::string_view(Name(record.role).data(), Name(record.role).size()),
                                       " acts for every tenant: remove it"));
  }
}

auth::ApiKeyRecord ReadApiKey(const Source& source, const Node& node, const std::string& path) {
  Section section(source, node, path, "{id: 0badcafe, role: gateway, hash: ...}, as `penstock keys new` prints it");
  auth::ApiKeyRecord record;
  record.id = section.Text({.name = "id", .otherwise = {}, .example = "0badcafe"});
  if (!record.id.empty() && !auth::IsApiKeyId(record.id)) {
    section.Complain("id",
                     absl::StrCat(Quoted(record.id),
                                  " is not a key id; copy the eight hex digits that `penstock keys new` printed"));
  }
  record.role = static_cast<auth::Role>(section.Choice({.name = "role", .choices = auth::kRoleNames, .otherwise = {}}));
  ReadKeyOwner(section, record);
  record.hash = section.Text({.name = "hash", .otherwise = {}, .example = "(64 hex digits)"});
  if (!record.hash.empty() && !auth::IsApiKeyHash(record.hash)) {
    section.Complain("hash",
                     "is not a key's hash; copy the 64 hex digits that `penstock keys new` printed (the hash, "
                     "never the secret itself)");
  }
  return record;
}

void ReadAuth(Section& top, bool check_files, Config& config) {
  config.hash_key_file = config.data_dir + "/hash_key";
  const Node* node = top.Optional("auth");
  if (node == nullptr) return;
  Section section(top.source(), *node, top.PathOf("auth"), "auth: {keys: []}");
  if (section.Has("hash_key_file")) {
    config.hash_key_file =
        ResolvePath(section.Text({.name = "hash_key_file", .otherwise = {}, .example = "hash_key"}), top.source().file);
  }
  const auto read = [&](const Node& item, const std::string& path) {
    config.api_keys.push_back(ReadApiKey(top.source(), item, path));
  };
  section.List("keys", read, false, "[]");
  if (!check_files || config.api_keys.empty()) return;
  if (const auto loaded = auth::LoadHashKey(config.hash_key_file); !loaded.ok()) {
    section.Complain("hash_key_file", std::string(loaded.status().message()));
  }
}

}  // namespace

void ReadDaemon(Section& top, bool check_files, Config& config) {
  ReadListen(top, config);
  config.data_dir =
      ResolvePath(top.Text({.name = "data_dir", .otherwise = {}, .example = "/var/lib/penstock"}), top.source().file);
  ReadTls(top, check_files, config);
  config.drain_timeout = Seconds(
      top.Integer({.name = "drain_timeout_s", .min = 0, .max = kMaxDrainSeconds, .otherwise = 30, .example = "30"}));
  config.command_queue = top.Integer({.name = "command_queue",
                                      .min = 1,
                                      .max = kMaxCommandQueue,
                                      .otherwise = config.command_queue,
                                      .example = "65536"});
  ReadArrivalLog(top, config);
  ReadAuth(top, check_files, config);
}

}  // namespace penstock::config
