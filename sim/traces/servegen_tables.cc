// The derived tables.
#include <algorithm>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"
#include "sim/traces/decompression.h"
#include "sim/traces/line_reader.h"
#include "sim/traces/servegen_rows.h"

namespace penstock::sim {
namespace {

constexpr std::string_view kRatesHeader = "model,client,t_s,rate_rps,iat_cv,family,p1_shape,p2_scale";
constexpr std::string_view kLengthsHeader =
    "model,client,t_s,field,mean,min,q1,q5,q10,q20,q30,q40,q50,q60,q70,q80,q90,q95,q99,q99.9,max";
constexpr size_t kRatesColumns = 8;
constexpr size_t kLengthsColumns = 5 + kQuantiles.size();

/// Takes the row of a model apart: 'column: what is wrong, what to do'.
class RowTaker {
 public:
  virtual ~RowTaker() = default;
  virtual absl::Status Take(const CsvRow& row) = 0;
};

absl::StatusOr<RowTally> ReadTable(NamedBytes file, std::string_view header, size_t columns, std::string_view model,
                                   const RowRules& rules, RowTaker& taker) {
  const auto bytes = Decompressed(std::move(file.bytes), file.name);
  LineReader lines(*bytes, file.name);
  RowJudge judge(file.name, rules);
  CsvRow row;
  std::string_view line;
  while (true) {
    const auto more = lines.Next(&line);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (lines.number() == 1) {
      if (line == header) continue;
      return absl::InvalidArgumentError(AtLine(
          file.name, 1, absl::StrCat("1: the header is not '", std::string(header), "'; pass a table of ServeGen")));
    }
    row.Split(line);
    if (row[0] != model && row.size() == columns) continue;
    absl::Status taken = row.size() == columns
                             ? taker.Take(row)
                             : row.Error(columns, absl::StrCat("the row has ", row.size(), " columns and the header ",
                                                               columns, "; correct or remove the row"));
    if (taken.ok()) {
      judge.Good();
    } else if (absl::Status bad = judge.Bad(lines.number(), std::string(taken.message())); !bad.ok()) {
      return bad;
    }
  }
  if (judge.tally().rows > 0) return judge.tally();
  return absl::InvalidArgumentError(absl::StrCat(file.name, ": no good row of the model '", std::string(model),
                                                 "'; the published ones are m-small, m-large, deepseek-r1, mm-image"));
}

/// The clients in the order in which they were first named.
class Clients {
 public:
  explicit Clients(std::vector<ServeGenClient>& clients) : clients_(clients) {
    for (size_t i = 0; i < clients.size(); ++i) index_.emplace(clients[i].name, i);
  }
  ServeGenClient* Named(std::string_view name) {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &clients_[found->second];
  }
  ServeGenClient& Add(std::string_view name) {
    index_.emplace(name, clients_.size());
    clients_.emplace_back();
    clients_.back().name = name;
    return clients_.back();
  }

 private:
  std::vector<ServeGenClient>& clients_;
  std::map<std::string, size_t, std::less<>> index_;
};

class RatesTaker final : public RowTaker {
 public:
  explicit RatesTaker(std::vector<ServeGenClient>& clients) : clients_(clients) {}
  absl::Status Take(const CsvRow& row) override {
    const auto window = ReadWindow(row, 2);
    if (!window.ok()) return window.status();
    if (row[1].empty()) return row.Error(1, "client must not be empty; correct or remove the row");
    ServeGenClient* client = clients_.Named(row[1]);
    if (client == nullptr) client = &clients_.Add(row[1]);
    if (!*window) return absl::OkStatus();
    if (!client->windows.empty() && client->windows.back().number >= (*window)->number) {
      return row.Error(2, "t_s is not later than in the client's row before; sort the table by client and time");
    }
    client->windows.push_back(**window);
    return absl::OkStatus();
  }

 private:
  Clients clients_;
};

class LengthsTaker final : public RowTaker {
 public:
  explicit LengthsTaker(std::vector<ServeGenClient>& clients) : clients_(clients) {}
  absl::Status Take(const CsvRow& row) override {
    ServeGenClient* const client = clients_.Named(row[1]);
    if (client == nullptr) return row.Error(1, "the client has no rates; pass tables that belong together");
    const auto number = WindowNumber(row, 2, kServeGenLengthWindow);
    if (!number.ok()) return number.status();
    const auto table = ReadQuantiles(row);
    if (!table.ok()) return table.status();
    std::vector<ServeGenLengths>& lengths = client->lengths;
    if (!lengths.empty() && lengths.back().number > *number) {
      return row.Error(2, "t_s is earlier than in the client's row before; sort the table by client and time");
    }
    if (lengths.empty() || lengths.back().number != *number) lengths.push_back({.number = *number});
    std::optional<QuantileTable>* const field = FieldNamed(lengths.back(), row[3]);
    if (field == nullptr)
      return row.Error(3,
                       "field is none of input_tokens, text_tokens, image_tokens, output_tokens, "
                       "reason_ratio; correct or remove the row");
    *field = *table;
    return absl::OkStatus();
  }

 private:
  static absl::StatusOr<QuantileTable> ReadQuantiles(const CsvRow& row) {
    constexpr auto kMost = static_cast<double>(kMaxTokensPerRequest);
    const auto mean = row.Number(4, "mean", 0, kMost);
    if (!mean.ok()) return mean.status();
    QuantileTable table{.mean = *mean};
    double least = 0;
    for (size_t i = 0; i < kQuantiles.size(); ++i) {
      const auto value = row.Number(5 + i, "a quantile", least, kMost);
      if (!value.ok()) return value.status();
      table.values[i] = least = *value;
    }
    return table;
  }

  Clients clients_;
};

}  // namespace

absl::StatusOr<ServeGenTables> ReadServeGenTables(NamedBytes rates, NamedBytes lengths, std::string_view model,
                                                  const RowRules& rules) {
  ServeGenTables tables;
  tables.model = model;
  RatesTaker rates_taker(tables.clients);
  auto tally = ReadTable(std::move(rates), kRatesHeader, kRatesColumns, model, rules, rates_taker);
  if (!tally.ok()) return tally.status();
  tables.rates = *std::move(tally);
  LengthsTaker lengths_taker(tables.clients);
  tally = ReadTable(std::move(lengths), kLengthsHeader, kLengthsColumns, model, rules, lengths_taker);
  if (!tally.ok()) return tally.status();
  tables.lengths = *std::move(tally);
  return tables;
}

}  // namespace penstock::sim
