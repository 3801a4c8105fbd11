// Every bound on what comes from outside, in one place. Converters refuse what is beyond them, so arithmetic inside
// cannot overflow: kMaxTokensPerRequest x kMaxBurndownRate x kTokenKindCount = 7e15 < 2^63 milli-nt.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

constexpr int64_t kMaxTokensPerRequest = 1'000'000'000;     // of one kind
constexpr int64_t kMaxBurndownRate = 1'000'000;             // milli-nt per token
constexpr int64_t kMaxRateNtPerSecond = 1'000'000'000'000;  // capacity, contracts, limits
constexpr int64_t kMaxBurstNt = 1'000'000'000'000;
constexpr int64_t kMaxInFlight = 1'000'000;
constexpr int64_t kMaxKvTokens = 1'000'000'000'000;
constexpr int64_t kMaxWaiting = 10'000'000;
constexpr int64_t kMaxWeight = 1'000'000;
constexpr int64_t kMaxWaitSeconds = 3'600;
constexpr int64_t kMaxLeaseSeconds = 86'400;
constexpr size_t kMaxNameBytes = 64;  // tenant, key, pool
constexpr size_t kMaxRequestIdBytes = 64;
constexpr size_t kMaxRunBytes = 128;
constexpr size_t kMaxLabels = 16;
constexpr size_t kMaxLabelBytes = 64;           // key and value each
constexpr size_t kMaxReasonBytes = 256;         // why a budget should be raised
constexpr uint32_t kMaxAlertThreshold = 1'000;  // percent of a budget
constexpr size_t kMaxCandidatePools = 8;
constexpr int64_t kMaxRunRequests = 1'000'000'000;
constexpr int64_t kMaxRunDepth = 1'000;
constexpr size_t kMinContentDigestBytes = 16;
constexpr size_t kMaxContentDigestBytes = 64;
constexpr size_t kMaxGrantNameBytes = 160;
constexpr int kMaxMessageBytes = 64 * 1024;  // one gRPC message

}  // namespace penstock
