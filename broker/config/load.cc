#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "broker/config/config.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  // Non-blocking: a pipe of that name must not hang the start.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat facts {};
  const bool regular = ::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
  std::string text(kMaxFileBytes + 1, '\0');  // one more than is allowed, so that the parser sees an excess
  size_t filled = 0;
  ssize_t got = 1;
  while (regular && filled < text.size() && got != 0) {
    got = ::read(descriptor, text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    filled += static_cast<size_t>(got);
  }
  const int error = errno;
  ::close(descriptor);
  if (!regular) return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  if (got < 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
  text.resize(filled);
  return text;
}

// The tariff of a configuration: written in place, or a file of its own.
class TariffReader {
 public:
  explicit TariffReader(Section& top) : top_(top) {}

  void Read(ledger::Tariff& tariff) {
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
  void ReadFromFile(const std::string& name, ledger::Tariff& tariff) {
    const std::string path = ResolvePath(name, top_.source().file);
    const absl::StatusOr<std::string> text = ReadFile(path);
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
    ReadPools(top, config.engine.pools);
    ReadTiers(top, config.engine.tier_limits);
    ReadTenants(top, config.engine.tenants);
    tariff.Read(config.engine.tariff);
    // What hangs together is checked once every part is sound: before that it would only echo the parts' problems.
    if (problems.none() && tariff.origin()) {
      CheckEngine(source, config);
      CheckTariff(config.engine, *tariff.origin());
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
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return Parse(*text, path, true);
}

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& file_name) {
  return Parse(text, file_name, false);
}

absl::StatusOr<ledger::Tariff> ParseTariff(std::string_view text, const std::string& file_name) {
  Problems problems;
  const std::optional<Node> root = ParseDocument(text, file_name, problems);
  if (!root) return problems.ToStatus();
  const Source source{file_name, *root, problems};
  ledger::Tariff tariff = ReadTariff(source, *root, "");
  if (!problems.none()) return problems.ToStatus();
  return tariff;
}

}  // namespace penstock::config
