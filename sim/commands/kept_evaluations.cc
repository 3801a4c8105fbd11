#include "sim/commands/kept_evaluations.h"

#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "ledger/sha256.h"
#include "sim/commands/file_bytes.h"
#include "sim/search/evaluation_log.h"

namespace penstock::sim {
namespace {

namespace fs = std::filesystem;

std::string ReadWhole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

absl::Status KeptEvaluations::Open(const fs::path& path, std::string_view terms, bool resume) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  if (failed)
    return absl::UnknownError(absl::StrCat(path.parent_path().string(), ": cannot be made: ", failed.message()));
  path_ = path;
  const std::string first_line = absl::StrCat("search ", ledger::ToHex(ledger::Sha256(terms)), "\n");
  const std::string text = ReadWhole(path_);
  const std::string_view whole = WholeLines(text);
  if (!whole.empty() && !resume) {
    return absl::AlreadyExistsError(absl::StrCat(path_.string(),
                                                 ": is of an earlier search; go on with it (--resume), "
                                                 "name another folder, or remove it"));
  }
  if (whole.empty()) {
    if (absl::Status written = WriteFile(path_.string(), first_line); !written.ok()) return written;
  } else if (!whole.starts_with(first_line)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_.string(),
                     ": is of a search in another scenario, with other options or by another version of penstock, so "
                     "that this one cannot go on from it; name another folder, or remove it"));
  } else {
    kept_ = whole.substr(first_line.size());
    fs::resize_file(path_, whole.size(), failed);  // without the unfinished last line
  }
  out_.open(path_, std::ios::binary | std::ios::app);
  return status();
}

std::string KeptEvaluations::Text() const { return ReadWhole(path_); }

absl::Status KeptEvaluations::status() const {
  if (out_.good()) return absl::OkStatus();
  return absl::UnknownError(
      absl::StrCat(path_.string(), ": cannot be written; look at the disk, then go on (--resume)"));
}

}  // namespace penstock::sim
