#include "sim/search/manifest.h"

#include <nlohmann/json.hpp>

#include "ledger/sha256.h"

namespace penstock::sim {

void Manifest::AddInput(const std::string& name, std::string_view bytes) {
  inputs[name] = ledger::ToHex(ledger::Sha256(bytes));
}

void Manifest::AddResult(const std::string& name, std::string_view bytes) {
  results[name] = ledger::ToHex(ledger::Sha256(bytes));
}

std::string ManifestJson(const Manifest& manifest) {
  const nlohmann::json json = {
      {"command", manifest.command},       {"versions", manifest.versions}, {"inputs", manifest.inputs},
      {"parameters", manifest.parameters}, {"seeds", manifest.seeds},       {"results", manifest.results},
  };
  // What is not UTF-8 (a file name can be anything) is replaced.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::sim
