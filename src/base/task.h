// Task<T>: a coroutine that ends in a Result<T>. All coroutines run on the one I/O thread of a Runtime.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace ipfsc {

/// Lazy: nothing runs before it is awaited (or given to TaskGroup::spawn). A coroutine that is awaited in place may
/// take references; one that is spawned takes values.
template <class T = void>
using Task = boost::asio::awaitable<Result<T>>;

}  // namespace ipfsc
