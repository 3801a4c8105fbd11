#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <arpa/inet.h>

#include <algorithm>

#include "broker/auth/secret_file.h"
#include "broker/config/decimal.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

constexpr size_t kFewestSecretBytes = 16;
constexpr std::string_view kHostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

bool IsLoopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool IsHost(const std::string& host) {
  return host == "[::1]" || (!host.empty() && host.find_first_not_of(kHostCharacters) == std::string::npos);
}

bool IsPort(std::string_view text) {
  const Decimal port = ParseDecimal(text, 0);
  return port.form == Decimal::Form::kExact && port.scaled >= 1 && port.scaled <= 65'535;
}

bool IsPath(absl::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

/// What is wrong with the URL; empty: nothing.
std::string ReadUrl(const std::string& url, WebhookSettings* webhook) {
  absl::string_view rest = url;
  const bool is_plain = absl::ConsumePrefix(&rest, "http://");
  if (!is_plain && !absl::ConsumePrefix(&rest, "https://")) {
    return "must begin with https:// (or http:// for a loopback address)";
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string authority(rest.substr(0, slash));
  const size_t colon = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  const std::string host = authority.substr(0, colon);
  if (!IsHost(host) || (colon != std::string::npos && !IsPort(authority.substr(colon + 1)))) {
    return "must have a host and perhaps a port behind the slashes, and no user, for example "
           "https://hooks.example.com/penstock";
  }
  if (is_plain && !IsLoopback(host)) {
    return absl::StrCat("alerts go beyond loopback only with TLS, and ", Quoted(host),
                        " is not loopback; write https://");
  }
  if (!IsPath(rest.substr(slash))) return "has a path with spaces, a fragment or foreign characters";
  webhook->origin = absl::StrCat(is_plain ? "http://" : "https://", authority);
  webhook->path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
  return "";
}

}  // namespace

void ReadWebhook(Section& top, bool check_files, Config& config) {
  const Node* node = top.Optional("webhook");
  if (node == nullptr) return;
  Section section(top.source(), *node, top.PathOf("webhook"),
                  "webhook: {url: https://hooks.example.com/penstock, secret_file: webhook_secret}");
  WebhookSettings& webhook = config.webhook.emplace();
  const std::string url =
      section.Text({.name = "url", .otherwise = {}, .example = "https://hooks.example.com/penstock"});
  const std::string wrong = url.empty() ? "" : ReadUrl(url, &webhook);
  if (!wrong.empty()) section.Complain("url", wrong);
  webhook.secret_file = ResolvePath(section.Text({.name = "secret_file", .otherwise = {}, .example = "webhook_secret"}),
                                    top.source().file);
  if (!check_files || webhook.secret_file.empty()) return;
  const absl::StatusOr<std::string> secret = auth::ReadSecretFile(webhook.secret_file);
  if (!secret.ok()) {
    section.Complain("secret_file", std::string(secret.status().message()));
  } else if (secret->size() < kFewestSecretBytes) {
    section.Complain("secret_file", absl::StrCat("holds fewer than ", kFewestSecretBytes,
                                                 " bytes: write some from `openssl rand -hex 32`"));
  }
}

}  // namespace penstock::config
