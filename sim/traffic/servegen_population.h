// The clients of ServeGen as tenants: what they would send, exactly in the mean and drawn request by request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/arrival.h"
#include "sim/demand/customer.h"
#include "sim/random.h"
#include "sim/traces/servegen.h"
#include "sim/traffic/length_law.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {

/// A stretch of the days that the tables describe.
struct ServeGenSlice {
  Duration from;     // since the start of the tables; whole windows of 600 s, as is `to`
  Duration to;       // after `from`; what is beyond the tables is idle
  double scale = 1;  // of all rates: 0.01 is a hundredth of the traffic with the same burstiness of a client
};

/// What requests of a client are like in a window of 6 h.
struct ServeGenSizes {
  std::optional<LengthLaw> input;
  std::optional<LengthLaw> image;
  std::optional<LengthLaw> output;
  std::optional<LengthLaw> reason_ratio;  // of the answer; without it the terms' share
};

class ServeGenPopulation {
 public:
  struct Client {
    std::string name;
    double mean_rate = 0;        // requests per second, over the whole span
    bool borrows_sizes = false;  // it has no table of lengths: its requests are like those of all others together
  };

  /// InvalidArgument when no client has lengths.
  static absl::StatusOr<ServeGenPopulation> Of(ServeGenTables tables);
  /// ReadServeGenTables and Of.
  static absl::StatusOr<ServeGenPopulation> Load(NamedBytes rates, NamedBytes lengths, std::string_view model);
  /// Of the tables that the binary carries: "m-small", "m-large", "deepseek-r1", "mm-image".
  static absl::StatusOr<ServeGenPopulation> Shipped(std::string_view model);

  const std::string& model() const { return model_; }
  const std::vector<Client>& clients() const { return clients_; }
  /// The end of the last window in which any client is active, in whole days rounded up.
  Duration span() const { return span_; }

  /// Requests per second in the window of 600 s with this number; 0 when idle.
  double RateAt(size_t client, int64_t window) const;
  /// Of all clients together; a window where it is 0 is one that was not measured.
  double TotalRateAt(int64_t window) const;

  /// What is expected of ArrivalsOf with a volume of 1: requests, and tokens by kind, in windows of `window` from the
  /// start of the slice on. Shares are exact, where a request rounds to whole tokens.
  LoadProfile ProfileOf(size_t client, const ServeGenSlice& slice, Duration window, const ArrivalTerms& terms) const;

  /// The client's requests as those of `tenant`, from time 0 = the start of the slice on. In each window a renewal
  /// process of its own with the window's law of gaps and exactly its rate x scale in the mean; lengths drawn
  /// independently of each other and of the times. Volume as in WithVolume. The population must outlive the source.
  std::unique_ptr<ArrivalSource> ArrivalsOf(size_t client, uint32_t tenant, const ServeGenSlice& slice, double volume,
                                            const ArrivalTerms& terms, const Streams& streams) const;
  /// All clients, each with its place in the list as its tenant; by time, then client.
  std::unique_ptr<ArrivalSource> AllArrivals(const ServeGenSlice& slice, double volume, const ArrivalTerms& terms,
                                             const Streams& streams) const;

  /// For the arrivals: the client's active windows, by number, and what its requests are like in one.
  const std::vector<ServeGenWindow>& WindowsOf(size_t client) const { return windows_[client]; }
  const ServeGenSizes& SizesAt(size_t client, int64_t window) const;

 private:
  struct Period {
    int64_t number = 0;  // of 6 h
    ServeGenSizes sizes;
  };
  ServeGenPopulation() = default;
  static const ServeGenSizes* At(const std::vector<Period>& periods, int64_t number);
  static std::vector<Period> PeriodsOf(const ServeGenClient& client);
  static std::vector<Period> PooledPeriods(const ServeGenTables& tables);

  std::string model_;
  std::vector<Client> clients_;
  std::vector<std::vector<ServeGenWindow>> windows_;  // by client
  std::vector<std::vector<Period>> periods_;          // by client; empty: the pool's
  std::vector<Period> pool_;
  Duration span_;
};

}  // namespace penstock::sim
