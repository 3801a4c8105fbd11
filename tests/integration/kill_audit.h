// The auditor of kill -9: a client process with a record of its own, and the comparison of that record with the ledger.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::integration {

/// What the auditor's record and the journal came to, when they agree.
struct AuditCounts {
  uint64_t admits = 0;  // answered with a grant
  uint64_t refused = 0;
  uint64_t settled = 0;   // each once in the journal, with the charge that was answered
  uint64_t in_doubt = 0;  // calls that a kill cut off and a retry resolved
  uint64_t held = 0;      // grants that were open over a kill, and still there after it
  std::string audit;      // charged to this tenant, by the record and by the journal
  std::string frugal;     // likewise, under the hard budget
};

/// The auditor's process: reads addresses of daemons from stdin, a line each time one is started anew, and runs pairs
/// of Admit and Complete against it until it dies. Whatever is asked and answered is appended to `record` before it
/// goes on. After a line "settle ADDRESS" it brings everything to its end. Writes a byte to stdout for every
/// settlement. Exits 1 with the reason when an answer contradicts an earlier one.
int RunAuditor(const std::string& record, const std::string& key_file, uint64_t seed);

/// Compares the record with the journal of a stopped daemon. Says what contradicts; empty when nothing does.
std::string CompareWithJournal(const std::string& record, const std::string& data_dir, AuditCounts* counts);

}  // namespace penstock::integration
