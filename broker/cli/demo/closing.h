// The end of the run as the daemon's books have it: bills, meters, the ledger.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "broker/cli/call_error.h"
#include "broker/cli/demo/setup.h"
#include "ledger/ledger.h"
#include "penstock/v1/billing.pb.h"

namespace penstock::cli {

class Connection;

namespace demo {

struct Account {
  v1::Statement statement;
  std::string arithmetic_fault;  // empty: every line and the total were recomputed and agree
  TokenCounts tokens;            // billed or free, from the first meter
  int64_t requests = 0;
  int64_t highest_second_milli_nt = 0;  // of one tier, from the second meter
};

struct Books {
  std::vector<Account> accounts;  // by tenant
  uint64_t entries = 0;
  std::string head;  // hex
};

/// Asks the daemon, as an operator; `from` to `to` is what the bills cover, widened to whole hours.
std::optional<CallError> ReadBooks(const Connection& operations, const Setup& setup, Instant from, Instant to,
                                   Books* books);

}  // namespace demo
}  // namespace penstock::cli
