// penstock serve: load, open, listen, and stop in an orderly way.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "broker/auth/api_keys.h"
#include "broker/auth/secret_file.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "broker/config/config.h"
#include "broker/rpc/broker.h"

namespace penstock::cli {
namespace {

struct ServeOptions {
  std::string config;
};

/// SIGTERM, SIGINT and SIGHUP, blocked from the start so that every thread inherits that and only sigwait sees them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  std::string Wait() {
    int number = 0;
    sigwait(&set_, &number);
    return number == SIGTERM ? "SIGTERM" : number == SIGHUP ? "SIGHUP" : "SIGINT";
  }
  /// From here on a second signal ends the process at once.
  void Release() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_;
};

// The last word before the process ends: memory is ahead of the disk, so nothing may be answered any more.
[[noreturn]] void LastWord(const absl::Status& status) {
  const std::string text = "penstock: the journal failed, so the daemon stops here: " + std::string(status.message()) +
                           "\npenstock: every answer that was given is safe; fix the disk and start again\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  _exit(kIo);
}

void SayNoProjections(const absl::Status& status) {
  const std::string text = "penstock: projections cannot be written back any more: " + std::string(status.message()) +
                           "\npenstock: nothing is lost, but the next start will replay the journal from there\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

void SayNoArrivalLog(const absl::Status& status) {
  const std::string text = "penstock: the arrival log ends here: " + std::string(status.message()) +
                           "\npenstock: nothing else is affected, but decisions from here on cannot be replayed\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

void SayOfWebhook(const std::string& trouble) {
  const std::string text = "penstock: " + trouble + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

absl::StatusOr<http::WebhookTerms> WebhookFor(const config::WebhookSettings& settings, const std::string& data_dir) {
  absl::StatusOr<std::string> secret = auth::ReadSecretFile(settings.secret_file);
  if (!secret.ok()) return secret.status();
  while (secret->ends_with('\n')) secret->pop_back();
  return http::WebhookTerms{.origin = settings.origin,
                            .path = settings.path,
                            .secret = *std::move(secret),
                            .cursor_file = data_dir + "/webhook_cursor"};
}

void SayOpening(const ledger::Opening& opening, Terminal& terminal) {
  if (!opening.warning.empty()) terminal.err << "penstock: " << opening.warning << std::endl;
  if (opening.loaded + opening.replayed == 0) return;
  terminal.err << "penstock: opened the journal: projections up to sequence " << opening.loaded << ", then "
               << opening.replayed << " entries replayed" << std::endl;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream contents;
  contents << file.rdbuf();
  if (!file) return absl::NotFoundError("cannot read " + path + ": " + std::strerror(errno));
  return contents.str();
}

absl::StatusOr<rpc::BrokerTerms> TermsFor(const config::Config& config, const Parts& parts) {
  absl::StatusOr<auth::HmacKey> hash_key = auth::LoadHashKey(config.hash_key_file);
  if (!hash_key.ok()) return hash_key.status();
  auto journal = parts.journal(config.data_dir, /*read_only=*/false);
  if (!journal.ok()) return journal.status();
  rpc::BrokerTerms terms{.engine = config.engine,
                         .journal = *std::move(journal),
                         .scheduling = parts.scheduling,
                         .data_dir = config.data_dir,
                         .api_keys = auth::ApiKeys(*hash_key, config.api_keys),
                         .server = {.listen = config.listen, .tls_certificate = "", .tls_key = ""},
                         .command_queue = static_cast<size_t>(config.command_queue),
                         .arrival_log_bytes = config.arrival_log_bytes,
                         .on_fatal = LastWord,
                         .on_no_projections = SayNoProjections,
                         .on_no_arrival_log = SayNoArrivalLog,
                         .webhook = {},
                         .on_webhook = SayOfWebhook};
  if (config.webhook) {
    absl::StatusOr<http::WebhookTerms> webhook = WebhookFor(*config.webhook, config.data_dir);
    if (!webhook.ok()) return webhook.status();
    terms.webhook = *std::move(webhook);
  }
  if (!config.tls) return terms;
  absl::StatusOr<std::string> certificate = ReadFile(config.tls->cert_file);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = ReadFile(config.tls->key_file);
  if (!key.ok()) return key.status();
  terms.server.tls_certificate = *certificate;
  terms.server.tls_key = *key;
  return terms;
}

/// For Reload: the file as it is now. What only a restart can change (where it listens, where its data lies) stays.
absl::StatusOr<rpc::BrokerTerms::Fresh> ReadAgain(const std::string& path) {
  absl::StatusOr<config::Config> config = config::LoadConfig(path);
  if (!config.ok()) return config.status();
  absl::StatusOr<auth::HmacKey> hash_key = auth::LoadHashKey(config->hash_key_file);
  if (!hash_key.ok()) return hash_key.status();
  std::string summary = config::Describe(*config);
  return rpc::BrokerTerms::Fresh{std::move(config->engine), *std::move(hash_key), std::move(config->api_keys),
                                 std::move(summary)};
}

/// Until a signal asks to stop; its name.
std::string ReloadUntilStopped(StopSignals& signals, rpc::Broker& broker, Terminal& terminal) {
  for (std::string signal = signals.Wait();; signal = signals.Wait()) {
    if (signal != "SIGHUP") return signal;
    const absl::StatusOr<std::string> summary = broker.Reload();
    if (summary.ok()) {
      terminal.err << "penstock: SIGHUP: configuration applied\n" << *summary << std::flush;
    } else {
      terminal.err << "penstock: SIGHUP: nothing changed: " << summary.status().message() << std::endl;
    }
  }
}

int Fail(Terminal& terminal, const absl::Status& status) {
  terminal.err << "penstock serve: " << status.message() << "\n";
  return ExitCodeOf(status);
}

int Serve(const ServeOptions& options, const Parts& parts, Terminal& terminal) {
  const absl::StatusOr<config::Config> config = config::LoadConfig(options.config);
  if (!config.ok()) {
    terminal.err << config.status().message() << "\n";
    return kConfig;
  }
  StopSignals signals;
  absl::StatusOr<rpc::BrokerTerms> terms = TermsFor(*config, parts);
  if (!terms.ok()) return Fail(terminal, terms.status());
  terms->read_config = [path = options.config] { return ReadAgain(path); };
  absl::StatusOr<std::unique_ptr<rpc::Broker>> broker = rpc::Broker::Start(*std::move(terms));
  if (!broker.ok()) return Fail(terminal, broker.status());
  SayOpening((*broker)->opening(), terminal);

  const std::string host = config->listen.substr(0, config->listen.rfind(':'));
  terminal.out << "listening on " << host << ":" << (*broker)->port() << std::endl;
  const std::string signal = ReloadUntilStopped(signals, **broker, terminal);
  signals.Release();
  terminal.err << "penstock: " << signal << ": draining; no new grants, settlements go on for at most "
               << config->drain_timeout.count() / 1'000'000'000 << " s" << std::endl;
  if (const absl::Status drained = (*broker)->Drain(config->drain_timeout); !drained.ok()) LastWord(drained);
  terminal.err << "penstock: stopped; the journal is synced" << std::endl;
  return kOk;
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
      return kConfig;
    case absl::StatusCode::kUnavailable:
      return kUnavailable;
    case absl::StatusCode::kPermissionDenied:
      return kPermission;
    case absl::StatusCode::kDataLoss:
      return kIo;
    default:
      return kIo;
  }
}

void AddServeCommand(CLI::App& app, Invocation& invocation, const Parts& parts) {
  CLI::App* serve = app.add_subcommand("serve", "Run the daemon until SIGTERM or SIGINT drains it");
  auto options = std::make_shared<ServeOptions>();
  serve->add_option("-c,--config", options->config, "Configuration, YAML (see deploy/examples/penstock.yaml)")
      ->required();
  OnRun(*serve, invocation, [options, &parts](Terminal& terminal) { return Serve(*options, parts, terminal); });
}

}  // namespace penstock::cli
