#include "tests/ledger/journal_fixture.h"

#include <absl/strings/str_cat.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {

ScratchDirectory::ScratchDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "penstock-journal-XXXXXX").string();
  PENSTOCK_CHECK(::mkdtemp(pattern.data()) != nullptr);
  root_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string PayloadAt(uint64_t sequence) {
  uint64_t state = sequence * 0x9e3779b97f4a7c15u;
  std::string payload((state >> 32) % 300, '\0');
  for (char& byte : payload) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return payload;
}

std::vector<std::string> PayloadsFrom(uint64_t sequence, size_t count) {
  std::vector<std::string> payloads;
  payloads.reserve(count);
  for (size_t i = 0; i < count; ++i) payloads.push_back(PayloadAt(sequence + i));
  return payloads;
}

absl::Status AppendPayloads(Journal& journal, size_t count) {
  return journal.Append(PayloadsFrom(journal.head().sequence + 1, count));
}

ReadResult ReadBack(const Journal& journal) {
  ReadResult result;
  result.status = journal.Read(1, [&result](uint64_t sequence, std::string_view payload) {
    if (sequence != result.last + 1 || payload != PayloadAt(sequence)) {
      return absl::InternalError(absl::StrCat("a wrong entry at sequence ", sequence, " after ", result.last));
    }
    result.last = sequence;
    return absl::OkStatus();
  });
  return result;
}

uint64_t TestSeed() {
  const char* chosen = std::getenv("PENSTOCK_SEED");
  const uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : std::random_device{}();
  std::cout << "PENSTOCK_SEED=" << seed << std::endl;
  return seed;
}

std::string FileBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  PENSTOCK_CHECK(file.is_open());
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void WriteFileBytes(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  PENSTOCK_CHECK(file.good());
}

void CopyDirectory(const std::string& from, const std::string& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

std::vector<std::string> FilesEndingWith(const std::string& directory, const std::string& suffix) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/journal")) {
    if (entry.path().string().ends_with(suffix) && entry.file_size() > 0) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace penstock::ledger
