// Result<T>: a value or an Error, for everything that can fail while the program is right.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace ipfsc {

/// The gRPC status codes: one vocabulary from the disk to the wire. HTTP statuses are chosen in api/ only.
enum class ErrorKind : unsigned char {
  kCancelled = 1,  ///< somebody stopped the work: passed on at once, never retried, never logged as a failure
  kUnknown = 2,
  kInvalidArgument = 3,  ///< the request itself is wrong
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,   ///< a named bound was reached, or the disk is full
  kFailedPrecondition = 9,  ///< right request, wrong state
  kAborted = 10,            ///< a guard failed; reading again and retrying may help
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,     ///< our own fault
  kUnavailable = 14,  ///< try again later
  kDataLoss = 15,     ///< bytes that should be there are missing or wrong
  kUnauthenticated = 16,
};

std::string_view to_string(ErrorKind kind);

/// What went wrong, for a person. `message` says it without the context of the caller; with_context() puts
/// "what was being done: " in front of it on the way up.
struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kUnknown;
  std::string message;

  Error with_context(std::string_view doing) const& { return {kind, std::string(doing) + ": " + message}; }
  bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

#define IC_CONCAT_INNER(a, b) a##b
#define IC_CONCAT(a, b) IC_CONCAT_INNER(a, b)

// TRY(expr): return the error of a Result expression to the caller. TRY_ASSIGN(auto x, expr): also keep the value.
// CO_TRY and CO_TRY_ASSIGN are the same inside a coroutine (expr may contain co_await).
#define IC_TRY_IMPL(tmp, ret, expr)                \
  do {                                             \
    auto&& tmp = (expr);                           \
    if (!tmp) [[unlikely]]                         \
      ret std::unexpected(std::move(tmp).error()); \
  } while (false)
#define IC_TRY_ASSIGN_IMPL(tmp, ret, lhs, expr)  \
  auto&& tmp = (expr);                           \
  if (!tmp) [[unlikely]]                         \
    ret std::unexpected(std::move(tmp).error()); \
  lhs = *std::move(tmp)

#define TRY(...) IC_TRY_IMPL(IC_CONCAT(ic_try_, __COUNTER__), return, (__VA_ARGS__))
#define TRY_ASSIGN(lhs, ...) IC_TRY_ASSIGN_IMPL(IC_CONCAT(ic_try_, __COUNTER__), return, lhs, (__VA_ARGS__))
#define CO_TRY(...) IC_TRY_IMPL(IC_CONCAT(ic_try_, __COUNTER__), co_return, (__VA_ARGS__))
#define CO_TRY_ASSIGN(lhs, ...) IC_TRY_ASSIGN_IMPL(IC_CONCAT(ic_try_, __COUNTER__), co_return, lhs, (__VA_ARGS__))

}  // namespace ipfsc
