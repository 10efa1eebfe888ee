// When `--wait` is over: the rules of ctl-cli.md §4 as a function of one status.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace ipfsc::cmd::ctl {

enum class WaitState { kGoOn, kReached, kFailed };

/// `limit`: so many peers are enough; 0 or less: all of them.
WaitState wait_state(const boost::json::value& global_pin_info, std::string_view target, int64_t limit);

/// How far it is, for people: "2 of 3 peers: pinned; 1 pinning, 12 MB".
std::string wait_text(const boost::json::value& global_pin_info, std::string_view target);

/// Sleeps in short steps, so that Ctrl-C is answered. False = cancelled.
bool pause(const std::atomic<bool>* cancelled, std::chrono::steady_clock::duration time);

/// Whether no peer has it queued or is working on it.
bool settled(const boost::json::value& global_pin_info);

}  // namespace ipfsc::cmd::ctl
