#pragma once

#include <utility>

namespace ipfsc::ipfs {

/// Runs `f` at the end of a scope, also when a cancelled coroutine is unwound.
template <class F>
class AtExit {
 public:
  explicit AtExit(F f) : f_(std::move(f)) {}
  ~AtExit() { f_(); }
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;

 private:
  F f_;
};

}  // namespace ipfsc::ipfs
