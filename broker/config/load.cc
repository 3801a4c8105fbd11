#include <absl/strings/str_cat.h>

#include <deque>
#include <filesystem>
#include <utility>

#include "broker/config/config.h"
#include "broker/config/read_file.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

/// A tariff with where it was read, which lives as long as its reader.
struct ReadTariffFile {
  TariffFile file;
  TariffOrigin origin;
};

// The tariffs of a configuration: the one in force, written in place or a file of its own, and files of further
// versions.
class TariffReader {
 public:
  explicit TariffReader(Section& top) : top_(top) {}

  /// The one in force comes first.
  void Read() {
    const Node* node = top_.Required("tariff", "tariff.yaml");
    if (node != nullptr && node->kind == Node::Kind::kScalar) {
      ReadFromFile(node->text, "tariff");
    } else if (node != nullptr) {
      read_.push_back({ReadTariff(top_.source(), *node, "tariff"), {top_.source(), *node, "tariff"}});
    }
    const auto further = [&](const Node& item, const std::string& path) {
      if (item.kind != Node::Kind::kScalar) {
        top_.Complain("tariffs", "must be a list of files, such as [tariffs/2027-01.yaml]");
      } else {
        ReadFromFile(item.text, path);
      }
    };
    top_.List("tariffs", further, false, "[tariffs/2027-01.yaml]");
  }

  std::deque<ReadTariffFile>& read() { return read_; }

 private:
  void ReadFromFile(const std::string& name, const std::string& key) {
    const std::string path = ResolvePath(name, top_.source().file);
    const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
    if (!text.ok()) {
      top_.Complain(key == "tariff" ? "tariff" : "tariffs",
                    absl::StrCat(std::string(text.status().message()),
                                 "; check the path (it is relative to this file)"));
      return;
    }
    std::optional<Node> root = ParseDocument(*text, path, top_.source().problems);
    if (!root) return;
    const Node& kept = roots_.emplace_back(*std::move(root));
    const Source& source = sources_.emplace_back(Source{path, kept, top_.source().problems});
    read_.push_back({ReadTariff(source, kept, ""), {source, kept, ""}});
  }

  Section& top_;
  std::deque<Node> roots_;
  std::deque<Source> sources_;
  std::deque<ReadTariffFile> read_;
};

/// Hands the subscriptions of all tariff files to their tenants.
void Subscribe(const Source& source, std::deque<ReadTariffFile>& files, std::vector<core::TenantSettings>& tenants) {
  for (core::TenantSettings& tenant : tenants) {
    const ReadTariffFile* said = nullptr;
    for (const ReadTariffFile& one : files) {
      const auto bought = one.file.subscriptions.find(tenant.name);
      if (bought == one.file.subscriptions.end()) continue;
      if (said != nullptr) {
        source.problems.Add(one.origin.source.file, one.origin.node.place, "subscriptions." + tenant.name,
                            absl::StrCat(Quoted(tenant.name), " has a subscription in ", said->origin.source.file,
                                         " already; keep one of them"));
      }
      said = &one;
      tenant.subscription = bought->second;
    }
  }
}

absl::StatusOr<Config> Parse(std::string_view text, const std::string& file, bool check_files) {
  Problems problems;
  const std::optional<Node> root = ParseDocument(text, file, problems);
  if (!root) return problems.ToStatus();
  const Source source{file, *root, problems};
  Config config;
  {
    Section top(source, *root, "", "a line such as `data_dir: /var/lib/penstock`");
    ReadDaemon(top, check_files, config);
    ReadWebhook(top, check_files, config);
    ReadEngine(top, EngineTenants::kRequired, config);
  }
  if (!problems.none()) return problems.ToStatus();
  return config;
}

}  // namespace

std::string ResolvePath(std::string_view path, const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  return path.empty() ? "" : (folder / std::filesystem::path(path)).lexically_normal().string();
}

void ReadEngine(Section& top, EngineTenants tenants, Config& config) {
  TariffReader tariffs(top);
  ReadPools(top, config.engine.pools);
  ReadTiers(top, config.engine.tier_limits);
  if (tenants == EngineTenants::kRequired || top.Has("tenants")) ReadTenants(top, config.engine.tenants);
  tariffs.Read();
  const Source& source = top.source();
  Subscribe(source, tariffs.read(), config.engine.tenants);
  // What hangs together is checked once every part is sound: before that it would only echo the parts' problems.
  if (!source.problems.none() || tariffs.read().empty()) return;
  config.engine.tariff = tariffs.read().front().file.tariff;
  for (size_t i = 1; i < tariffs.read().size(); ++i) {
    config.engine.more_tariffs.push_back(tariffs.read()[i].file.tariff);
  }
  CheckEngine(source, config);
  for (const ReadTariffFile& one : tariffs.read()) CheckTariff(config, one.file, one.origin);
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
