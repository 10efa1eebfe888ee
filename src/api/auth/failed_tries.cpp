#include "api/auth/failed_tries.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/bytes.h"

namespace ipfsc::api::auth {

std::string address_group(std::string_view remote) {
  if (remote == "@") return {};
  if (!remote.starts_with('[')) return std::string(remote.substr(0, remote.rfind(':')));
  std::string host(remote.substr(1, remote.find(']') - 1));
  host = host.substr(0, host.find('%'));
  in6_addr address{};
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return host;
  return to_hex(as_bytes(address.s6_addr, 8)) + "/64";
}

Duration FailedTries::wait(const std::string& group, SteadyTime now) const {
  if (limits_.most == 0 || group.empty()) return {};
  auto found = by_group_.find(group);
  if (found == by_group_.end()) return {};
  const auto& entry = *found->second;
  bool over = now - entry.since >= limits_.window;
  if ((over ? 0 : entry.failed) + entry.running < limits_.most) return {};
  return std::max<Duration>(entry.since + limits_.window - now, std::chrono::seconds(1));
}

void FailedTries::begin(const std::string& group, SteadyTime now) {
  if (limits_.most == 0 || group.empty()) return;
  auto found = by_group_.find(group);
  if (found == by_group_.end()) {
    while (entries_.size() >= std::max<size_t>(limits_.addresses, 1)) {
      by_group_.erase(entries_.front().group);
      entries_.pop_front();
    }
    entries_.push_back({.group = group, .since = now});
    found = by_group_.emplace(entries_.back().group, std::prev(entries_.end())).first;
  }
  auto& entry = *found->second;
  if (now - entry.since >= limits_.window) {
    entry.since = now;
    entry.failed = 0;
    entries_.splice(entries_.end(), entries_, found->second);
  }
  ++entry.running;
}

void FailedTries::end(const std::string& group, bool failed) {
  auto found = by_group_.find(group);
  if (found == by_group_.end()) return;  // forgotten meanwhile
  auto& entry = *found->second;
  if (entry.running > 0) --entry.running;
  if (failed) ++entry.failed;
  if (entry.failed == 0 && entry.running == 0) {
    auto it = found->second;
    by_group_.erase(found);
    entries_.erase(it);
  }
}

void FailedTries::failed(const std::string& group, SteadyTime now) {
  begin(group, now);
  end(group, true);
}

}  // namespace ipfsc::api::auth
