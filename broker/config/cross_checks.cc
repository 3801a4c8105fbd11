#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/checked.h"
#include "broker/config/decimal.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

using core::PoolSettings;
using core::ReservationSettings;
using core::TenantSettings;

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

std::string InNt(Int128 milli_nt) { return FormatDecimal(CheckedNarrow(milli_nt), 3); }

template <class T>
const T* Named(const std::vector<T>& things, std::string_view name) {
  const auto found = std::find_if(things.begin(), things.end(), [&](const T& thing) { return thing.name == name; });
  return found == things.end() ? nullptr : &*found;
}

template <class T>
std::vector<std::string_view> NamesOf(const std::vector<T>& things) {
  std::vector<std::string_view> names;
  for (const T& thing : things) names.push_back(thing.name);
  return names;
}

bool MayUse(const TenantSettings& tenant, const std::string& pool) {
  return tenant.pools.empty() || std::find(tenant.pools.begin(), tenant.pools.end(), pool) != tenant.pools.end();
}

// Whoever may use a pool may buy what it sells ahead of time.
bool MayBuy(const TenantSettings& tenant, const PoolSettings& pool) {
  return pool.market.open && MayUse(tenant, pool.name);
}

class EngineCheck {
 public:
  EngineCheck(const Source& source, const Config& config)
      : source_(source), config_(config), pools_(config.engine.pools), tenants_(config.engine.tenants) {}

  void Run() {
    CheckUnique(pools_, "pools", "pool");
    CheckUnique(tenants_, "tenants", "tenant");
    CheckVersions();
    for (size_t i = 0; i < pools_.size(); ++i) CheckPool(pools_[i], absl::StrCat("pools[", i, "]"));
    for (size_t i = 0; i < tenants_.size(); ++i) CheckTenant(tenants_[i], absl::StrCat("tenants[", i, "]"));
    for (const PoolSettings& pool : pools_) CheckReservedSum(pool);
    CheckApiKeys();
  }

 private:
  void Complain(const std::string& path, std::string_view what) {
    source_.problems.Add(source_.file, PlaceOf(source_.root, path), path, what);
  }

  template <class T>
  void CheckUnique(const std::vector<T>& things, const std::string& path, std::string_view what) {
    std::set<std::string> seen;
    for (size_t i = 0; i < things.size(); ++i) {
      if (seen.insert(things[i].name).second) continue;
      Complain(absl::StrCat(path, "[", i, "].name"),
               absl::StrCat("there is another ", Abseil(what), " ", Quoted(things[i].name), " above; rename one"));
    }
  }

  /// Versions have names of their own, and contracts pin one that is there.
  void CheckVersions() {
    std::vector<std::string_view> versions = {config_.engine.tariff.version};
    for (const ledger::Tariff& tariff : config_.engine.more_tariffs) {
      if (std::find(versions.begin(), versions.end(), tariff.version) != versions.end()) {
        Complain("tariffs", absl::StrCat("there are two tariffs of version ", Quoted(tariff.version),
                                         "; each needs a version of its own"));
      }
      versions.push_back(tariff.version);
    }
    for (size_t i = 0; i < tenants_.size(); ++i) {
      const std::string& pinned = tenants_[i].tariff;
      if (pinned.empty() || std::find(versions.begin(), versions.end(), pinned) != versions.end()) continue;
      Complain(absl::StrCat("tenants[", i, "].tariff"),
               absl::StrCat("no tariff has version ", Quoted(pinned), "; its file belongs under `tariff` or `tariffs`",
                            DidYouMean(pinned, versions)));
    }
  }

  // Where projects are listed, a name that is not among them is a slip of the pen.
  void CheckProjects(const TenantSettings& tenant, const std::string& path) {
    CheckUnique(tenant.projects, path + ".projects", "project");
    for (size_t i = 0; i < tenant.keys.size() && !tenant.projects.empty(); ++i) {
      const std::string& project = tenant.keys[i].project;
      if (project.empty() || Named(tenant.projects, project) != nullptr) continue;
      Complain(absl::StrCat(path, ".keys[", i, "].project"),
               absl::StrCat("there is no project ", Quoted(project),
                            KnownOnes(project, NamesOf(tenant.projects), "the tenant's projects")));
    }
  }

  void CheckPool(const PoolSettings& pool, const std::string& path) {
    if (pool.settle_within < pool.lease) {
      Complain(path + ".settle_within_s",
               "is shorter than lease_s; the money hold must outlive the slot: raise it to "
               "lease_s or more");
    }
    for (size_t i = 0; i < kShareClassCount; ++i) {
      const std::string at = absl::StrCat(path, ".classes.", Abseil(kServiceClassNames[i]));
      if (pool.terms.classes[i].holdback_slots >= pool.terms.max_in_flight) {
        Complain(at + ".holdback_slots", absl::StrCat("leaves this class no slot at all, for the pool has ",
                                                      pool.terms.max_in_flight, " (max_in_flight); lower it"));
      }
      if (pool.terms.classes[i].max_in_flight > pool.terms.max_in_flight) {
        Complain(at + ".max_in_flight", absl::StrCat("is above the pool's own max_in_flight of ",
                                                     pool.terms.max_in_flight, "; lower it, or leave it out"));
      }
    }
    const Int128 burst = Int128{pool.terms.capacity.count()} * pool.market.burst.count() / Seconds(1).count();
    if (pool.market.open && burst > Int128{kMaxBurstNt} * kMilliNtPerNt) {
      Complain(path + ".market.burst_s",
               absl::StrCat("at the pool's capacity that is a burst of more than ", kMaxBurstNt, " nt; lower it"));
    }
  }

  void CheckPoolNames(const std::vector<std::string>& names, const std::string& path) {
    for (size_t i = 0; i < names.size(); ++i) CheckPoolName(names[i], absl::StrCat(path, "[", i, "]"));
  }

  bool CheckPoolName(const std::string& name, const std::string& path) {
    if (Named(pools_, name) != nullptr) return true;
    Complain(path, absl::StrCat("there is no pool ", Quoted(name), KnownOnes(name, NamesOf(pools_), "pools")));
    return false;
  }

  static std::string KnownOnes(std::string_view name, const std::vector<std::string_view>& known,
                               std::string_view section) {
    const std::string nearest = DidYouMean(name, known);
    return nearest.empty() ? absl::StrCat("; add it under ", Abseil(section), ", or name one that is there") : nearest;
  }

  void CheckTenant(const TenantSettings& tenant, const std::string& path) {
    CheckPoolNames(tenant.pools, path + ".pools");
    CheckTier(tenant, path);
    CheckLimits(tenant, tenant.limits.limits, path);
    for (size_t i = 0; i < tenant.graduations.size(); ++i) {
      CheckLimits(tenant, tenant.graduations[i].limits.limits, absl::StrCat(path, ".graduations[", i, "]"));
    }
    CheckUnique(tenant.keys, path + ".keys", "key");
    CheckProjects(tenant, path);
    for (size_t i = 0; i < tenant.keys.size(); ++i) {
      const std::string at = absl::StrCat(path, ".keys[", i, "]");
      CheckKeyPools(tenant, tenant.keys[i], at + ".pools");
      CheckLimits(tenant, tenant.keys[i].limits.limits, at);
      CheckKeyClasses(tenant, tenant.keys[i], at + ".classes");
    }
  }

  void CheckKeyPools(const TenantSettings& tenant, const core::KeySettings& key, const std::string& path) {
    const std::vector<std::string>& pools = key.policy.pools;
    for (size_t i = 0; i < pools.size(); ++i) {
      const std::string at = absl::StrCat(path, "[", i, "]");
      if (!CheckPoolName(pools[i], at) || MayUse(tenant, pools[i])) continue;
      Complain(at, absl::StrCat("the tenant itself may not use pool ", Quoted(pools[i]),
                                "; add it to the tenant's pools, or remove it here"));
    }
  }

  // A key can only narrow what its tenant may.
  void CheckKeyClasses(const TenantSettings& tenant, const core::KeySettings& key, const std::string& path) {
    for (const ServiceClass c : key.policy.classes) {
      const bool implied = tenant.classes.empty() && c == ServiceClass::kDefault;
      const bool listed = std::find(tenant.classes.begin(), tenant.classes.end(), c) != tenant.classes.end();
      if (tenant.tier == Tier::kElastic && (implied || listed)) continue;
      Complain(path, absl::StrCat("the tenant itself may not ask for class ", Abseil(Name(c)),
                                  "; add it to the tenant's classes, or remove it here"));
    }
  }

  void CheckTier(const TenantSettings& tenant, const std::string& path) {
    if (tenant.tier != Tier::kElastic && !tenant.classes.empty()) {
      Complain(path + ".classes", absl::StrCat("only elastic tenants choose a class, and this one is ",
                                               Abseil(Name(tenant.tier)), "; remove it"));
    }
    const bool may_buy =
        std::any_of(pools_.begin(), pools_.end(), [&](const PoolSettings& pool) { return MayBuy(tenant, pool); });
    if (tenant.tier == Tier::kReserved && tenant.reservations.empty() && !may_buy) {
      Complain(path + ".tier",
               "a reserved tenant needs a reservation, or a pool where it can buy one; add `reservation: {pool: chat, "
               "rate_nt_per_s: 10000, burst_nt: 40000}`, give a pool that it may use a `market`, or make the tier "
               "elastic");
    }
    if (tenant.tier != Tier::kReserved && !tenant.reservations.empty()) {
      Complain(path + ".reservation",
               absl::StrCat("only a tenant of tier reserved has one, and this one is ", Abseil(Name(tenant.tier)),
                            "; write `tier: reserved`, or remove the reservation"));
    }
    for (size_t i = 0; i < tenant.reservations.size(); ++i) {
      CheckReservation(tenant, tenant.reservations[i], path + ReservationPath(tenant, i));
    }
  }

  void CheckReservation(const TenantSettings& tenant, const ReservationSettings& reservation, const std::string& path) {
    if (!CheckPoolName(reservation.pool, path + ".pool")) return;
    const PoolSettings& pool = *Named(pools_, reservation.pool);
    if (!MayUse(tenant, pool.name)) {
      Complain(path + ".pool", absl::StrCat("the tenant may not use pool ", Quoted(pool.name),
                                            "; add it to the tenant's pools, or reserve in another"));
    }
    if (reservation.kind && pool.burndown[*reservation.kind] == 0) {
      Complain(path + ".kind", absl::StrCat("pool ", Quoted(pool.name), " has no ", Abseil(Name(*reservation.kind)),
                                            " tokens; reserve a kind that its burndown lists"));
      return;
    }
    if (InWork(reservation, pool, reservation.rate.burst) > Int128{kMaxBurstNt} * kMilliNtPerNt) {
      Complain(path + ".burst_tokens",
               absl::StrCat("is more than ", kMaxBurstNt, " nt at this pool's burndown; lower it"));
    }
  }

  // A map when it is one, else a list.
  static std::string ReservationPath(const TenantSettings& tenant, size_t i) {
    return tenant.reservations.size() == 1 ? ".reservation" : absl::StrCat(".reservation[", i, "]");
  }

  static Int128 InWork(const ReservationSettings& reservation, const PoolSettings& pool, int64_t amount) {
    return Int128{amount} * (reservation.kind ? pool.burndown[*reservation.kind] : 1);
  }

  std::vector<std::pair<const ReservationSettings*, std::string>> AllReservations() const {
    std::vector<std::pair<const ReservationSettings*, std::string>> all;
    for (size_t t = 0; t < tenants_.size(); ++t) {
      for (size_t i = 0; i < tenants_[t].reservations.size(); ++i) {
        all.emplace_back(&tenants_[t].reservations[i],
                         absl::StrCat("tenants[", t, "]", ReservationPath(tenants_[t], i)));
      }
    }
    return all;
  }

  // What is promised must fit the pool: rates into its capacity, and bursts into what arithmetic inside can hold.
  void CheckReservedSum(const PoolSettings& pool) {
    Int128 rate = 0;
    Int128 burst = 0;
    for (const auto& [reservation, path] : AllReservations()) {
      if (reservation->pool != pool.name) continue;
      rate += InWork(*reservation, pool, reservation->rate.quantity);
      burst += InWork(*reservation, pool, reservation->rate.burst);
      if (rate > pool.terms.capacity.count()) {
        Complain(path, absl::StrCat("with this one, pool ", Quoted(pool.name), " has ", InNt(rate),
                                    " nt/s reserved, more than its capacity_nt_per_s of ",
                                    InNt(pool.terms.capacity.count()), "; lower a rate, or raise the capacity"));
        return;
      }
      if (burst > Int128{kMaxBurstNt} * kMilliNtPerNt) {
        Complain(path, absl::StrCat("with this one, the bursts reserved in pool ", Quoted(pool.name),
                                    " add up to more than ", kMaxBurstNt, " nt; lower them"));
        return;
      }
    }
  }

  // A limit on a kind that nobody can use is a mistake, most likely a misspelt intention.
  void CheckLimits(const TenantSettings& tenant, const std::vector<admission::LimitTerms>& limits,
                   const std::string& path) {
    for (const admission::LimitTerms& limit : limits) {
      if (limit.measure != admission::Measure::kTokenKind) continue;
      const bool usable = std::any_of(pools_.begin(), pools_.end(), [&](const PoolSettings& pool) {
        return MayUse(tenant, pool.name) && pool.burndown[limit.kind] > 0;
      });
      if (usable) continue;
      Complain(absl::StrCat(path, ".limits.", limit.name),
               absl::StrCat("no pool that this tenant may use has ", Abseil(Name(limit.kind)),
                            " tokens; remove the limit, or give the kind a burndown rate in a pool"));
    }
  }

  void CheckApiKeys() {
    std::set<std::string> seen;
    for (size_t i = 0; i < config_.api_keys.size(); ++i) {
      const auth::ApiKeyRecord& record = config_.api_keys[i];
      const std::string path = absl::StrCat("auth.keys[", i, "]");
      if (!seen.insert(record.id).second) {
        Complain(path + ".id", absl::StrCat("another key above has the id ", record.id, "; remove one of them"));
      }
      if (record.role == auth::Role::kTenant) CheckKeyOwner(record, path);
    }
  }

  void CheckKeyOwner(const auth::ApiKeyRecord& record, const std::string& path) {
    const TenantSettings* tenant = Named(tenants_, record.tenant);
    if (tenant == nullptr) {
      Complain(path + ".tenant", absl::StrCat("there is no tenant ", Quoted(record.tenant),
                                              KnownOnes(record.tenant, NamesOf(tenants_), "tenants")));
    } else if (Named(tenant->keys, record.key) == nullptr) {
      Complain(path + ".key", absl::StrCat("tenant ", Quoted(record.tenant), " has no key ", Quoted(record.key),
                                           KnownOnes(record.key, NamesOf(tenant->keys), "the tenant's keys")));
    }
  }

  const Source& source_;
  const Config& config_;
  const std::vector<PoolSettings>& pools_;
  const std::vector<TenantSettings>& tenants_;
};

// The classes that requests of this tenant can be served in, in this pool.
std::vector<ServiceClass> ClassesServed(const TenantSettings& tenant, const PoolSettings& pool) {
  if (!MayUse(tenant, pool.name)) return {};
  std::vector<ServiceClass> classes;
  if (tenant.tier == Tier::kFree) classes = {ServiceClass::kFree};
  if (tenant.tier == Tier::kElastic) classes = tenant.classes;
  if (tenant.tier == Tier::kElastic && classes.empty()) classes = {ServiceClass::kDefault};
  bool reserves = MayBuy(tenant, pool);
  bool spills = reserves;  // what is bought may say so
  for (const ReservationSettings& one : tenant.reservations) {
    if (tenant.tier != Tier::kReserved || one.pool != pool.name) continue;
    reserves = true;
    spills = spills || one.overrun == Overrun::kSpill;
  }
  if (reserves) classes.push_back(ServiceClass::kReserved);
  if (spills || (tenant.tier == Tier::kReserved && !reserves)) classes.push_back(ServiceClass::kSpillover);
  return classes;
}

class TariffCheck {
 public:
  TariffCheck(const Config& config, const TariffFile& file, const TariffOrigin& origin)
      : engine_(config.engine), tariff_(file.tariff), subscriptions_(file.subscriptions), origin_(origin) {}

  void Run() {
    for (const ledger::PoolPrices& prices : tariff_.pools) CheckNothingUnknown(prices);
    for (const PoolSettings& pool : engine_.pools) CheckNothingMissing(pool);
    for (const auto& [tenant, subscription] : subscriptions_) {
      if (Named(engine_.tenants, tenant) != nullptr) continue;
      Complain("subscriptions." + tenant, absl::StrCat("the configuration has no tenant ", Quoted(tenant),
                                                       DidYouMean(tenant, NamesOf(engine_.tenants))));
    }
  }

 private:
  void Complain(const std::string& path, std::string_view what) {
    const Place place = PlaceOf(origin_.node, path);
    const std::string full = absl::StrCat(origin_.path, origin_.path.empty() ? "" : ".", path);
    origin_.source.problems.Add(origin_.source.file, place, full, what);
  }

  const Node* PricesNode(const std::string& pool) const {
    const Node* pools = Find(origin_.node, "pools");
    const Node* entry = pools == nullptr ? nullptr : Find(*pools, pool);
    return entry == nullptr ? nullptr : Find(*entry, "prices");
  }

  // Spillover that costs a multiple of the default class needs no prices of its own.
  const Node* PricesNode(const std::string& pool, const Node& classes, ServiceClass served) const {
    const Node* own = Find(classes, Name(served));
    if (own != nullptr || served != ServiceClass::kSpillover) return own;
    const Node* entry = Find(*Find(origin_.node, "pools"), pool);
    return Find(*entry, "spillover_factor") == nullptr ? nullptr : Find(classes, Name(ServiceClass::kDefault));
  }

  void CheckNothingUnknown(const ledger::PoolPrices& prices) {
    const std::string path = "pools." + prices.pool;
    const PoolSettings* pool = Named(engine_.pools, prices.pool);
    if (pool == nullptr) {
      Complain(path,
               absl::StrCat("the tariff prices pool ", Quoted(prices.pool), ", which the configuration does not have",
                            DidYouMean(prices.pool, NamesOf(engine_.pools))));
      return;
    }
    const Node* classes = PricesNode(prices.pool);
    if (classes == nullptr) return;
    for (const Member& by_class : classes->members) {
      for (const Member& price : by_class.value.members) {
        const std::optional<TokenKind> kind = TokenKindNamed(price.key);
        if (!kind || pool->burndown[*kind] > 0) continue;
        Complain(absl::StrCat(path, ".prices.", by_class.key, ".", price.key),
                 absl::StrCat("pool ", Quoted(prices.pool), " has no ", price.key,
                              " tokens; remove the price, or give the kind a burndown rate in the pool"));
      }
    }
  }

  void CheckNothingMissing(const PoolSettings& pool) {
    const Node* classes = PricesNode(pool.name);
    if (classes == nullptr) {
      Complain("pools", absl::StrCat("the tariff has no prices for pool ", Quoted(pool.name), "; add `", pool.name,
                                     ": {prices: {default: {input: \"0.60\", output: \"2.40\"}}}`"));
      return;
    }
    if (pool.market.open) CheckMarket(pool);
    std::set<ServiceClass> checked;
    for (const TenantSettings& tenant : engine_.tenants) {
      if (!MayCharge(tenant)) continue;
      for (const ServiceClass served : ClassesServed(tenant, pool)) {
        if (checked.insert(served).second) CheckClass(pool, tenant, served, PricesNode(pool.name, *classes, served));
      }
    }
  }

  // What is sold ahead has a list price, and what is posted is paid by somebody.
  void CheckMarket(const PoolSettings& pool) {
    if (!MayComeIntoForce()) return;
    const std::string path = "pools." + pool.name;
    if (Find(*Find(*Find(origin_.node, "pools"), pool.name), "capacity") == nullptr) {
      Complain(path + ".capacity",
               absl::StrCat("pool ", Quoted(pool.name),
                            " sells throughput ahead (`market`), but has no list price for it; add "
                            "`capacity: {price_per_nt_per_s_hour: \"0.0001\"}`, or close the market "
                            "with `open: false`"));
    }
    const ledger::PoolPrices* prices = tariff_.PricesOf(pool.name);
    if (!pool.market.posted.curve.empty() && prices != nullptr && prices->coupling.classes == 0) {
      Complain(path + ".posted_price",
               absl::StrCat("pool ", Quoted(pool.name),
                            " posts a price (`market.posted_price`), but no class pays it; add `posted_price: "
                            "{classes: [default], step: \"0.001\"}`, or remove market.posted_price from the pool"));
    }
  }

  bool MayComeIntoForce() const { return tariff_.currency == engine_.tariff.currency; }

  /// The tenant's contract pins it, or it may come into force for those who pin none.
  bool MayCharge(const TenantSettings& tenant) const {
    return tenant.tariff.empty() ? MayComeIntoForce() : tenant.tariff == tariff_.version;
  }

  void CheckClass(const PoolSettings& pool, const TenantSettings& tenant, ServiceClass served, const Node* prices) {
    std::string missing;
    for (const TokenKind kind : kAllTokenKinds) {
      if (pool.burndown[kind] == 0) continue;
      if (prices != nullptr && Find(*prices, Name(kind)) != nullptr) continue;
      absl::StrAppend(&missing, missing.empty() ? "" : ", ", Abseil(Name(kind)));
    }
    if (missing.empty()) return;
    Complain(absl::StrCat("pools.", pool.name, ".prices.", Abseil(Name(served))),
             absl::StrCat("no price for ", missing, ", though tenant ", Quoted(tenant.name), " can be served as ",
                          Abseil(Name(served)), " in pool ", Quoted(pool.name),
                          "; add a price for each (\"0\" if it is free of charge)"));
  }

  const core::EngineSettings& engine_;
  const ledger::Tariff& tariff_;
  const Subscriptions& subscriptions_;
  const TariffOrigin& origin_;
};

}  // namespace

void CheckEngine(const Source& source, const Config& config) { EngineCheck(source, config).Run(); }

void CheckTariff(const Config& config, const TariffFile& file, const TariffOrigin& origin) {
  TariffCheck(config, file, origin).Run();
}

}  // namespace penstock::config
