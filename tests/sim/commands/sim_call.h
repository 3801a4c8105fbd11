// Calls `penstock sim ...` as a person does, and keeps what it said.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sim {

struct Reply {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// `arguments` after `penstock sim`. Nobody is looking: no terminal, no colour.
Reply Sim(std::vector<std::string> arguments);

/// A folder of the test's own, gone after it.
class ScratchFolder {
 public:
  ScratchFolder();
  /// Of several tests; `name` is the folder's.
  explicit ScratchFolder(const std::string& name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string At(const std::string& name) const { return (path_ / name).string(); }
  /// Writes the file; its path.
  std::string File(const std::string& name, std::string_view text) const;

 private:
  const std::filesystem::path path_;
};

/// The bytes of a file; a failure of the test when it is not there.
std::string TextOf(const std::string& path);

/// The text with every `from` replaced; it must be there.
std::string With(std::string text, const std::string& from, const std::string& to);

/// Against golden/NAME of this folder. With PENSTOCK_UPDATE_GOLDEN set, writes what it got instead: read the difference
/// before committing it.
void ExpectGolden(const std::string& name, const std::string& got);

/// Two tenants for three minutes, one of them free, on a pool that is too small for both.
extern const std::string_view kTwoTenants;

}  // namespace penstock::sim
