// What ipfs-cluster-ctl prints, and its exit codes.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "client/client.h"

namespace ipfsc::cmd::ctl {

inline constexpr int kExitOk = 0;
inline constexpr int kExitLocal = 1;  ///< our own error, or no answer
inline constexpr int kExitApi = 2;    ///< the API answered with an error
inline constexpr int kExitUsage = 3;
inline constexpr int kExitWaitTimeout = 62;
inline constexpr int kExitCancelled = 125;

class Output {
 public:
  /// `colours`: on a terminal, unless NO_COLOR is set.
  Output(bool json, bool colours, FILE* out, FILE* err);

  bool json() const { return json_; }
  /// As it is; to a terminal without what could command it, and with colours.
  void text(std::string_view text);
  void object(const boost::json::value& value);
  void flush() { std::fflush(out_); }
  /// Nobody reads what we print, or the disk is full: what is under way may stop.
  bool broken() const { return std::ferror(out_) != 0; }
  FILE* err() const { return err_; }
  /// Of the terminal; 0 = it is none, and lines have no limit.
  size_t columns() const;

  /// "error <doing>: <message>" on stderr; returns kExitLocal.
  int local_error(std::string_view doing, std::string_view message);
  /// The same for a message that begins with what was being done.
  int whole_error(std::string_view message);
  /// The API's error, on stdout as in Go; returns the exit code.
  int api_error(const client::ApiError& error);

 private:
  bool json_, terminal_, coloured_, coloured_errors_;
  FILE* out_;
  FILE* err_;
};

}  // namespace ipfsc::cmd::ctl
