#include "ledger/outcome_query.h"

#include <algorithm>

namespace penstock::ledger {

bool OutcomeFold::Step(const Books& books, size_t rows) {
  if (!counted_) counted_ = CountOutcomes(books, &rows);
  return counted_ && AddUsage(books, &rows);
}

bool OutcomeFold::CountOutcomes(const Books& books, size_t* rows) {
  if (next_outcome_.tenant == TenantId()) next_outcome_.tenant = query_.tenant;
  const auto& all = books.outcomes().rows();
  for (auto at = all.lower_bound(next_outcome_); at != all.end() && at->first.tenant == query_.tenant; ++at) {
    const auto& [key, count] = *at;
    if (*rows == 0) {
      next_outcome_ = key;
      return false;
    }
    --*rows;
    if (key.hour < query_.from || key.hour >= query_.to || count == OutcomeCount()) continue;
    const bool is_cut = key.cut != 0;
    if (is_cut && books.cuts().NameOf(key.cut).label != query_.label) continue;
    // What runs beyond the bound used cannot be told apart.
    if (is_cut && query_.label.empty() && books.cuts().NameOf(key.cut).value == kOther) continue;
    // By label: what has none stays under the empty value.
    const std::string value = is_cut && !query_.label.empty() ? books.cuts().NameOf(key.cut).value : "";
    const OutcomeGroup group{key.name, value};
    OutcomeUsage& usage = groups_[group];
    if (!is_cut || !query_.label.empty()) {
      usage.count.accepted += count.accepted;
      usage.count.rejected += count.rejected;
    }
    if (!is_cut) continue;
    usage.attributed += count.accepted;
    if (!query_.label.empty()) {
      OutcomeUsage& rest = groups_[{key.name, ""}];
      rest.count.accepted -= count.accepted;
      rest.count.rejected -= count.rejected;
    }
    std::vector<OutcomeGroup>& groups = groups_of_cut_[key.cut];
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return true;
}

bool OutcomeFold::AddUsage(const Books& books, size_t* rows) {
  if (next_bucket_.tenant == TenantId()) next_bucket_.tenant = query_.tenant;
  const auto& cuts = books.cuts().rows();
  for (auto at = cuts.lower_bound({next_bucket_, 0}); at != cuts.end() && at->first.bucket.tenant == query_.tenant;) {
    const BucketKey bucket = at->first.bucket;
    if (*rows == 0) {
      next_bucket_ = bucket;
      return false;
    }
    const bool wanted = bucket.hour >= query_.from && bucket.hour < query_.to;
    for (; at != cuts.end() && at->first.bucket == bucket; ++at) {
      if (*rows > 0) --*rows;
      const auto groups = wanted ? groups_of_cut_.find(at->first.name) : groups_of_cut_.end();
      if (groups == groups_of_cut_.end()) continue;
      for (const OutcomeGroup& group : groups->second) groups_[group].usage += at->second;
    }
  }
  std::erase_if(groups_, [](const auto& group) {
    return group.second.count == OutcomeCount() && group.second.usage == Bucket();
  });
  return true;
}

}  // namespace penstock::ledger
