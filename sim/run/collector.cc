#include "sim/run/collector.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

double InSeconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }

void Merge(const Times& from, Times* to) {
  to->wait.Merge(from.wait);
  to->first_token.Merge(from.first_token);
  to->per_output_token.Merge(from.per_output_token);
  to->latency.Merge(from.latency);
}

}  // namespace

Collector::Collector(CollectorTerms terms) : terms_(std::move(terms)), slices_(kSlices) {
  PENSTOCK_CHECK(terms_.length > Duration::Zero());
  tenants_.resize(terms_.tenants.size());
  if (tenants_.size() > kMostTenantsWithQuantiles) return;
  for (OfTenant& tenant : tenants_) {
    tenant.wait = std::make_unique<planning::LatencyHistogram>();
    tenant.first_token = std::make_unique<planning::LatencyHistogram>();
  }
}

size_t Collector::SliceOf(Duration at) const {
  const int64_t slice = (at * static_cast<int64_t>(kSlices)).count() / terms_.length.count();
  return std::min(static_cast<size_t>(slice), kSlices - 1);
}

Times& Collector::TimesAt(Duration at, ServiceClass served) {
  std::unique_ptr<Times>& times = slices_[SliceOf(at)][static_cast<size_t>(served)];
  if (times == nullptr) times = std::make_unique<Times>();
  return *times;
}

void Collector::OnArrival(const Arrival& arrival) { ++tenants_[terms_.tenant_of_client[arrival.tenant]].counts.came; }

void Collector::NoteRefusal(const Try& made, OfTenant& tenant, Counts& line) {
  const auto reason = static_cast<size_t>(*made.refusal);
  ++tenant.counts.refusals[reason];
  ++line.refusals[reason];
  if (!made.last) return;
  const bool yours = core::IsYours(*made.refusal);
  ++(yours ? tenant.counts.refused_yours : tenant.counts.refused_pool);
  ++(yours ? line.refused_yours : line.refused_pool);
}

void Collector::OnAnswer(const Try& made, const Arrival& arrival) {
  OfTenant& tenant = tenants_[terms_.tenant_of_client[made.client]];
  Counts& line = lines_[static_cast<size_t>(made.stood_as)];
  if (made.number == 1) ++line.came;
  ++tenant.counts.tries;
  ++line.tries;
  switch (made.end) {
    case Try::End::kGranted:
      ++tenant.granted;
      tenant.waited_s += InSeconds(made.waited);
      tenant.longest_wait = std::max(tenant.longest_wait, made.waited);
      if (made.stood_as == ServiceClass::kFlex || made.at + made.waited - arrival.at <= terms_.target_wait) {
        ++tenant.in_time;
      }
      if (tenant.wait != nullptr) tenant.wait->Record(made.waited.count());
      TimesAt(made.at, *made.served).wait.Record(made.waited.count());
      break;
    case Try::End::kRefused:
      NoteRefusal(made, tenant, line);
      break;
    case Try::End::kError:
      ++tenant.counts.failed;
      ++line.failed;
      break;
    case Try::End::kOpen:
      PENSTOCK_CHECK(false);
  }
}

void Collector::OnFinish(const Finished& request) {
  OfTenant& tenant = tenants_[terms_.tenant_of_client[request.client]];
  Counts& line = served_[static_cast<size_t>(request.served)];
  const Work work = WorkOf(request.tokens, terms_.burndown[request.pool]);
  for (Counts* counts : {&tenant.counts, &line}) {
    ++counts->finished;
    counts->tokens = counts->tokens + request.tokens;
    counts->work += work;
  }
  Times& times = TimesAt(request.came, request.served);
  times.first_token.Record((request.first_token - request.came).count());
  times.latency.Record((request.ended - request.came).count());
  const int64_t gaps = Generated(request.tokens).count() - 1;
  if (gaps > 0) times.per_output_token.Record((request.ended - request.first_token).count() / gaps);
  if (tenant.first_token != nullptr) tenant.first_token->Record((request.first_token - request.came).count());

  const auto minute = static_cast<size_t>(request.ended.count() / Minutes(1).count());
  if (minute >= minutes_.size()) minutes_.resize(minute + 1);
  minutes_[minute].latency_s += InSeconds(request.ended - request.came);
  ++minutes_[minute].count;
}

std::vector<double> Collector::LatencyByMinute() const {
  std::vector<double> means(minutes_.size());
  const auto first = std::find_if(minutes_.begin(), minutes_.end(), [](const Minute& m) { return m.count > 0; });
  if (first == minutes_.end()) return means;
  double last = first->latency_s / static_cast<double>(first->count);
  for (size_t i = 0; i < minutes_.size(); ++i) {
    if (minutes_[i].count > 0) last = minutes_[i].latency_s / static_cast<double>(minutes_[i].count);
    means[i] = last;
  }
  return means;
}

void Collector::Fill(Duration warm_up, RunFigures* figures) const {
  const Int128 scaled = Int128{warm_up.count()} * static_cast<int64_t>(kSlices);
  const auto first = static_cast<size_t>(
      std::min<Int128>((scaled + terms_.length.count() - 1) / terms_.length.count(), kSlices));
  figures->warm_up = Duration(terms_.length.count() * static_cast<int64_t>(first) / static_cast<int64_t>(kSlices));
  for (size_t c = 0; c < kServiceClassCount; ++c) {
    figures->classes[c].counts = lines_[c];
    figures->classes[c].counts += served_[c];
    for (size_t slice = first; slice < kSlices; ++slice) {
      if (slices_[slice][c] != nullptr) Merge(*slices_[slice][c], &figures->classes[c].times);
    }
  }
  int64_t paying = 0;
  int64_t in_time = 0;
  for (size_t i = 0; i < tenants_.size(); ++i) {
    const OfTenant& seen = tenants_[i];
    TenantFigures tenant;
    tenant.name = terms_.tenants[i].name;
    tenant.tier = terms_.tenants[i].tier;
    tenant.counts = seen.counts;
    tenant.in_time = seen.in_time;
    if (seen.granted > 0) tenant.mean_wait_s = seen.waited_s / static_cast<double>(seen.granted);
    tenant.longest_wait = seen.longest_wait;
    tenant.wait_p99 = seen.wait == nullptr ? -1 : seen.wait->Quantile(990'000);
    tenant.first_token_p99 = seen.first_token == nullptr ? -1 : seen.first_token->Quantile(990'000);
    figures->counts += seen.counts;
    if (tenant.tier != Tier::kFree) {
      paying += seen.counts.came;
      in_time += seen.in_time;
    }
    figures->tenants.push_back(std::move(tenant));
  }
  figures->in_time = paying == 0 ? 1 : static_cast<double>(in_time) / static_cast<double>(paying);
}

}  // namespace penstock::sim
