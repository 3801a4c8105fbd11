#include "broker/http/webhook.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <httplib.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "broker/auth/encoding.h"
#include "broker/auth/hmac.h"
#include "broker/auth/secret_file.h"

namespace penstock::http {
namespace {

constexpr int kConnectSeconds = 5;
constexpr int kAnswerSeconds = 5;

absl::StatusOr<uint64_t> ReadCursor(const std::string& file, uint64_t newest) {
  const absl::StatusOr<std::string> text = auth::ReadSecretFile(file);
  if (absl::IsNotFound(text.status())) {
    if (absl::Status written = auth::ReplaceSecretFile(file, absl::StrCat(newest, "\n")); !written.ok()) return written;
    return newest;
  }
  if (!text.ok()) return text.status();
  uint64_t delivered = 0;
  if (absl::SimpleAtoi(*text, &delivered)) return delivered;
  return absl::FailedPreconditionError(
      absl::StrCat(file, " does not hold the number of an alert: remove it to begin with the next alert"));
}

}  // namespace

std::string SignatureOf(std::string_view secret, std::string_view timestamp, std::string_view body) {
  std::string signed_text(timestamp);
  signed_text.append(".").append(body);
  const auth::Mac mac = auth::HmacKey(secret).Sign(signed_text);
  return "v1=" + auth::ToHex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

absl::StatusOr<std::unique_ptr<Webhook>> Webhook::Start(WebhookTerms terms, uint64_t newest, Fetch fetch, Say say) {
  const absl::StatusOr<uint64_t> delivered = ReadCursor(terms.cursor_file, newest);
  if (!delivered.ok()) return delivered.status();
  return std::unique_ptr<Webhook>(new Webhook(std::move(terms), *delivered, std::move(fetch), std::move(say)));
}

Webhook::Webhook(WebhookTerms terms, uint64_t delivered, Fetch fetch, Say say)
    : terms_(std::move(terms)), fetch_(std::move(fetch)), say_(std::move(say)), delivered_(delivered) {
  thread_ = std::thread([this] { Run(); });
}

Webhook::~Webhook() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ending_.notify_all();
  thread_.join();
}

uint64_t Webhook::delivered() const {
  const std::lock_guard lock(mutex_);
  return delivered_;
}

bool Webhook::Pause(Duration pause) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(pause.count());
  std::unique_lock lock(mutex_);
  ending_.wait_until(lock, until, [this] { return end_; });
  return !end_;
}

void Webhook::Run() {
  // A receiver that hangs up is an error of the attempt, not a signal that ends the process.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

  Duration pause = terms_.first_pause;
  bool failing = false;
  for (Duration rest{}; Pause(rest);) {
    rest = terms_.look_every;
    const uint64_t next = delivered() + 1;
    const std::optional<std::vector<AlertNews>> all = fetch_(next);
    if (!all) continue;
    if (!all->empty() && all->front().number > next) {
      say_(absl::StrCat("the webhook was away for too long: alerts ", next, " to ", all->front().number - 1,
                        " are not kept any more and were not delivered"));
    }
    for (const AlertNews& news : *all) {
      const absl::Status sent = Deliver(news);
      if (!sent.ok()) {
        if (!failing) say_(absl::StrCat("the webhook cannot be reached: ", std::string(sent.message()), "; trying on"));
        failing = true;
        rest = pause;
        pause = std::min(pause * 2, terms_.longest_pause);
        break;
      }
      if (failing) say_("the webhook takes alerts again");
      failing = false;
      pause = terms_.first_pause;
      rest = Duration::Zero();  // there may be more
      if (!Pause(Duration::Zero())) return;
    }
  }
}

absl::Status Webhook::Deliver(const AlertNews& news) {
  if (absl::Status posted = Post(news); !posted.ok()) return posted;
  absl::Status noted = auth::ReplaceSecretFile(terms_.cursor_file, absl::StrCat(news.number, "\n"));
  if (!noted.ok()) return noted;
  const std::lock_guard lock(mutex_);
  delivered_ = news.number;
  return absl::OkStatus();
}

absl::Status Webhook::Post(const AlertNews& news) const {
  httplib::Client client(terms_.origin);
  client.set_connection_timeout(kConnectSeconds);
  client.set_read_timeout(kAnswerSeconds);
  client.set_write_timeout(kAnswerSeconds);
  client.set_follow_location(false);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string timestamp = absl::StrCat(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  const httplib::Headers headers = {{"Penstock-Id", absl::StrCat("alerts/", news.number)},
                                    {"Penstock-Timestamp", timestamp},
                                    {"Penstock-Signature", SignatureOf(terms_.secret, timestamp, news.body)}};
  const httplib::Result result = client.Post(terms_.path, headers, news.body, "application/json");
  if (!result) return absl::UnavailableError(httplib::to_string(result.error()));
  if (result->status / 100 == 2) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("it answered ", result->status));
}

}  // namespace penstock::http
