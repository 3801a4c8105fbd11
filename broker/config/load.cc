#include <absl/strings/str_cat.h>

#include <filesystem>
#include <utility>

#include "broker/config/config.h"
#include "broker/config/read_file.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

// The tariff of a configuration: written in place, or a file of its own.
class TariffReader {
 public:
  explicit TariffReader(Section& top) : top_(top) {}

  void Read(TariffFile& tariff) {
    const Node* node = top_.Required("tariff", "tariff.yaml");
    if (node == nullptr) return;
    if (node->kind == Node::Kind::kScalar) {
      ReadFromFile(node->text, tariff);
    } else {
      tariff = ReadTariff(top_.source(), *node, "tariff");
      origin_.emplace(TariffOrigin{top_.source(), *node, "tariff"});
    }
  }

  /// Nothing when there was none to read.
  const std::optional<TariffOrigin>& origin() const { return origin_; }

 private:
  void ReadFromFile(const std::string& name, TariffFile& tariff) {
    const std::string path = ResolvePath(name, top_.source().file);
    const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
    if (!text.ok()) {
      top_.Complain("tariff", absl::StrCat(std::string(text.status().message()),
                                           "; check the path (it is relative to this file)"));
      return;
    }
    root_ = ParseDocument(*text, path, top_.source().problems);
    if (!root_) return;
    source_.emplace(Source{path, *root_, top_.source().problems});
    tariff = ReadTariff(*source_, *root_, "");
    origin_.emplace(TariffOrigin{*source_, *root_, ""});
  }

  Section& top_;
  std::optional<Node> root_;
  std::optional<Source> source_;
  std::optional<TariffOrigin> origin_;
};

absl::StatusOr<Config> Parse(std::string_view text, const std::string& file, bool check_files) {
  Problems problems;
  const std::optional<Node> root = ParseDocument(text, file, problems);
  if (!root) return problems.ToStatus();
  const Source source{file, *root, problems};
  Config config;
  {
    Section top(source, *root, "", "a line such as `data_dir: /var/lib/penstock`");
    TariffReader tariff(top);
    ReadDaemon(top, check_files, config);
    ReadWebhook(top, check_files, config);
    ReadPools(top, config.engine.pools);
    ReadTiers(top, config.engine.tier_limits);
    ReadTenants(top, config.engine.tenants);
    TariffFile prices;
    tariff.Read(prices);
    config.engine.tariff = std::move(prices.tariff);
    for (core::TenantSettings& tenant : config.engine.tenants) {
      const auto bought = prices.subscriptions.find(tenant.name);
      if (bought != prices.subscriptions.end()) tenant.subscription = bought->second;
    }
    // What hangs together is checked once every part is sound: before that it would only echo the parts' problems.
    if (problems.none() && tariff.origin()) {
      CheckEngine(source, config);
      CheckTariff(config, prices.subscriptions, *tariff.origin());
    }
  }
  if (!problems.none()) return problems.ToStatus();
  return config;
}

}  // namespace

std::string ResolvePath(std::string_view path, const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  return path.empty() ? "" : (folder / std::filesystem::path(path)).lexically_normal().string();
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  return Parse(*text, path, true);
}

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& file_name) {
  return Parse(text, file_name, false);
}

absl::StatusOr<TariffFile> ParseTariff(std::string_view text, const std::string& file_name) {
  Problems problems;
  const std::optional<Node> root = ParseDocument(text, file_name, problems);
  if (!root) return problems.ToStatus();
  const Source source{file_name, *root, problems};
  TariffFile tariff = ReadTariff(source, *root, "");
  if (!problems.none()) return problems.ToStatus();
  return tariff;
}

absl::StatusOr<TariffFile> LoadTariff(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  return ParseTariff(*text, path);
}

}  // namespace penstock::config
