#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

using admission::Measure;

struct LimitName {
  std::string name;
  Measure measure;
  TokenKind kind;
  Duration period;
};

// Every limit that can be written: requests, tokens, work and each token kind, per minute, hour and day.
const std::vector<LimitName>& LimitNames() {
  static const std::vector<LimitName> names = [] {
    const std::pair<std::string, Duration> periods[] = {{"minute", Minutes(1)}, {"hour", Hours(1)}, {"day", Days(1)}};
    std::vector<LimitName> all;
    for (const auto& [period, length] : periods) {
      all.push_back({"requests_per_" + period, Measure::kRequests, TokenKind::kInput, length});
      all.push_back({"tokens_per_" + period, Measure::kTokens, TokenKind::kInput, length});
      all.push_back({"work_per_" + period, Measure::kWork, TokenKind::kInput, length});
      for (const TokenKind kind : kAllTokenKinds) {
        all.push_back({std::string(Name(kind)) + "_tokens_per_" + period, Measure::kTokenKind, kind, length});
      }
    }
    return all;
  }();
  return names;
}

// A number, or {quantity, burst}; the burst is the quantity unless it is given.
admission::RateTerms ReadRate(Section& limits, const Node& node, const LimitName& limit) {
  const std::string path = limits.PathOf(limit.name);
  const int64_t unit = limit.measure == Measure::kWork ? kMilliNtPerNt : 1;
  const IntegerField plain{
      .name = "quantity", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "1000"};
  int64_t quantity = 1;
  int64_t burst = 1;
  if (node.kind == Node::Kind::kMap) {
    Section section(limits.source(), node, path, "{quantity: 1000, burst: 2000}");
    quantity = section.Integer(plain);
    burst = section.Integer({.name = "burst", .min = 1, .max = kMaxBurstNt, .otherwise = quantity, .example = "2000"});
  } else {
    quantity = burst = ReadInteger(limits.source(), node, path, plain).value_or(1);
  }
  return {.quantity = CheckedMul(quantity, unit), .period = limit.period, .burst = CheckedMul(burst, unit)};
}

void ReadLimits(Section& owner, admission::LimitPolicy& policy) {
  const Node* node = owner.Optional("limits");
  if (node == nullptr) return;
  Section section(owner.source(), *node, owner.PathOf("limits"), "limits: {requests_per_minute: 60, parallel: 8}");
  policy.max_parallel =
      section.Integer({.name = "parallel", .min = 1, .max = kMaxInFlight, .otherwise = 0, .example = "8"});
  for (const LimitName& limit : LimitNames()) {
    const Node* value = section.Optional(limit.name);
    if (value == nullptr) continue;
    policy.limits.push_back({limit.name, limit.measure, limit.kind, ReadRate(section, *value, limit)});
  }
}

void RefuseKeys(Section& section, std::initializer_list<std::string_view> keys, std::string_view why) {
  for (const std::string_view key : keys) {
    if (section.Has(key)) section.Complain(key, why);
  }
}

void ReadContractOnTokens(Section& section, core::ReservationSettings& reservation) {
  RefuseKeys(section, {"burst_nt"}, "belongs to rate_nt_per_s; with rate_tokens_per_s write burst_tokens");
  reservation.kind =
      static_cast<TokenKind>(section.Choice({.name = "kind", .choices = kTokenKindNames, .otherwise = {}}));
  reservation.rate.quantity = section.Integer(
      {.name = "rate_tokens_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "2000"});
  reservation.rate.burst =
      section.Integer({.name = "burst_tokens", .min = 1, .max = kMaxBurstNt, .otherwise = {}, .example = "8000"});
}

void ReadContractOnWork(Section& section, core::ReservationSettings& reservation) {
  RefuseKeys(section, {"burst_tokens", "kind"},
             "belongs to rate_tokens_per_s; with rate_nt_per_s the reservation is "
             "on work: write burst_nt and no kind");
  reservation.rate.quantity = CheckedMul(
      section.Integer(
          {.name = "rate_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "10000"}),
      kMilliNtPerNt);
  reservation.rate.burst = CheckedMul(
      section.Integer({.name = "burst_nt", .min = 1, .max = kMaxBurstNt, .otherwise = {}, .example = "40000"}),
      kMilliNtPerNt);
}

core::ReservationSettings ReadReservation(const Source& source, const Node& node, const std::string& path) {
  constexpr std::string_view kExample =
      "reservation: {pool: chat, rate_nt_per_s: 10000, burst_nt: 40000, overrun: spill}";
  constexpr std::string_view kOverruns[] = {"spill", "wait", "refuse"};
  Section section(source, node, path, kExample);
  core::ReservationSettings reservation;
  reservation.pool = section.EntityName("pool", "chat");
  reservation.rate.period = Seconds(1);
  const bool on_work = section.Has("rate_nt_per_s");
  const bool on_tokens = section.Has("rate_tokens_per_s");
  for (const std::string_view key : {"burst_nt", "burst_tokens", "kind"}) section.Has(key);
  if (on_work && on_tokens) {
    section.Complain("rate_tokens_per_s",
                     "stands beside rate_nt_per_s; a reservation is on work or on one token kind: "
                     "remove one of them");
  } else if (on_tokens) {
    ReadContractOnTokens(section, reservation);
  } else {
    ReadContractOnWork(section, reservation);
  }
  reservation.overrun =
      static_cast<Overrun>(section.Choice({.name = "overrun", .choices = kOverruns, .otherwise = 0}));
  return reservation;
}

core::RunTerms ReadRuns(Section& tenant) {
  constexpr std::string_view kExample = "runs: {max_spend: 5.00, max_requests: 200, on_crossing: stop}";
  constexpr std::string_view kCrossings[] = {"stop", "approval"};
  core::RunTerms terms;
  const Node* node = tenant.Optional("runs");
  if (node == nullptr) return terms;
  Section section(tenant.source(), *node, tenant.PathOf("runs"), kExample);
  ReadRunBudget(section, terms);
  terms.max_requests =
      section.Integer({.name = "max_requests", .min = 1, .max = kMaxRunRequests, .otherwise = 0, .example = "200"});
  terms.max_wall_time = Seconds(section.Integer(
      {.name = "max_wall_time_s", .min = 1, .max = kMaxLeaseSeconds, .otherwise = 0, .example = "3600"}));
  terms.max_depth =
      section.Integer({.name = "max_depth", .min = 1, .max = kMaxRunDepth, .otherwise = 0, .example = "8"});
  terms.ask_for_approval = section.Choice({.name = "on_crossing", .choices = kCrossings, .otherwise = 0}) == 1;
  return terms;
}

std::vector<core::Graduation> ReadGraduations(Section& tenant) {
  std::vector<core::Graduation> graduations;
  const auto read = [&](const Node& node, const std::string& path) {
    Section section(tenant.source(), node, path, "{at_spend: 100.00, limits: {requests_per_minute: 600}}");
    core::Graduation stage;
    section.Required("at_spend", "100.00");
    stage.at_spend = ReadMoney(section, "at_spend", "100.00");
    ReadLimits(section, stage.limits);
    if (!graduations.empty() && stage.at_spend <= graduations.back().at_spend) {
      section.Complain("at_spend", "must be more than that of the graduation before it");
    }
    graduations.push_back(std::move(stage));
  };
  tenant.List("graduations", read, false, "[{at_spend: 100.00, limits: {requests_per_minute: 600}}]");
  return graduations;
}

// The elastic classes a tenant may ask for.
std::vector<ServiceClass> ReadClasses(Section& tenant) {
  std::vector<ServiceClass> classes;
  for (const std::string& name : tenant.Names("classes", "[default, flex]")) {
    const std::optional<ServiceClass> found = ServiceClassNamed(name);
    if (found == ServiceClass::kFlex || found == ServiceClass::kDefault || found == ServiceClass::kPriority) {
      classes.push_back(*found);
    } else {
      tenant.Complain("classes", absl::StrCat(Quoted(name),
                                              " is not a class that a tenant can ask for; write some of flex, "
                                              "default, priority"));
    }
  }
  return classes;
}

core::KeyPolicy ReadKeyPolicy(Section& section) {
  constexpr std::string_view kPolicies[] = {"ignore", "hint", "refuse"};
  constexpr int64_t kMostPrice = 1'000'000'000'000'000;  // micro-units per million tokens
  core::KeyPolicy policy;
  policy.pools = section.Names("pools", "[chat]");
  policy.classes = ReadClasses(section);
  const auto tokens = [&](std::string_view name, std::string_view example) {
    return Tokens(
        section.Integer({.name = name, .min = 1, .max = kMaxTokensPerRequest, .otherwise = 0, .example = example}));
  };
  policy.max_input = tokens("max_input_tokens", "32000");
  policy.max_output = tokens("max_output_tokens", "4096");
  policy.max_output_price = section.DecimalNumber({.name = "max_output_price",
                                                   .decimals = 6,
                                                   .min = 1,
                                                   .max = kMostPrice,
                                                   .otherwise = 0,
                                                   .example = "2.40",
                                                   .why_no_finer = "prices are whole micro-units per million tokens"});
  policy.duplicates =
      static_cast<core::DuplicatePolicy>(section.Choice({.name = "duplicates", .choices = kPolicies, .otherwise = 0}));
  policy.duplicate_window = Seconds(section.Integer(
      {.name = "duplicate_window_s", .min = 1, .max = kMaxWaitSeconds, .otherwise = 60, .example = "60"}));
  return policy;
}

core::KeySettings ReadKey(const Source& source, const Node& node, const std::string& path) {
  Section section(source, node, path, "{name: prod}");
  core::KeySettings key;
  key.name = section.EntityName("name", "prod");
  key.weight = section.Integer({.name = "weight", .min = 1, .max = kMaxWeight, .otherwise = 1, .example = "1"});
  if (section.Has("project")) key.project = section.EntityName("project", "search");
  key.policy = ReadKeyPolicy(section);
  key.budgets = ReadBudgets(section);
  ReadLimits(section, key.limits);
  return key;
}

core::ProjectSettings ReadProject(const Source& source, const Node& node, const std::string& path) {
  Section section(source, node, path, "{name: search, budgets: {month: 200.00}}");
  core::ProjectSettings project;
  project.name = section.EntityName("name", "search");
  section.Required("budgets", "{month: 200.00}");
  project.budgets = ReadBudgets(section);
  return project;
}

// One, or a list of several.
void ReadReservations(Section& tenant, std::vector<core::ReservationSettings>& reservations) {
  const Node* node = tenant.Optional("reservation");
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kList) {
    reservations.push_back(ReadReservation(tenant.source(), *node, tenant.PathOf("reservation")));
    return;
  }
  const auto read = [&](const Node& item, const std::string& path) {
    reservations.push_back(ReadReservation(tenant.source(), item, path));
  };
  tenant.List("reservation", read, true, "[{pool: chat, rate_nt_per_s: 10000, burst_nt: 40000}]");
}

core::TenantSettings ReadTenant(const Source& source, const Node& node, const std::string& path) {
  Section section(source, node, path, "{name: acme, tier: elastic, keys: [{name: prod}]}");
  core::TenantSettings tenant;
  tenant.name = section.EntityName("name", "acme");
  tenant.tier = static_cast<Tier>(section.Choice({.name = "tier", .choices = kTierNames, .otherwise = {}}));
  tenant.weight = section.Integer({.name = "weight", .min = 1, .max = kMaxWeight, .otherwise = 1, .example = "1"});
  tenant.tariff = section.Text({.name = "tariff", .otherwise = "", .example = "2026-01"});
  tenant.pools = section.Names("pools", "[chat]");
  tenant.classes = ReadClasses(section);
  ReadLimits(section, tenant.limits);
  tenant.graduations = ReadGraduations(section);
  tenant.budgets = ReadBudgets(section);
  tenant.runs = ReadRuns(section);
  ReadReservations(section, tenant.reservations);
  const auto read_project = [&](const Node& item, const std::string& item_path) {
    tenant.projects.push_back(ReadProject(source, item, item_path));
  };
  section.List("projects", read_project, false, "[{name: search, budgets: {month: 200.00}}]");
  const auto read = [&](const Node& item, const std::string& item_path) {
    tenant.keys.push_back(ReadKey(source, item, item_path));
  };
  section.List("keys", read, true, "[{name: prod}]");
  return tenant;
}

}  // namespace

void ReadTiers(Section& top, std::array<admission::LimitPolicy, kTierCount>& limits) {
  const Node* node = top.Optional("tiers");
  if (node == nullptr) return;
  Section section(top.source(), *node, top.PathOf("tiers"), "tiers: {free: {limits: {requests_per_minute: 6000}}}");
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    const Node* one = section.Optional(kTierNames[tier]);
    if (one == nullptr) continue;
    Section of_tier(top.source(), *one, section.PathOf(kTierNames[tier]), "{limits: {requests_per_minute: 6000}}");
    of_tier.Required("limits", "{requests_per_minute: 6000}");
    ReadLimits(of_tier, limits[tier]);
  }
}

void ReadTenants(Section& top, std::vector<core::TenantSettings>& tenants) {
  const auto read = [&](const Node& node, const std::string& path) {
    tenants.push_back(ReadTenant(top.source(), node, path));
  };
  top.List("tenants", read, true, "[{name: acme, tier: elastic, keys: [{name: prod}]}]");
}

}  // namespace penstock::config
