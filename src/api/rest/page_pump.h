// Streams a listing page by page: one page is read while the one before is printed and sent.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "api/rest/json_stream.h"
#include "base/runtime.h"

namespace ipfsc::api::rest {

inline constexpr size_t kFirstPage = 32;  ///< small, so that the first bytes leave soon

/// Reads at most `limit` items by `next` (Task<> (std::vector<Item>& out, size_t max); leaves `out` empty at the end)
/// and writes them as lines. Printing runs on the pool. Memory: two pages. Returns the error of reading, or of a client
/// that is gone; the stream is left to be ended.
template <class Item, class Next, class Append>
Task<> pump_pages(Runtime& runtime, JsonStream& stream, size_t page, uint64_t limit, Next next, Append append) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  auto print = [](Runtime& runtime, JsonStream& stream, const std::vector<Item>& items, Append& append) -> Task<> {
    auto lines = co_await run_blocking(runtime, [&items, &append] {
      std::string text;
      for (const auto& item : items) {
        append(text, item);
        text += '\n';
      }
      return text;
    });
    co_return co_await stream.write(lines);
  };
  auto read = [](Next& next, std::vector<Item>& out, size_t max) -> Task<> {
    if (max == 0) co_return Result<>{};
    co_return co_await next(out, max);
  };
  auto step = [&](size_t size, size_t taken) { return static_cast<size_t>(std::min<uint64_t>(size, limit - taken)); };
  uint64_t taken = 0;
  std::vector<Item> current, following;
  CO_TRY(co_await read(next, current, step(std::min(kFirstPage, page), 0)));
  while (!current.empty()) {
    taken += current.size();
    auto [ahead, written] =
        co_await (read(next, following, step(page, taken)) && print(runtime, stream, current, append));
    CO_TRY(std::move(written));
    CO_TRY(std::move(ahead));
    current.swap(following);
    following.clear();
  }
  co_return Result<>{};
}

}  // namespace ipfsc::api::rest
