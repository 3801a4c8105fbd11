// What the journal adds up to: names, tariffs, holds, balances, meters, and which request ids and grants are spoken
// for. A pure function of the entries: Apply in order and two Books are equal.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ledger/entry.h"
#include "ledger/meters.h"

namespace penstock::ledger {

/// How long at least the end of a grant and its request id are remembered after it ended (see the proto), measured by
/// the times of entries. Forgetting goes in bounded slices, so a mass of old ends goes over the next entries.
constexpr Duration kIdHorizon = Hours(24);

/// A grant whose hold is open.
struct OpenGrant {
  GrantEntry grant;          // deadlines as extended by progress
  TokenCounts so_far;        // last reported
  Work attributed;           // metered by progress reports so far
  Instant attributed_until;  // the latest report's `at`; the grant's own before any
  friend bool operator==(const OpenGrant&, const OpenGrant&) = default;
};

/// How a grant ended, remembered for kIdHorizon. (That it ended is remembered for ever.)
enum class GrantEnd : uint8_t { kSettled, kVoided, kExpired };
struct EndedGrant {
  GrantEnd end = GrantEnd::kSettled;
  GrantTerms terms;
  Instant at;
  BodyDigest body{};  // of the Complete, for kSettled
  TokenCounts tokens;
  Work work;
  Money charge;
  bool billed = true;
  std::string request_id;  // of its Admit, when known
  friend bool operator==(const EndedGrant&, const EndedGrant&) = default;
};

/// Money of one tenant, in the tariff's currency.
struct Balance {
  Money pending;  // holds
  Money posted;   // charges: debit receivable:tenant, credit revenue
  friend bool operator==(const Balance&, const Balance&) = default;
};

class Books {
 public:
  /// A contradiction is refused with FAILED_PRECONDITION and nothing changed:
  ///   - an id that is unknown, not dense, or bound already; a key that is not its tenant's; a second currency
  ///   - a grant out of sequence; a request id whose grant is still open
  ///   - progress of a grant that is not open, or that takes tokens back
  ///   - a hold that would end twice. (A grant of an earlier epoch that the journal does not know was lost in a power
  ///     cut and settles once, without a hold. An expired one may settle once unbilled, while it is remembered.)
  ///   - a charge that is not what the pinned tariff makes of the tokens (unbilled: zero); attributions that do not add
  ///     up to the work, lie in the future or are longer than kMaxLeaseSeconds
  ///   - counts, times and amounts out of bounds
  absl::Status Apply(const Entry& entry);

  uint32_t epoch() const { return epoch_; }
  /// True when the last entry applied to the last epoch was its StopEntry.
  bool stopped_cleanly() const { return stopped_cleanly_; }
  /// Grants of this epoch so far.
  uint64_t last_grant_sequence() const { return last_grant_sequence_; }
  /// The latest `at` seen.
  Instant newest() const { return newest_; }

  std::optional<uint32_t> IdOf(NameKind kind, uint32_t owner, const std::string& name) const;
  /// Crashes on an id that was never bound.
  const NameEntry& NameOf(NameKind kind, uint32_t id) const;
  uint32_t CountOf(NameKind kind) const;
  const std::vector<TariffEntry>& tariffs() const { return tariffs_; }  // id n at index n - 1
  /// What a token of each kind costs on these terms; all zero where the pinned tariff does not price the pool.
  const TokenPrices& PricesOf(const GrantTerms& terms) const;

  const OpenGrant* FindOpen(GrantId id) const;
  /// Every open grant in id order.
  const std::map<GrantId, OpenGrant>& open() const { return open_; }
  /// The end of a grant, while remembered; the latest one if it expired and was settled unbilled after that.
  const EndedGrant* FindEnded(GrantId id) const;
  /// Settled, voided or expired, ever. (Granted and lost in a power cut is not ended.)
  bool HasEnded(GrantId id) const;

  /// Whether a grant that the journal does not know may have been given by an earlier epoch, on these terms, and lost
  /// in a power cut: then it may settle once.
  bool MayBeLost(GrantId id, const GrantTerms& terms) const;

  /// The grant a tenant's request id stands for, while remembered, and the body it came with.
  struct RequestRecord {
    GrantId grant;
    BodyDigest body{};
    friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
  };
  const RequestRecord* FindRequest(TenantId tenant, const std::string& request_id) const;

  const std::map<TenantId, Balance>& balances() const { return balances_; }
  Money revenue() const { return revenue_; }
  const Meters& meters() const { return meters_; }

  /// Adds up anew: per tenant pending = sum of open holds, posted = sum of bucket charges; revenue = sum of posted;
  /// every bucket's charge = its tokens x pinned prices. DATA_LOSS says what is wrong.
  absl::Status CheckInvariants() const;

  friend bool operator==(const Books&, const Books&) = default;

 private:
  absl::Status ApplyOne(const BootEntry& entry);
  absl::Status ApplyOne(const StopEntry& entry);
  absl::Status ApplyOne(const NameEntry& entry);
  absl::Status ApplyOne(const TariffEntry& entry);
  absl::Status ApplyOne(const GrantEntry& entry);
  absl::Status ApplyOne(const ProgressEntry& entry);
  absl::Status ApplyOne(const SettleEntry& entry);
  absl::Status ApplyOne(const VoidEntry& entry);
  absl::Status ApplyOne(const ExpireEntry& entry);
  enum class Standing : uint8_t { kNever, kOpen, kEnded, kLost };
  Standing StandingOf(GrantId id) const;
  absl::StatusOr<const OpenGrant*> RequireOpen(GrantId id) const;
  absl::Status CheckTerms(const GrantTerms& terms) const;
  absl::Status CheckStanding(const SettleEntry& entry) const;
  absl::Status CheckCharge(const SettleEntry& entry) const;
  absl::Status CheckBuckets() const;
  Work AttributedSoFar(GrantId id) const;
  void ReleaseHold(const OpenGrant& open);
  void End(GrantId id, EndedGrant ended);
  void ForgetBefore(Instant horizon);

  uint32_t epoch_ = 0;
  bool stopped_cleanly_ = true;
  uint64_t last_grant_sequence_ = 0;
  Instant newest_;
  std::array<std::vector<NameEntry>, 3> names_;  // by kind; id n at index n - 1
  std::map<std::pair<std::pair<NameKind, uint32_t>, std::string>, uint32_t> ids_;
  std::vector<TariffEntry> tariffs_;
  std::map<GrantId, OpenGrant> open_;
  std::map<uint32_t, std::vector<bool>> ended_bits_;  // by epoch; bit n - 1 for grant sequence n; as long as is known
  absl::flat_hash_map<GrantId, EndedGrant> ended_;
  std::deque<std::pair<Instant, GrantId>> ended_order_;  // oldest first, for forgetting
  absl::flat_hash_map<std::pair<uint32_t, std::string>, RequestRecord> requests_;
  std::map<TenantId, Balance> balances_;
  Money revenue_;
  Meters meters_;
};

}  // namespace penstock::ledger
