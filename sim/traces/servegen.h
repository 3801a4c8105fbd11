// ServeGen (Xiang et al. 2025): what the clients of a service are like, measured over days. No rows of requests: per
// client and 10 minutes a rate and a law of the gaps, per client and 6 hours laws of the lengths.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "admission/vocabulary/time.h"
#include "sim/traces/byte_source.h"
#include "sim/traces/row_tally.h"

namespace penstock::sim {

constexpr Duration kServeGenWindow = Seconds(600);
constexpr Duration kServeGenLengthWindow = Hours(6);

enum class GapFamily : uint8_t { kGamma, kWeibull };

/// The published scale of a law of gaps is not kept: where it contradicts the rate (in every fourth window by more than
/// 15 %), the rate holds.
struct ServeGenWindow {
  int64_t number = 0;  // since the start, of 600 s
  double rate = 0;     // requests per second, positive
  GapFamily family = GapFamily::kGamma;
  double shape = 1;  // of the gaps between requests
};

/// The probabilities whose quantiles a table has: least, 1 %, 5 %, ... 99.9 %, most.
constexpr std::array<double, 16> kQuantiles = {0,   0.01, 0.05, 0.1, 0.2,  0.3,  0.4,   0.5,
                                               0.6, 0.7,  0.8,  0.9, 0.95, 0.99, 0.999, 1};

struct QuantileTable {
  double mean = 0;
  std::array<double, kQuantiles.size()> values{};  // never falling
};

/// Of values with weights, in any order; at least one weight is positive. The quantile at p is the least value that
/// has at least the share p at or below it.
QuantileTable QuantilesOf(std::vector<std::pair<double, double>> values_and_weights);

struct ServeGenLengths {
  int64_t number = 0;                              // since the start, of 6 h
  std::optional<QuantileTable> input = {};         // tokens of a prompt's text
  std::optional<QuantileTable> image = {};         // tokens of a prompt's images; where prompts have images
  std::optional<QuantileTable> output = {};        // tokens of an answer, with its reasoning
  std::optional<QuantileTable> reason_ratio = {};  // of an answer's tokens; where answers have reasoning
};

struct ServeGenClient {
  std::string name;                      // "0", "1", ...
  std::vector<ServeGenWindow> windows;   // by number; a window that is not there is idle
  std::vector<ServeGenLengths> lengths;  // by number; of some clients there are none
};

struct ServeGenTables {
  std::string model;
  std::vector<ServeGenClient> clients;  // in the order of the rates
  RowTally rates;
  RowTally lengths;
};

/// A file and what to call it in messages.
struct NamedBytes {
  std::string name;
  std::unique_ptr<ByteSource> bytes;  // gzip, Zstandard or plain
};

/// The clients of one model ("m-small", "m-large", "deepseek-r1", "mm-image") out of the derived tables
/// `model,client,t_s,rate_rps,iat_cv,family,p1_shape,p2_scale` and
/// `model,client,t_s,field,mean,min,q1,...,q99.9,max`. Bad rows are skipped and counted, as a TraceReader does; rows of
/// other models are not looked into. InvalidArgument when a header differs or no client has that model.
absl::StatusOr<ServeGenTables> ReadServeGenTables(NamedBytes rates, NamedBytes lengths, std::string_view model,
                                                  const RowRules& rules = {});

/// One client of the published folder: chunk-N-trace.csv (`t_s,rate,cv,family,shape,scale`, no header) and
/// chunk-N-dataset.json (windows of 6 h with "{tokens: share, ...}" by field). Bad rows of the trace are skipped and
/// counted into `tally`; anything wrong in the dataset is an error.
absl::StatusOr<ServeGenClient> ReadServeGenClient(std::string client, NamedBytes trace, NamedBytes dataset,
                                                  const RowRules& rules, RowTally* tally);

}  // namespace penstock::sim
