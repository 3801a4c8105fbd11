// The calls that clients of the kill tests make.
#pragma once

#include <cstdint>
#include <string>

#include "penstock/v1/admission.pb.h"

namespace penstock::integration {

/// A request with 100 input tokens and at most 1,000 output tokens that may wait 20 s.
inline v1::AdmitRequest AdmitOf(const std::string& key, const std::string& pool, const std::string& id) {
  v1::AdmitRequest request;
  request.set_request_id(id);
  request.set_key(key);
  request.add_pools(pool);
  request.set_max_output_tokens(1'000);
  v1::TokenCount* input = request.add_input();
  input->set_kind("input");
  input->set_tokens(100);
  request.mutable_max_wait()->set_seconds(20);
  return request;
}

/// Its end, with so many output tokens.
inline v1::CompleteRequest CompletionOf(const std::string& grant, int64_t output) {
  v1::CompleteRequest complete;
  complete.set_grant(grant);
  complete.set_outcome(v1::CompleteRequest::SUCCEEDED);
  v1::TokenCount* tokens = complete.add_tokens();
  tokens->set_kind("output");
  tokens->set_tokens(output);
  return complete;
}

}  // namespace penstock::integration
