#include "app/reload.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace ipfsc::app {
namespace {

const LogComponent kLog("service");

constexpr std::array<std::string_view, 10> kReloaded = {"api.restapi.basic_auth_credentials",
                                                        "api.restapi.users",
                                                        "api.restapi.ssl_cert_file",
                                                        "api.restapi.ssl_key_file",
                                                        "api.restapi.client_ca_file",
                                                        "api.restapi.auth_max_failed_tries",
                                                        "api.restapi.auth_failed_tries_window",
                                                        "api.restapi.http_log_file",
                                                        "api.restapi.audit_log_file",
                                                        "observations.logs.level"};

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
    if (std::ranges::find(kReloaded, key) == kReloaded.end()) {
      kLog.warn("{} has changed: it takes effect at the next start", key);
    }
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
