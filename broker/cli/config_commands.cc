// penstock validate, penstock keys new: what an operator does before the daemon runs.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "broker/auth/api_keys.h"
#include "broker/auth/random_bytes.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "broker/config/config.h"

namespace penstock::cli {
namespace {

int Validate(const std::string& file, Terminal& terminal) {
  const absl::StatusOr<config::Config> config = config::LoadConfig(file);
  if (!config.ok()) {
    terminal.err << config.status().message() << "\n";
    return kConfig;
  }
  terminal.out << config::Describe(*config);
  return kOk;
}

struct NewKeyOptions {
  std::string hash_key_file;
  std::string role = "gateway";
  std::string tenant;
  std::string key;
};

int NewKey(const NewKeyOptions& options, Terminal& terminal) {
  const bool for_tenant = options.role == "tenant";
  if (for_tenant != (!options.tenant.empty() && !options.key.empty())) {
    terminal.err << (for_tenant ? "penstock keys new: a tenant's API key needs --tenant and --key\n"
                                : "penstock keys new: --tenant and --key go with --role tenant only\n");
    return kUsage;
  }
  if (!std::filesystem::exists(options.hash_key_file)) {
    const absl::Status created = auth::CreateHashKey(options.hash_key_file, auth::RandomBytes(auth::kHashKeyBytes));
    if (!created.ok()) {
      terminal.err << "penstock keys new: " << created.message() << "\n";
      return kIo;
    }
    terminal.err << "wrote a new hash key to " << options.hash_key_file << " (keep it private and backed up)\n";
  }
  const absl::StatusOr<auth::HmacKey> hash_key = auth::LoadHashKey(options.hash_key_file);
  if (!hash_key.ok()) {
    terminal.err << "penstock keys new: " << hash_key.status().message() << "\n";
    return ExitCodeOf(hash_key.status());
  }
  const auth::NewApiKey made = auth::MakeApiKey(auth::RandomBytes(auth::kApiKeyRandomBytes));
  terminal.err << "the secret, shown this once:\n";
  terminal.out << made.secret << "\n";
  terminal.err << "add this to the configuration, under auth.keys:\n"
               << "  - id: " << made.id << "\n    role: " << options.role << "\n";
  if (for_tenant) terminal.err << "    tenant: " << options.tenant << "\n    key: " << options.key << "\n";
  terminal.err << "    hash: " << auth::HashOf(made.secret, *hash_key) << "\n";
  return kOk;
}

}  // namespace

void AddConfigCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* validate =
      app.add_subcommand("validate", "Check a configuration: exit 0, or 78 and every mistake with its place");
  auto file = std::make_shared<std::string>();
  validate->add_option("file", *file, "Configuration, YAML")->required();
  OnRun(*validate, invocation, [file](Terminal& terminal) { return Validate(*file, terminal); });

  CLI::App* keys = app.add_subcommand("keys", "API keys");
  keys->require_subcommand(1);
  CLI::App* make = keys->add_subcommand(
      "new", "Make an API key: the secret on stdout, once; the lines for the configuration on stderr");
  auto options = std::make_shared<NewKeyOptions>();
  make->add_option("--hash-key-file", options->hash_key_file, "The configuration's auth.hash_key_file; made if absent")
      ->required();
  make->add_option("--role", options->role, "gateway, tenant or operator")
      ->check(CLI::IsMember({"gateway", "tenant", "operator"}))
      ->capture_default_str();
  make->add_option("--tenant", options->tenant, "With --role tenant: its name");
  make->add_option("--key", options->key, "With --role tenant: the tenant's key that requests count against");
  OnRun(*make, invocation, [options](Terminal& terminal) { return NewKey(*options, terminal); });
}

}  // namespace penstock::cli
