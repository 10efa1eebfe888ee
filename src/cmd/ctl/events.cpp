// events: what changed in the cluster, from a position on.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>

#include "base/json.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/wait.h"

namespace ipfsc::cmd::ctl {
namespace {

constexpr std::chrono::milliseconds kFirstPause(1000), kLongestPause(30'000);
constexpr int kUnavailable = 503;
constexpr std::string_view kData = "data: ", kId = "id: ";

/// One request after another until the end that was asked for.
class EventReader {
 public:
  explicit EventReader(Context& context) : context_(context), from_(context.options.events.from) {
    if (from_.empty()) from_ = follow() ? "now" : "oldest";
  }

  int run() {
    for (;;) {
      end_.clear();
      heard_now_ = false;
      auto done = context_.client.stream(
          request(), [this](std::string_view line) { return take(line); }, [this] { context_.output.flush(); });
      if (!done && !may_resume(done.error())) return context_.output.api_error(done.error());
      if (done && (!follow() || end_ == "lost" || end_ == "error")) return end();
      // The connection was lost, or the peer ended it: there is more to come behind the last position.
      if (end_ == "slow") continue;
      if (heard_now_) pause_ = kFirstPause;
      say_lost(done ? "the peer has ended it" : done.error().message);
      if (!pause(context_.cancelled, pause_)) return kExitCancelled;
      pause_ = std::min(pause_ * 2, kLongestPause);
    }
  }

 private:
  /// The peer went away, or it is starting again.
  bool may_resume(const client::ApiError& error) const {
    return follow() && heard_ && !error.cancelled && !context_.output.broken() &&
           (error.code == 0 || error.code == kUnavailable);
  }
  /// Once, and once again after it was back.
  void say_lost(std::string_view why) {
    if (std::exchange(lost_, true)) return;
    context_.output.flush();
    fmt::print(context_.output.err(), "the connection is lost ({}): trying again, every 30 s at last\n", why);
    std::fflush(context_.output.err());
  }
  void say_back() {
    if (!std::exchange(lost_, false)) return;
    fmt::print(context_.output.err(), "the connection is back: going on behind {}\n", from_);
    std::fflush(context_.output.err());
  }

  bool follow() const { return context_.options.events.follow; }

  client::ApiRequest request() const {
    const auto& flags = context_.options.events;
    client::ApiRequest out{.path = "/events", .query = {{"from", from_}, {"follow", flags.follow ? "true" : "false"}}};
    if (!flags.type.empty()) out.query.emplace_back("type", flags.type);
    if (!flags.cid.empty()) out.query.emplace_back("cid", flags.cid);
    return out;
  }

  Result<> take(std::string_view line) {
    if (context_.output.broken()) return fail(ErrorKind::kUnavailable, "nobody reads the output");
    heard_ = heard_now_ = true;
    say_back();
    if (line.starts_with(kId)) from_ = line.substr(kId.size());
    if (!line.starts_with(kData)) return {};
    TRY_ASSIGN(auto event, parse_json(line.substr(kData.size())));
    if (text_of(event, "type") == "end") {
      end_ = text_of(event, "reason");
      message_ = text_of(event, "message");
      return {};
    }
    if (context_.output.json()) {
      context_.output.object(event);
    } else {
      context_.output.text(format_event(event));
    }
    return {};
  }

  /// The stream ended with a last event.
  int end() {
    if (end_ == "end") return kExitOk;
    return context_.output.local_error("", end_.empty() ? "the answer ended too early" : message_);
  }

  Context& context_;
  std::string from_;  // behind the last event
  std::string end_, message_;
  bool heard_ = false, heard_now_ = false;  // ever; on this connection
  bool lost_ = false;
  std::chrono::milliseconds pause_ = kFirstPause;
};

}  // namespace

int events(Context& context) { return EventReader(context).run(); }

}  // namespace ipfsc::cmd::ctl
