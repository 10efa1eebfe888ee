#include "app/reload.h"

#include <algorithm>

#include "base/log.h"

namespace ipfsc::app {
namespace {

const LogComponent kLog("service");

constexpr std::string_view kKeys[] = {"cluster.repin.moves_per_second", "cluster.blocks.send_per_second",
                                      "cluster.blocks.receive_per_second", "informer.tags.tags",
                                      "observations.logs.level"};
/// Sections of an API with users, and their keys.
constexpr std::string_view kApis[] = {"api.restapi.", "api.pinsvcapi."};
constexpr std::string_view kApiKeys[] = {"basic_auth_credentials",
                                         "users",
                                         "ssl_cert_file",
                                         "ssl_key_file",
                                         "client_ca_file",
                                         "auth_max_failed_tries",
                                         "auth_failed_tries_window",
                                         "max_connections",
                                         "http_log_file",
                                         "audit_log_file"};

/// Whether a key's new value is taken over while the peer runs.
bool is_reloaded(std::string_view key) {
  if (std::ranges::find(kKeys, key) != std::end(kKeys)) return true;
  return std::ranges::any_of(kApis, [&](std::string_view api) {
    return key.starts_with(api) && std::ranges::find(kApiKeys, key.substr(api.size())) != std::end(kApiKeys);
  });
}

Task<> reload(Runtime& runtime, Peer& peer, const identity::Identity& identity, config::Configuration& current,
              const LoadConfiguration& load) {
  CO_TRY_ASSIGN(auto next, co_await run_blocking(runtime, [&] { return load(); }));
  CO_TRY_ASSIGN(auto options, peer_options(next, identity));
  CO_TRY(peer.reload(options));
  if (next.logs.level != current.logs.level) {
    // Components that it names no more go back.
    CO_TRY(set_log_levels("info," + next.logs.level));
  }
  for (const auto& key : config::changed_keys(current, next)) {
    if (!is_reloaded(key)) kLog.warn("{} has changed: it takes effect at the next start", key);
  }
  current = std::move(next);
  kLog.info("the configuration was read again");
  co_return Result<>{};
}

}  // namespace

Task<> reload_at_signals(Runtime& runtime, ReloadSignal& signal, Peer& peer, const identity::Identity& identity,
                         config::Configuration current, LoadConfiguration load) {
  for (;;) {
    CO_TRY(co_await signal.wait());
    auto done = co_await reload(runtime, peer, identity, current, load);
    if (done) continue;
    if (done.error().kind == ErrorKind::kCancelled) co_return done;
    kLog.error("the new configuration cannot be used, the old one goes on: {}", done.error().message);
  }
}

}  // namespace ipfsc::app
