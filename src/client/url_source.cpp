#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "client/curl.h"
#include "client/http.h"

namespace ipfsc::client {

// libcurl pushes and we are asked to pull: the transfer runs only inside read(), and pauses when enough waits.
struct UrlSource::State {
  static constexpr size_t kPauseAt = 1 << 20;

  std::string url;
  const std::atomic<bool>* cancelled;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  std::string waiting;
  size_t taken = 0;
  bool paused = false, ended = false;
  CURLcode code = CURLE_OK;
  char reason[CURL_ERROR_SIZE] = {};

  static size_t on_write(char* data, size_t unit, size_t count, void* self) {
    auto* state = static_cast<State*>(self);
    if (state->waiting.size() - state->taken >= kPauseAt) {
      state->paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    state->waiting.append(data, unit * count);
    return unit * count;
  }

  void turn() {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) {
        ended = true;
        code = message->data.result;
      }
    }
    if (!ended && taken == waiting.size()) curl_multi_poll(multi, nullptr, 0, 200, nullptr);
  }
};

UrlSource::UrlSource(std::string url, const std::atomic<bool>* cancelled) : state_(std::make_unique<State>()) {
  prepare_curl();
  State& state = *state_;
  state.url = std::move(url);
  state.cancelled = cancelled;
  state.multi = curl_multi_init();
  state.easy = curl_easy_init();
  CHECK(state.multi && state.easy);
  curl_easy_setopt(state.easy, CURLOPT_URL, state.url.c_str());
  curl_easy_setopt(state.easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(state.easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(state.easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(state.easy, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(state.easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(state.easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(state.easy, CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(state.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);   // bytes a second …
  curl_easy_setopt(state.easy, CURLOPT_LOW_SPEED_TIME, 120L);  // … for so many seconds
  curl_easy_setopt(state.easy, CURLOPT_ERRORBUFFER, state.reason);
  curl_easy_setopt(state.easy, CURLOPT_WRITEFUNCTION, State::on_write);
  curl_easy_setopt(state.easy, CURLOPT_WRITEDATA, &state);
  curl_multi_add_handle(state.multi, state.easy);
}

UrlSource::~UrlSource() {
  curl_multi_remove_handle(state_->multi, state_->easy);
  curl_easy_cleanup(state_->easy);
  curl_multi_cleanup(state_->multi);
}

Result<size_t> UrlSource::read(char* buffer, size_t size) {
  State& state = *state_;
  while (state.taken == state.waiting.size() && !state.ended) {
    if (state.cancelled && state.cancelled->load()) return fail(ErrorKind::kCancelled, "cancelled");
    state.waiting.clear();
    state.taken = 0;
    if (std::exchange(state.paused, false)) curl_easy_pause(state.easy, CURLPAUSE_CONT);
    state.turn();
  }
  if (state.taken < state.waiting.size()) {
    size_t n = std::min(size, state.waiting.size() - state.taken);
    std::memcpy(buffer, state.waiting.data() + state.taken, n);
    state.taken += n;
    return n;
  }
  if (state.code == CURLE_OK) return size_t{0};
  return fail(ErrorKind::kUnavailable,
              fmt::format("{}: {}", state.url, state.reason[0] ? state.reason : curl_easy_strerror(state.code)));
}

}  // namespace ipfsc::client
