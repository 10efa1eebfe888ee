// What commands on a stopped peer begin with.
#pragma once

#include "cmd/service/commands.h"
#include "cmd/service/lock.h"

namespace ipfsc::cmd::service {

/// Runs `work` with the folder's lock, configuration and identity.
template <class F>
int with_peer(const Context& context, const F& work) {
  auto lock = FolderLock::take(context.options.global.folder);
  if (!lock) return context.failed("obtaining execution lock", lock.error().message);
  auto config = load_configuration(context);
  if (!config) return context.failed("loading configurations", config.error().message);
  auto identity = load_identity(context);
  if (!identity) return context.failed("loading the identity", identity.error().message);
  return work(*config, *identity);
}

}  // namespace ipfsc::cmd::service
