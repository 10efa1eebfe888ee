#include "cmd/ctl/wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include <boost/json.hpp>

#include "cmd/cli/progress_line.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"

namespace ipfsc::cmd::ctl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

bool among(std::string_view status, std::initializer_list<std::string_view> statuses) {
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

client::Answer<boost::json::value> fetch_status(Context& context, const std::string& cid) {
  return ask(context, {.path = "/pins/" + cid, .query = {{"local", "false"}}});
}

}  // namespace

bool pause(const std::atomic<bool>* cancelled, Clock::duration time) {
  for (auto end = Clock::now() + time; Clock::now() < end;) {
    if (cancelled && cancelled->load()) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(50ms, end - Clock::now()));
  }
  return !(cancelled && cancelled->load());
}

std::string wait_text(const boost::json::value& info, std::string_view target) {
  std::map<std::string, uint64_t> others;
  uint64_t reached = 0, total = 0, bytes = 0;
  for (const auto& [peer, on] : sorted_members(member_of(info, "peer_map"))) {
    std::string status = text_of(*on, "status");
    if (status == "remote") continue;
    ++total;
    bytes += static_cast<uint64_t>(number_of(*on, "bytes"));
    if (status == target) {
      ++reached;
    } else {
      ++others[status];
    }
  }
  std::string out = fmt::format("{} of {} peers: {}", reached, total, target);
  std::string_view separator = "; ";
  for (const auto& [status, count] : others) {
    out += fmt::format("{}{} {}", separator, count, status);
    separator = ", ";
  }
  return bytes > 0 ? fmt::format("{}{}{}", out, separator, humanize_bytes(bytes)) : out;
}

WaitState wait_state(const boost::json::value& info, std::string_view target, int64_t limit) {
  const auto* peers = member_of(info, "peer_map");
  if (!peers || !peers->is_object()) return WaitState::kGoOn;
  int64_t reached = 0, all = 0, total = 0;
  for (const auto& [peer, short_info] : peers->get_object()) {
    std::string status = text_of(short_info, "status");
    if (among(status, {"undefined", "cluster_error", "pin_error", "unpin_error"})) return WaitState::kFailed;
    ++total;
    if (status == target) ++reached;
    if (status == target || (target == "pinned" && status == "remote")) ++all;
  }
  limit = std::min(limit, total);
  if (limit > 0) return reached >= limit ? WaitState::kReached : WaitState::kGoOn;
  return all == total ? WaitState::kReached : WaitState::kGoOn;
}

bool settled(const boost::json::value& info) {
  const auto* peers = member_of(info, "peer_map");
  if (!peers || !peers->is_object()) return true;
  for (const auto& [peer, short_info] : peers->get_object()) {
    if (among(text_of(short_info, "status"),
              {"pin_queued", "pinning", "unpin_queued", "unpinning", "unexpectedly_unpinned"})) {
      return false;
    }
  }
  return true;
}

int wait_for_status(Context& context, const std::string& cid, std::string_view target, int64_t limit,
                    bool print_status) {
  constexpr std::string_view kDoing = "waiting for pin status";
  auto limit_time = context.options.wait.timeout;
  auto started = Clock::now();
  ProgressLine progress(context.output.err());
  for (Clock::duration step = 50ms;; step = std::min<Clock::duration>(step * 2, 1s)) {
    if (!pause(context.cancelled, step)) {
      progress.clear();
      context.output.local_error(kDoing, "context canceled");
      return kExitCancelled;
    }
    auto status = fetch_status(context, cid);
    auto state = status ? wait_state(*status, target, limit) : WaitState::kFailed;
    if (state == WaitState::kGoOn) {
      progress.draw(wait_text(*status, target));
    } else {
      progress.clear();
    }
    if (!status) return context.output.api_error(status.error());
    switch (state) {
      case WaitState::kReached:
        if (print_status) print(context, *status, format_status);
        return kExitOk;
      case WaitState::kFailed:
        return context.output.local_error(
            kDoing, fmt::format("error has occurred while attempting to reach status: {}", target));
      case WaitState::kGoOn:
        break;
    }
    if (limit_time > 1s && Clock::now() - started > limit_time) {  // as in Go, a second or less is no limit
      progress.clear();
      context.output.local_error(kDoing, "context deadline exceeded");
      return kExitWaitTimeout;
    }
  }
}

int show_settled_status(Context& context, const std::string& cid) {
  auto end = Clock::now() + 1s;
  for (Clock::duration step = 20ms;; step *= 2) {
    if (!pause(context.cancelled, std::min<Clock::duration>(step, end - Clock::now()))) return kExitCancelled;
    auto status = fetch_status(context, cid);
    if (!status) return context.output.api_error(status.error());
    if (settled(*status) || Clock::now() >= end) {
      print(context, *status, format_status);
      return kExitOk;
    }
  }
}

}  // namespace ipfsc::cmd::ctl
