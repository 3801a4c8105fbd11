// The last decisions, kept for `explain`: which limit, contract, tags, position and forecast produced each. A ring of
// kDecisionsKept fixed records, written in order and nothing else: every decision pays for it, and few are asked about.
// Asking looks through two short columns (some 50 us).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/answer.h"
#include "broker/core/promises.h"

namespace penstock::core {

constexpr size_t kDecisionsKept = 32'768;

struct Decision {
  RequestKey request{};
  GrantId grant{};  // epoch 0: refused
  TenantId tenant;
  KeyId key;
  PoolId pool;  // where it stood, or the last one asked
  ServiceClass stood_as = ServiceClass::kDefault;
  ServiceClass served = ServiceClass::kDefault;
  uint32_t tariff = 0;  // of the grant
  Instant came;
  Instant decided;
  Tokens output_cap{};
  ledger::Money hold{};
  InlineText<80> capped_by{};  // a budget or ceiling that made the output cap less than was asked for
  Refused refusal;             // when refused; its explanation stays empty
  Explanation explanation;
};

/// What would have let it through, or have let it through sooner: a sentence each.
std::vector<std::string> Remedies(const Decision& decision);

class DecisionLog {
 public:
  void Add(const Decision& decision);
  const Decision* Find(GrantId grant) const;
  /// The latest decision about a request.
  const Decision* Find(const RequestKey& request) const;

 private:
  /// The newest in a column that is `wanted`.
  template <class T>
  const Decision* Newest(const std::vector<T>& column, const T& wanted) const;

  std::vector<Decision> ring_;
  std::vector<RequestKey> requests_;  // of ring_, by place
  std::vector<GrantId> grants_;       // likewise
  size_t next_ = 0;
};

}  // namespace penstock::core
