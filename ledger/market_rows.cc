// The market's records as rows, and back.
//
//   capacity plan, demand plan   pool                  the entry
//   price                        id                    the entry
//   quote, bid                   id                    state, reservation, the entry
//   reservation                  id                    when bought, delivered until, sums; an entry with what it is now
//   change                       reservation, version  what happened to it
//   delivery                     reservation, from     the entry
//   posting                      tenant, number        reservation, moment, charge
#include <algorithm>
#include <optional>

#include "ledger/books_rows.h"
#include "ledger/market_records.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {
namespace {

RowWriter Key(RowKind kind, std::string* bytes) {
  RowWriter writer(bytes);
  writer.Byte(static_cast<uint8_t>(kind));
  return writer;
}

std::string Key32(RowKind kind, uint32_t id) {
  std::string key;
  Key(kind, &key).Big32(id);
  return key;
}

std::string Key64(RowKind kind, uint64_t id) {
  std::string key;
  Key(kind, &key).Big64(id);
  return key;
}

std::string Key3264(RowKind kind, uint32_t id, uint64_t number) {
  std::string key;
  Key(kind, &key).Big32(id).Big64(number);
  return key;
}

std::string DeliveryKey(uint32_t reservation, Instant from) {
  return Key3264(RowKind::kDelivery, reservation, static_cast<uint64_t>(from.nanoseconds_since_epoch()));
}

std::string Encoded(const auto& entry) {
  std::string bytes;
  Encode(entry, &bytes);
  return bytes;
}

template <class E>
std::optional<E> DecodeAs(std::string_view bytes) {
  absl::StatusOr<Entry> entry = Decode(bytes);
  if (!entry.ok() || !std::holds_alternative<E>(*entry)) return std::nullopt;
  return std::get<E>(*std::move(entry));
}

std::string ValueOf(const QuoteRecord& quote) {
  std::string value;
  RowWriter(&value).Byte(static_cast<uint8_t>(quote.state)).Unsigned(quote.reservation);
  Encode(quote.given, &value);
  return value;
}

std::string ValueOf(const BidRecord& bid) {
  std::string value;
  RowWriter(&value).Byte(static_cast<uint8_t>(bid.state)).Unsigned(bid.reservation);
  Encode(bid.placed, &value);
  return value;
}

/// All but its history. Its terms, and those that were asked for, stand in entries that never happened.
std::string ValueOf(const ReservationRecord& record) {
  ReservationEntry now;
  now.id = record.id;
  now.state = record.state;
  now.at = record.bought_at;
  now.tenant = record.tenant;
  now.quote = record.quote;
  now.bid = record.bid;
  now.tariff = record.tariff;
  now.terms = {record.terms};
  now.guaranteed = record.guaranteed;
  ReservationEntry asked;
  asked.terms = record.asked;
  std::string value;
  RowWriter(&value)
      .At(record.delivered_until)
      .Amount(record.paid)
      .Amount(record.returned)
      .Amount(record.earned)
      .Amount(record.unearned)
      .Text(Encoded(now))
      .Text(Encoded(asked))
      .Text(Encoded(record.in_hand));
  return value;
}

std::string ValueOf(const ReservationChange& change) {
  std::string value;
  RowWriter(&value)
      .Byte(static_cast<uint8_t>(change.event))
      .Byte(static_cast<uint8_t>(change.state))
      .At(change.at)
      .Amount(change.charge)
      .Signed(change.guaranteed.count())
      .Text(change.by)
      .Text(change.reason)
      .Text(change.request_id)
      .Fixed(change.body);
  return value;
}

std::string ValueOf(const MarketRecords::Posting& posting) {
  std::string value;
  RowWriter(&value)
      .Unsigned(posting.reservation)
      .At(posting.at)
      .Byte(static_cast<uint8_t>(posting.charge.kind))
      .Amount(Money::FromPico(PicoCount(posting.charge.quantity)))
      .Signed(posting.charge.unit_price)
      .Signed(posting.charge.paid_price);
  return value;
}

absl::Status Unfit() { return absl::DataLossError("it does not make sense"); }

}  // namespace

void MarketRecords::TakeChanges(RowBatch* rows) {
  for (const auto& [reservation, before] : changes_.gone_deliveries) {
    rows->DeleteRange(DeliveryKey(reservation, Instant()), DeliveryKey(reservation, before));
  }
  for (const auto& [tenant, before] : changes_.gone_postings) {
    rows->DeleteRange(Key3264(RowKind::kPosting, tenant.value, 0), Key3264(RowKind::kPosting, tenant.value, before));
  }
  for (const PoolId pool : changes_.capacity) {
    rows->Put(Key32(RowKind::kCapacityPlan, pool.value), Encoded(capacity_.at(pool)));
  }
  for (const PoolId pool : changes_.demand) {
    rows->Put(Key32(RowKind::kDemandPlan, pool.value), Encoded(demand_.at(pool)));
  }
  for (const uint32_t id : changes_.prices) rows->Put(Key32(RowKind::kPrice, id), Encoded(prices_[id - 1]));
  const auto put_or_delete = [rows](const std::string& key, const auto* record) {
    record == nullptr ? rows->Delete(key) : rows->Put(key, ValueOf(*record));
  };
  for (const uint64_t id : changes_.quotes) put_or_delete(Key64(RowKind::kQuote, id), FindQuote(id));
  for (const uint64_t id : changes_.bids) put_or_delete(Key64(RowKind::kBid, id), FindBid(id));
  for (const uint32_t id : changes_.reservations) {
    rows->Put(Key32(RowKind::kReservation, id), ValueOf(reservations_[id - 1]));
  }
  for (const auto& [id, version] : changes_.history) {
    rows->Put(Key3264(RowKind::kReservationChange, id, version), ValueOf(reservations_[id - 1].history[version - 1]));
  }
  for (const auto& [id, from] : changes_.deliveries) {
    const auto delivery = deliveries_.find({id, from});
    if (delivery != deliveries_.end()) rows->Put(DeliveryKey(id, from), Encoded(delivery->second));
  }
  for (const auto& [tenant, number] : changes_.postings) {
    const Postings& postings = postings_.at(tenant);
    if (number < postings.first) continue;
    rows->Put(Key3264(RowKind::kPosting, tenant.value, number), ValueOf(postings.list[number - postings.first]));
  }
  changes_ = {};
}

absl::Status MarketRecords::TakeAll(
    const std::function<absl::Status(std::string_view key, std::string_view value)>& visit) {
  changes_ = {};
  absl::Status status;
  const auto row = [&](const std::string& key, const std::string& value) {
    if (status.ok()) status = visit(key, value);
  };
  for (const auto& [pool, plan] : capacity_) row(Key32(RowKind::kCapacityPlan, pool.value), Encoded(plan));
  for (const auto& [pool, plan] : demand_) row(Key32(RowKind::kDemandPlan, pool.value), Encoded(plan));
  for (const PriceEntry& price : prices_) row(Key32(RowKind::kPrice, price.id), Encoded(price));
  for (const auto& [id, quote] : quotes_) row(Key64(RowKind::kQuote, id), ValueOf(quote));
  for (const auto& [id, bid] : bids_) row(Key64(RowKind::kBid, id), ValueOf(bid));
  for (const ReservationRecord& record : reservations_) row(Key32(RowKind::kReservation, record.id), ValueOf(record));
  for (const ReservationRecord& record : reservations_) {
    for (size_t i = 0; i < record.history.size(); ++i) {
      row(Key3264(RowKind::kReservationChange, record.id, i + 1), ValueOf(record.history[i]));
    }
  }
  for (const auto& [of, delivery] : deliveries_) row(DeliveryKey(of.first, of.second), Encoded(delivery));
  for (const auto& [tenant, postings] : postings_) {
    for (size_t i = 0; i < postings.list.size(); ++i) {
      row(Key3264(RowKind::kPosting, tenant.value, postings.first + i), ValueOf(postings.list[i]));
    }
  }
  return status;
}

absl::Status MarketRecords::Restore(std::string_view key, std::string_view value) {
  RowReader of(key.substr(1));
  RowReader what(value);
  switch (KindOf(key)) {
    case RowKind::kCapacityPlan: {
      const std::optional<CapacityPlanEntry> plan = DecodeAs<CapacityPlanEntry>(value);
      if (!plan || of.Big32() != plan->pool.value || !Apply(*plan).ok()) return Unfit();
      break;
    }
    case RowKind::kDemandPlan: {
      std::optional<DemandPlanEntry> plan = DecodeAs<DemandPlanEntry>(value);
      if (!plan || of.Big32() != plan->pool.value) return Unfit();
      demand_[plan->pool] = *std::move(plan);
      break;
    }
    case RowKind::kPrice: {
      const std::optional<PriceEntry> price = DecodeAs<PriceEntry>(value);
      if (!price || of.Big32() != price->id || !Apply(*price).ok()) return Unfit();
      break;
    }
    case RowKind::kQuote: {
      QuoteRecord quote;
      const uint8_t state = what.Byte();
      quote.reservation = what.Unsigned32();
      std::optional<QuoteEntry> given = DecodeAs<QuoteEntry>(what.Rest());
      if (!given || of.Big64() != given->id || state >= kQuoteStates || given->id <= last_quote()) return Unfit();
      quote.state = static_cast<QuoteState>(state);
      quote.given = *std::move(given);
      Index(quotes_[quote.given.id] = quote);
      break;
    }
    case RowKind::kBid: {
      BidRecord bid;
      const uint8_t state = what.Byte();
      bid.reservation = what.Unsigned32();
      std::optional<BidEntry> placed = DecodeAs<BidEntry>(what.Rest());
      if (!placed || of.Big64() != placed->id || state >= kBidStates || placed->id <= last_bid()) return Unfit();
      bid.state = static_cast<BidState>(state);
      bid.placed = *std::move(placed);
      Index(bids_[bid.placed.id] = bid);
      break;
    }
    case RowKind::kReservation:
      return of.Big32() == last_reservation() + 1 ? RestoreReservation(value) : Unfit();
    case RowKind::kReservationChange:
      return RestoreChange(key, value);
    case RowKind::kDelivery: {
      std::optional<DeliveryEntry> delivery = DecodeAs<DeliveryEntry>(value);
      const bool fits = delivery && FindReservation(delivery->reservation) != nullptr &&
                        key == DeliveryKey(delivery->reservation, delivery->from);
      if (!fits) return Unfit();
      deliveries_[{delivery->reservation, delivery->from}] = *std::move(delivery);
      break;
    }
    case RowKind::kPosting:
      return RestorePosting(key, value);
    default:
      return Unfit();
  }
  return absl::OkStatus();
}

absl::Status MarketRecords::RestoreReservation(std::string_view value) {
  RowReader what(value);
  ReservationRecord record;
  record.delivered_until = what.At();
  record.paid = what.Amount();
  record.returned = what.Amount();
  record.earned = what.Amount();
  record.unearned = what.Amount();
  std::optional<ReservationEntry> now = DecodeAs<ReservationEntry>(what.Text());
  std::optional<ReservationEntry> asked = DecodeAs<ReservationEntry>(what.Text());
  std::optional<DeliveryEntry> in_hand = DecodeAs<DeliveryEntry>(what.Text());
  if (!what.done() || !now || !asked || !in_hand || now->id != last_reservation() + 1 || now->terms.size() != 1) return Unfit();
  if (!CheckMarketTerms(now->terms.front()).ok()) return Unfit();
  record.id = now->id;
  record.state = now->state;
  record.bought_at = now->at;
  record.tenant = now->tenant;
  record.quote = now->quote;
  record.bid = now->bid;
  record.tariff = now->tariff;
  record.terms = std::move(now->terms.front());
  record.guaranteed = now->guaranteed;
  record.asked = std::move(asked->terms);
  record.in_hand = *in_hand;
  reservations_of_[record.tenant].push_back(record.id);
  reservations_.push_back(std::move(record));
  return absl::OkStatus();
}

absl::Status MarketRecords::RestoreChange(std::string_view key, std::string_view value) {
  RowReader of(key.substr(1));
  RowReader what(value);
  const uint32_t id = of.Big32();
  if (FindReservation(id) == nullptr || of.Big64() != FindReservation(id)->version() + 1) return Unfit();
  const uint8_t event = what.Byte();
  const uint8_t state = what.Byte();
  ReservationChange change;
  change.at = what.At();
  change.charge = what.Amount();
  change.guaranteed = WorkPerSecond(what.Signed());
  change.by = what.Text();
  change.reason = what.Text();
  change.request_id = what.Text();
  change.body = what.Fixed<BodyDigest>();
  if (!what.done() || event >= kReservationEvents || state >= kReservationStates) return Unfit();
  change.event = static_cast<ReservationEvent>(event);
  change.state = static_cast<ReservationState>(state);
  ReservationRecord& record = reservations_[id - 1];
  record.history.push_back(std::move(change));
  const ReservationChange& last = record.history.back();
  NoteRequest(record.tenant, last.request_id, {MarketRequest::Kind::kReservation, id, record.version(), last.body});
  return absl::OkStatus();
}

absl::Status MarketRecords::RestorePosting(std::string_view key, std::string_view value) {
  RowReader of(key.substr(1));
  RowReader what(value);
  const TenantId tenant{of.Big32()};
  const uint64_t number = of.Big64();
  Posting posting;
  posting.reservation = what.Unsigned32();
  posting.at = what.At();
  const uint8_t kind = what.Byte();
  posting.charge.quantity = static_cast<Int128>(what.Amount().pico());
  posting.charge.unit_price = what.Signed();
  posting.charge.paid_price = what.Signed();
  const bool known = reservations_of_.contains(tenant) && FindReservation(posting.reservation) != nullptr &&
                     kind <= static_cast<uint8_t>(ReservationCharge::Kind::kSellBack);
  if (!known || !what.done()) return Unfit();
  posting.charge.kind = static_cast<ReservationCharge::Kind>(kind);
  Postings& postings = postings_[tenant];
  if (postings.list.empty()) postings.first = number;
  if (number != postings.first + postings.list.size()) return Unfit();
  postings.list.push_back(posting);
  return absl::OkStatus();
}

}  // namespace penstock::ledger
