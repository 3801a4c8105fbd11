// What a result was made of, so that it can be made again and compared: the same inputs give the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sim {

struct Manifest {
  std::string command;                                 // as it was called
  std::map<std::string, std::string> versions;         // of what: which
  std::map<std::string, std::string> inputs;           // by name (no folders): SHA-256, see AddInput
  std::map<std::string, std::string> parameters;       // as text
  std::map<std::string, std::vector<uint64_t>> seeds;  // of which purpose
  std::map<std::string, std::string> results;          // by name: SHA-256

  void AddInput(const std::string& name, std::string_view bytes);
  void AddResult(const std::string& name, std::string_view bytes);
};

/// JSON with sorted keys, two spaces deep, a newline at its end.
std::string ManifestJson(const Manifest& manifest);

}  // namespace penstock::sim
