// Tells another program of alerts: a POST of a small JSON object for each, in their order, on a thread of its own.
//
//   Penstock-Id         alerts/17, the same at every attempt
//   Penstock-Timestamp  Unix seconds of this attempt
//   Penstock-Signature  v1= and the hex HMAC-SHA256, under the shared secret, of: timestamp, a dot, the body
//
// At least once: an alert counts as delivered when the receiver answered 2xx and that is noted in a file, which
// survives the process; until then the same one is tried again, ever less often. What waits is the journal's own list,
// so a receiver that is away costs no memory; what has left that list meanwhile (see kRememberedAlerts) is skipped, and
// said.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "admission/vocabulary/time.h"

namespace penstock::http {

/// An alert as the receiver gets it.
struct AlertNews {
  uint64_t number = 0;
  std::string body;  // JSON
};

struct WebhookTerms {
  std::string origin;                 // "https://hooks.example.com:8443"
  std::string path;                   // "/penstock"
  std::string secret;                 // never written anywhere
  std::string cursor_file;            // what was delivered last
  Duration first_pause = Seconds(1);  // after a failed attempt; doubles up to
  Duration longest_pause = Minutes(5);
  Duration look_every = Seconds(1);  // for news, while there are none
};

class Webhook {
 public:
  /// The oldest alerts from a number on that are durable, a few of them; nothing when it cannot be told now. Called on
  /// the webhook's thread; may wait.
  using Fetch = std::function<std::optional<std::vector<AlertNews>>(uint64_t from)>;
  using Say = std::function<void(const std::string& trouble)>;

  /// `newest`: what counts as delivered already when there is no cursor file yet. `say` is told once when delivery
  /// begins to fail, once when it works again, and when alerts were lost; on the webhook's thread.
  static absl::StatusOr<std::unique_ptr<Webhook>> Start(WebhookTerms terms, uint64_t newest, Fetch fetch, Say say);
  /// Ends the attempt under way within a few seconds; what is not delivered is at the next start.
  ~Webhook();

  /// The last alert that was delivered.
  uint64_t delivered() const;

 private:
  Webhook(WebhookTerms terms, uint64_t delivered, Fetch fetch, Say say);
  void Run();
  /// False when it is time to end.
  bool Pause(Duration pause);
  absl::Status Deliver(const AlertNews& news);
  absl::Status Post(const AlertNews& news) const;

  const WebhookTerms terms_;
  const Fetch fetch_;
  const Say say_;
  mutable std::mutex mutex_;  // of the two below
  std::condition_variable ending_;
  bool end_ = false;
  uint64_t delivered_;
  std::thread thread_;
};

/// The signature header's value.
std::string SignatureOf(std::string_view secret, std::string_view timestamp, std::string_view body);

}  // namespace penstock::http
