// What single customers bought, committed to or were credited with, beside the prices of a tariff file.
#include <absl/strings/str_cat.h>

#include <array>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/config/tariff_readers.h"

namespace penstock::config {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

using ledger::rating::Credit;
using ledger::rating::Subscription;

constexpr int64_t kMaxCount = 1'000'000'000;
constexpr int64_t kMaxTokensPerMinute = 1'000'000'000'000;
constexpr int64_t kMaxCommittedNt = 1'000'000'000'000;

class SubscriptionReader {
 public:
  SubscriptionReader(const Source& source, const ledger::Tariff& tariff) : source_(source), tariff_(tariff) {
    for (const ledger::PoolPrices& prices : tariff.pools) pools_.push_back(prices.pool);
    for (const ledger::Seat& seat : tariff.seats) seats_.push_back(seat.name);
  }

  Subscription Read(const Node& node, const std::string& path) {
    Section section(source_, node, path, "{from: 2026-01-01, seats: {pro: 10}}");
    Subscription result;
    result.from = ReadHour(section, "from", "2026-01-01", std::nullopt);
    result.until = ReadHour(section, "until", "2027-01-01", Instant::Max());
    if (result.until <= result.from) section.Complain("until", "is not after `from`; nothing would be in force");
    ForNames(section, "seats", "{pro: 10}", seats_, "seat", [&](Section& names, const std::string& name) {
      result.seats[name] = names.Integer({.name = name, .min = 1, .max = kMaxCount, .otherwise = {}, .example = "10"});
    });
    ReadReservations(section, result);
    ReadUnits(section, result);
    ForNames(
        section, "contracted_nt_per_s", "{chat: 100}", pools_, "pool", [&](Section& names, const std::string& name) {
          result.contracted[name] = NormalizedTokensPerSecond(
              names.Integer({.name = name, .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "100"}));
        });
    ForNames(section, "committed_nt_per_minute", "{chat: 1000000}", pools_, "pool",
             [&](Section& names, const std::string& name) {
               result.committed_per_window[name] = NormalizedTokens(names.Integer(
                   {.name = name, .min = 1, .max = kMaxCommittedNt, .otherwise = {}, .example = "1000000"}));
             });
    result.minimum = ReadMoney(section, "minimum_per_month", "\"100.00\"", ledger::Money());
    section.List(
        "credits", [&](const Node& item, const std::string& at) {
          Credit credit = ReadCredit(item, at);
          const bool twice = std::any_of(result.credits.begin(), result.credits.end(),
                                         [&](const Credit& other) { return other.name == credit.name; });
          if (twice) source_.problems.Add(source_.file, item.place, at + ".name", "names a credit that is there already");
          result.credits.push_back(std::move(credit));
        },
        false, "[{name: welcome, amount: \"50.00\", granted: 2026-01-01}]");
    return result;
  }

 private:
  using ReadName = std::function<void(Section& names, const std::string& name)>;

  // A map whose keys must be among `known`.
  void ForNames(Section& section, std::string_view key, std::string_view example, const std::vector<std::string>& known,
                std::string_view what, const ReadName& read) {
    const Node* node = section.Optional(key);
    if (node == nullptr) return;
    Section names(source_, *node, section.PathOf(key), example);
    for (const Member& member : node->members) {
      names.Optional(member.key);
      if (Knows(known, member, names.PathOf(member.key), what)) read(names, member.key);
    }
  }

  bool Knows(const std::vector<std::string>& known, const Member& member, const std::string& path,
             std::string_view what) {
    if (std::find(known.begin(), known.end(), member.key) != known.end()) return true;
    const std::vector<std::string_view> all(known.begin(), known.end());
    source_.problems.Add(
        source_.file, member.place, path,
        absl::StrCat("the tariff has no ", Abseil(what), " of that name", DidYouMean(member.key, all)));
    return false;
  }

  void CheckPool(Section& section, const std::string& pool) const {
    if (pool.empty() || std::find(pools_.begin(), pools_.end(), pool) != pools_.end()) return;
    const std::vector<std::string_view> all(pools_.begin(), pools_.end());
    section.Complain("pool", absl::StrCat("the tariff has no pool ", Quoted(pool), DidYouMean(pool, all)));
  }

  void ReadReservations(Section& section, Subscription& result) const {
    const auto read = [&](const Node& node, const std::string& path) {
      Section item(source_, node, path, "{pool: chat, nt_per_s: 500, from: 2026-01-01, to: 2026-02-01}");
      ledger::rating::Reservation reservation;
      reservation.pool = item.EntityName("pool", "chat");
      CheckPool(item, reservation.pool);
      reservation.rate = NormalizedTokensPerSecond(
          item.Integer({.name = "nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "500"}));
      reservation.from = ReadHour(item, "from", "2026-01-01", result.from);
      reservation.to = ReadHour(item, "to", "2026-02-01", result.until);
      if (reservation.to <= reservation.from) item.Complain("to", "is not after `from`; nothing would be reserved");
      result.reservations.push_back(std::move(reservation));
    };
    section.List("reservations", read, false, "[{pool: chat, nt_per_s: 500}]");
  }

  void ReadUnits(Section& section, Subscription& result) {
    ForNames(section, "units", "{chat: {units: 8}}", pools_, "pool", [&](Section& names, const std::string& name) {
      Section unit(source_, *names.Optional(name), names.PathOf(name), "{units: 8}");
      ledger::rating::Provision provision;
      const bool by_need = unit.Has("input_tokens_per_minute") || unit.Has("output_tokens_per_minute");
      if (!by_need) {
        provision.units = unit.Integer({.name = "units", .min = 1, .max = kMaxCount, .otherwise = {}, .example = "8"});
      } else {
        const auto need = [&](std::string_view key) {
          return unit.Integer(
              {.name = key, .min = 0, .max = kMaxTokensPerMinute, .otherwise = {}, .example = "100000"});
        };
        provision.input_per_minute = need("input_tokens_per_minute");
        provision.output_per_minute = need("output_tokens_per_minute");
        CheckNeed(unit, name);
      }
      result.provisions[name] = provision;
    });
  }

  void CheckNeed(Section& unit, const std::string& pool) const {
    if (unit.Has("units")) unit.Complain("units", "is given, and so is a need in tokens; keep one of them");
    const ledger::PoolPrices* prices = tariff_.PricesOf(pool);
    if (prices != nullptr && prices->unit.input_per_minute > 0 && prices->unit.output_per_minute > 0) return;
    source_.problems.Add(source_.file, unit.node().place, unit.path(),
                         "gives a need in tokens, but the tariff does not say what a unit of this pool carries; add "
                         "input_tokens_per_minute and output_tokens_per_minute to the pool's `unit`");
  }

  Credit ReadCredit(const Node& node, const std::string& path) const {
    constexpr std::string_view kKinds[] = {"service", "prepaid"};
    Section section(source_, node, path, "{name: welcome, amount: \"50.00\", granted: 2026-01-01}");
    Credit credit;
    credit.name = section.EntityName("name", "welcome");
    credit.kind = static_cast<Credit::Kind>(section.Choice({.name = "kind", .choices = kKinds, .otherwise = 1}));
    credit.amount = ReadMoney(section, "amount", "\"50.00\"", std::nullopt, /*min_pico=*/1);
    credit.priority = section.Integer({.name = "priority", .min = 0, .max = 1'000, .otherwise = 0, .example = "1"});
    credit.granted = ReadMoment(section, "granted", "2026-01-01", std::nullopt);
    credit.expires = ReadMoment(section, "expires", "2027-01-01", Instant::Max());
    if (credit.expires <= credit.granted)
      section.Complain("expires", "is not after `granted`; the credit could pay for nothing");
    return credit;
  }

  const Source& source_;
  const ledger::Tariff& tariff_;
  std::vector<std::string> pools_;
  std::vector<std::string> seats_;
};

}  // namespace

std::map<std::string, Subscription> ReadSubscriptions(Section& section, const ledger::Tariff& tariff) {
  std::map<std::string, Subscription> subscriptions;
  SubscriptionReader reader(section.source(), tariff);
  ForMembers(section, "subscriptions", "{acme: {from: 2026-01-01, seats: {pro: 10}}}",
             [&](const Member& member, const std::string& path) {
               if (!CheckName(section.source(), member.place, path, member.key)) return;
               subscriptions.emplace(member.key, reader.Read(member.value, path));
             });
  return subscriptions;
}

}  // namespace penstock::config
