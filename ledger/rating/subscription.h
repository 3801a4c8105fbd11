// What belongs to a customer rather than to a tariff: what it bought, committed to, or was credited with.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "ledger/money.h"

namespace penstock::ledger::rating {

/// A bought window of throughput.
struct Reservation {
  std::string pool;
  WorkPerSecond rate;
  Instant from;
  Instant to;  // exclusive
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

/// Units bought, or the need that they must carry (then the tariff says how many that takes).
struct Provision {
  int64_t units = 0;
  int64_t input_per_minute = 0;
  int64_t output_per_minute = 0;
  friend bool operator==(const Provision&, const Provision&) = default;
};

/// Money that pays for charges. It pays for a period if it is in force at any moment of it.
struct Credit {
  enum class Kind : uint8_t { kService, kPrepaid };  // service credits burn first
  std::string name;
  Kind kind = Kind::kPrepaid;
  Money amount;          // what is left of it when the period begins
  int64_t priority = 0;  // lower burns first; then the earlier expiry, then the older, then by name
  Instant granted;
  Instant expires = Instant::Max();
  friend bool operator==(const Credit&, const Credit&) = default;
};

struct Subscription {
  Instant from;                    // in force
  Instant until = Instant::Max();  // exclusive
  std::map<std::string, int64_t> seats;
  std::vector<Reservation> reservations;
  std::map<std::string, Provision> provisions;       // by pool
  std::map<std::string, WorkPerSecond> contracted;   // demand that was contracted, by pool
  std::map<std::string, Work> committed_per_window;  // use it or lose it, by pool
  Money minimum;                                     // per billing month
  std::vector<Credit> credits;
  friend bool operator==(const Subscription&, const Subscription&) = default;
};

}  // namespace penstock::ledger::rating
