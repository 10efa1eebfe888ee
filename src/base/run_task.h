// The root of every task: exceptions of libraries become Errors here.
#pragma once

#include <exception>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include "base/task.h"

namespace ipfsc {

/// What an escaped exception means: operation_aborted is kCancelled, other system errors kUnavailable, the rest
/// kInternal.
Error error_from_exception(std::exception_ptr exception);

/// Starts `task` on `executor`; `done(Result<T>)` is called once on that executor.
template <class T, class Done>
void spawn_into(boost::asio::any_io_executor executor, Task<T> task, Done done,
                boost::asio::cancellation_slot slot = {}) {
  boost::asio::co_spawn(executor, std::move(task),
                        boost::asio::bind_cancellation_slot(
                            slot, [done = std::move(done)](std::exception_ptr exception, Result<T> result) mutable {
                              if (exception) {
                                done(Result<T>(std::unexpected(error_from_exception(exception))));
                              } else {
                                done(std::move(result));
                              }
                            }));
}

}  // namespace ipfsc
