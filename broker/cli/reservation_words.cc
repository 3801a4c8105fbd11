#include "broker/cli/reservation_words.h"

#include <absl/strings/str_cat.h>

#include "admission/vocabulary/checked.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

std::string StateOf(v1::Reservation::State state) { return Word(*v1::Reservation::State_descriptor(), state); }
std::string OverrunOf(v1::Overrun overrun) { return Word(*v1::Overrun_descriptor(), overrun); }

std::string KindOf(v1::ReservationCharge::Kind kind) {
  if (kind == v1::ReservationCharge::SELL_BACK) return "sold back";
  return Word(*v1::ReservationCharge::Kind_descriptor(), kind);
}

// The contract's etags are in double quotes, which shells take away.
std::string WithoutQuotes(std::string etag) {
  std::erase(etag, '"');
  return etag;
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string UnitPriceInWords(const v1::UnitPrice& price) {
  return absl::StrCat(PerHour(price), " ", price.currency(), " per nt/s-hour; if all of it is used, ",
                      Trimmed(price.per_million_nt()), " per million nt");
}

std::string StepsInWords(int64_t count, const google::protobuf::Timestamp& start,
                         const google::protobuf::Timestamp& end) {
  return count == 1 ? FromTo(start, end) : absl::StrCat(count, " windows, ", FromTo(start, end));
}

void AddEnvelope(Sheet& sheet, const v1::Envelope& envelope) {
  if (envelope.mean_work_nt() == 0 && !envelope.has_mean_residence()) return;
  std::string text =
      absl::StrCat("on average ", Grouped(envelope.mean_work_nt()), " nt and ", TimeSpan(envelope.mean_residence()));
  if (envelope.largest_context_tokens() > 0) {
    absl::StrAppend(&text, ", at most ", Grouped(envelope.largest_context_tokens()), " tokens of context");
  }
  sheet.Add("its requests", text);
}

std::string InMoney(const v1::Money& money) { return Trimmed(money.amount()); }

// Part of the whole in percent with one decimal, rounded down; "-" of nothing.
std::string Share(int64_t part, int64_t whole) {
  if (whole <= 0) return "-";
  const int64_t permille = CheckedNarrow(Int128{part} * 1'000 / whole);
  return absl::StrCat(permille / 10, ".", permille % 10, "%");
}

std::string WholeNt(int64_t milli_nt) { return Grouped(milli_nt / 1'000); }

}  // namespace

// ---- Quotes.

std::string RenderQuote(const v1::Quote& quote, bool colour) {
  Sheet sheet;
  sheet.Add("quote", quote.name().empty() ? "only looked at, not kept" : ShortName(quote.name()));
  sheet.Add("state", Word(*v1::Quote::State_descriptor(), quote.state()));
  sheet.Add("pool", LastPart(quote.pool()));
  if (!quote.shape().empty()) sheet.Add("asked for", quote.shape());
  sheet.Add("when", StepsInWords(quote.step_count(), quote.start(), quote.end()));
  sheet.Add("rate", Grouped(quote.peak_nt_per_s()) + " nt/s");
  if (!quote.project().empty()) sheet.Add("project", quote.project());
  sheet.Add("beyond it", OverrunOf(quote.overrun()));
  AddEnvelope(sheet, quote.envelope());
  sheet.Add("price", Amount(quote.price()));
  sheet.Add("unit price", UnitPriceInWords(quote.unit_price()));
  sheet.Add("holds until", Minute(quote.expires()));
  sheet.Add("tariff", quote.tariff_version());
  if (!quote.reservation().empty()) sheet.Add("reservation", ShortName(quote.reservation()));
  std::string text = sheet.Render(colour);
  if (quote.step_count() > 1) absl::StrAppend(&text, "\n", StepTable(quote.steps(), quote.step_count(), colour));
  absl::StrAppend(&text, "\nWhy it costs that (averages over the window)\n",
                  Basis(quote.basis(), quote.unit_price(), colour));
  if (!quote.alternatives().empty()) {
    absl::StrAppend(&text, "\nCheaper would be\n", Alternatives(quote.alternatives(), &quote.start(), colour));
  }
  if (quote.state() == v1::Quote::ACTIVE && !quote.name().empty()) {
    absl::StrAppend(&text, "\nBuy it: penstock reserve ", ShortName(quote.name()), "\n");
  }
  return text;
}

std::string RenderAnswer(const v1::CreateQuoteResponse& answer, bool colour) {
  if (answer.has_quote()) return RenderQuote(answer.quote(), colour);
  const v1::NotSellable& none = answer.not_sellable();
  return absl::StrCat("Not to be had. ", Shortage(none), "\n",
                      none.alternatives().empty() ? "Nothing near it could be had either.\n" : "\nInstead\n",
                      Alternatives(none.alternatives(), nullptr, colour));
}

std::string RenderQuotes(const v1::ListQuotesResponse& all, bool colour) {
  if (all.quotes().empty()) return "No quotes.\n";
  Table table({{"quote"},
               {"state"},
               {"pool"},
               {"when"},
               {"nt/s", Align::kRight},
               {"price", Align::kPoint},
               {""},
               {"holds until"},
               {"reservation"}});
  for (const v1::Quote& one : all.quotes()) {
    table.AddRow({ShortName(one.name()), Word(*v1::Quote::State_descriptor(), one.state()), LastPart(one.pool()),
                  StepsInWords(one.step_count(), one.start(), one.end()), Grouped(one.peak_nt_per_s()),
                  InMoney(one.price()), one.price().currency(), Minute(one.expires()),
                  one.reservation().empty() ? "-" : ShortName(one.reservation())});
  }
  return table.Render(colour);
}

// ---- Reservations.

std::string RenderReservation(const v1::Reservation& reservation, bool colour) {
  const v1::ReservationTerms& terms = reservation.terms();
  Sheet sheet;
  sheet.Add("reservation", reservation.name().empty() ? "not bought yet" : ShortName(reservation.name()));
  sheet.Add("state", StateOf(reservation.state()));
  sheet.Add("pool", LastPart(terms.pool()));
  if (!terms.shape().empty()) sheet.Add("bought as", terms.shape());
  sheet.Add("when", StepsInWords(terms.step_count(), reservation.start(), reservation.end()));
  sheet.Add("rate", Grouped(terms.peak_nt_per_s()) + " nt/s");
  if (reservation.state() == v1::Reservation::DEGRADED) {
    sheet.Add("guaranteed", Rate(reservation.guaranteed_milli_nt_per_s()) + " nt/s at a time: capacity was lost");
  }
  sheet.Add("project", OrDash(terms.project()));
  sheet.Add("beyond it", OverrunOf(terms.overrun()));
  AddEnvelope(sheet, terms.envelope());
  sheet.Add("paid", Amount(reservation.paid()));
  sheet.Add("given back", Amount(reservation.returned()));
  const bool has_begun = reservation.delivered_until().seconds() > reservation.start().seconds();
  sheet.Add("delivered", has_begun ? Amount(reservation.earned()) + " until " + Minute(reservation.delivered_until())
                                   : Amount(reservation.earned()));
  sheet.Add("to come", Amount(reservation.unearned()));
  sheet.Add("tariff", reservation.tariff_version());
  if (!reservation.quote().empty()) sheet.Add("from quote", ShortName(reservation.quote()));
  if (!reservation.bid().empty()) sheet.Add("from bid", ShortName(reservation.bid()));
  sheet.Add("etag", OrDash(WithoutQuotes(reservation.etag())));
  std::string text = sheet.Render(colour);
  absl::StrAppend(&text, "\n", StepTable(terms.steps(), terms.step_count(), colour));
  if (reservation.has_asked()) {
    absl::StrAppend(&text, "\nAsked for, and not yet approved\n",
                    StepTable(reservation.asked().steps(), reservation.asked().step_count(), colour));
  }
  if (reservation.history().empty()) return text;
  Table table({{"at"}, {"what"}, {"then"}, {"charge", Align::kPoint}, {""}, {"by"}, {"why"}});
  for (const v1::ReservationEvent& event : reservation.history()) {
    const bool charged = event.has_charge();
    table.AddRow({Moment(event.at()), event.event(), StateOf(event.state()), charged ? InMoney(event.charge()) : "",
                  charged ? event.charge().currency() : "", OrDash(event.by()), event.reason()});
  }
  return absl::StrCat(text, "\n", table.Render(colour));
}

std::string RenderReservations(const v1::ListReservationsResponse& all, bool colour) {
  if (all.reservations().empty()) return "No reservations.\n";
  Table table({{"reservation"},
               {"state"},
               {"pool"},
               {"when"},
               {"nt/s", Align::kRight},
               {"project"},
               {"paid", Align::kPoint},
               {"to come", Align::kPoint},
               {""}});
  for (const v1::Reservation& one : all.reservations()) {
    table.AddRow({ShortName(one.name()), StateOf(one.state()), LastPart(one.terms().pool()),
                  StepsInWords(one.terms().step_count(), one.start(), one.end()), Grouped(one.terms().peak_nt_per_s()),
                  OrDash(one.terms().project()), InMoney(one.paid()), InMoney(one.unearned()), one.paid().currency()});
  }
  return table.Render(colour) + "\nAs of journal entry " + Grouped(absl::StrCat(all.as_of_sequence())) + "\n";
}

std::string ChargeInWords(const v1::Money& charge) {
  if (charge.amount().starts_with('-')) {
    return "given back: " + Trimmed(std::string_view(charge.amount()).substr(1)) + " " + charge.currency();
  }
  const bool nothing = charge.amount().find_first_of("123456789") == std::string::npos;
  return nothing ? "nothing is charged" : "charge: " + Amount(charge);
}

std::string RenderChange(const v1::ReservationChange& change, bool colour) {
  std::string text = RenderReservation(change.reservation(), colour);
  if (!change.charges().empty()) {
    Table table({{"charge"},
                 {"nt/s x minutes", Align::kRight},
                 {"per nt/s-hour", Align::kPoint},
                 {"bought at", Align::kPoint},
                 {"amount", Align::kPoint},
                 {""}});
    for (const v1::ReservationCharge& one : change.charges()) {
      table.AddRow({KindOf(one.kind()), Trimmed(one.nt_per_s_minutes()), PerHour(one.unit_price()),
                    PerHour(one.paid_price()), InMoney(one.amount()), one.amount().currency()});
    }
    absl::StrAppend(&text, "\n", table.Render(colour));
  }
  std::string sum = ChargeInWords(change.charge());
  sum[0] = static_cast<char>(sum[0] - 'a' + 'A');
  const v1::Reservation::State state = change.reservation().state();
  const bool waits = state == v1::Reservation::PENDING || state == v1::Reservation::AMENDING;
  if (waits) absl::StrAppend(&text, "\nIt is dear enough to wait for approval: an operator decides.\n");
  return absl::StrCat(text, "\n", sum, change.repeated() ? " (the answer to an earlier request with this id)" : "",
                      "\n");
}

// ---- Proof of delivery.

std::string RenderUtilisation(const v1::GetUtilisationResponse& all, bool colour) {
  if (all.hours().empty()) return "Nothing was delivered in that time.\n";
  const std::string currency = " " + all.total().earned().currency();
  Table table({{"hour"},
               {"promised nt", Align::kRight},
               {"guaranteed", Align::kRight},
               {"delivered", Align::kRight},
               {"unused", Align::kRight},
               {"used", Align::kRight},
               {"earned" + currency, Align::kPoint}});
  const auto add = [&](const std::string& when, const v1::UtilisationHour& hour, Table::Emphasis emphasis) {
    table.AddRow({when, WholeNt(hour.promised_milli_nt()), WholeNt(hour.guaranteed_milli_nt()),
                  WholeNt(hour.delivered_milli_nt()), WholeNt(hour.unused_milli_nt()),
                  Share(hour.guaranteed_milli_nt() - hour.unused_milli_nt(), hour.guaranteed_milli_nt()),
                  InMoney(hour.earned())},
                 emphasis);
  };
  for (const v1::UtilisationHour& hour : all.hours()) add(Minute(hour.from()), hour, Table::Emphasis::kPlain);
  table.AddRule();
  add("all", all.total(), Table::Emphasis::kStrong);
  return table.Render(colour) + "\nUnused throughput does not accumulate. As of journal entry " +
         Grouped(absl::StrCat(all.as_of_sequence())) + "\n";
}

std::string RenderServiceLevel(const v1::GetServiceLevelResponse& all, bool colour) {
  const v1::ServiceLevelTargets& targets = all.targets();
  Sheet sheet;
  if (targets.has_queue_delay()) sheet.Add("queue delay", "at most " + TimeSpan(targets.queue_delay()));
  if (targets.has_time_to_first_token()) sheet.Add("first token", "within " + TimeSpan(targets.time_to_first_token()));
  if (targets.output_tokens_per_s() > 0) {
    sheet.Add("output", absl::StrCat("at least ", targets.output_tokens_per_s(), " tokens/s"));
  }
  for (const v1::ServiceCreditStep& step : targets.credits()) {
    sheet.Add("credit", absl::StrCat(step.percent(), "% of an hour's price when fewer than ",
                                     Percentage(step.below_permille()), " of its requests met them all"));
  }
  std::string text = sheet.Render(colour);
  if (text.empty()) text = "Nothing is promised by its tariff.\n";
  if (all.hours().empty()) return text + "\nNo requests ran inside it in that time.\n";
  const std::string currency = " " + all.total().credit().currency();
  Table table({{"hour"},
               {"requests", Align::kRight},
               {"late", Align::kRight},
               {"slow to start", Align::kRight},
               {"slow output", Align::kRight},
               {"met", Align::kRight},
               {"unserved", Align::kRight},
               {"longest wait", Align::kRight},
               {"credit" + currency, Align::kPoint}});
  const auto add = [&](const std::string& when, const v1::ServiceLevelHour& hour, Table::Emphasis emphasis) {
    table.AddRow({when, Grouped(hour.requests()), Grouped(hour.late()), Grouped(hour.slow_first_token()),
                  Grouped(hour.slow_output()), Share(hour.requests() - hour.missed(), hour.requests()),
                  Grouped(hour.unserved()), TimeSpan(hour.longest_queued()), InMoney(hour.credit())},
                 emphasis);
  };
  for (const v1::ServiceLevelHour& hour : all.hours()) add(Minute(hour.from()), hour, Table::Emphasis::kPlain);
  table.AddRule();
  add("all", all.total(), Table::Emphasis::kStrong);
  return absl::StrCat(text, "\n", table.Render(colour), "\nAs of journal entry ",
                      Grouped(absl::StrCat(all.as_of_sequence())),
                      "; how to check it against your own log: reservations.proto, ServiceLevelHour\n");
}

}  // namespace penstock::cli
