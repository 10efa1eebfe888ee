// Blocks from HTTP trustless gateways. Source: the "Trustless Gateway" specification of IPFS (format=raw).
#pragma once

#include <memory>
#include <vector>

#include "ipfs/block_source.h"
#include "ipfs/options.h"
#include "net/http_client.h"

namespace ipfsc::ipfs {

/// Asks a pin's own HTTP origins (/dns4/example.net/tcp/443/https …) first, then the configured gateways, one after the
/// other, until one sends the block: what it sends is checked, so that a wrong answer hides no right one. Follows a
/// redirect twice. I/O thread only.
class GatewaySource final : public BlockSource {
 public:
  /// kInvalidArgument naming the URL that is none.
  static Result<std::shared_ptr<GatewaySource>> make(Runtime& runtime, GatewayOptions options);

  std::string name() const override { return "gateways"; }
  SourceReach reach(const FetchHints& hints) const override;
  Task<Bytes> fetch(ipld::Cid cid, FetchHints hints, size_t max_bytes) override;

 private:
  GatewaySource(Runtime& runtime, GatewayOptions options, std::vector<net::Endpoint> gateways);
  Task<Bytes> ask(net::Endpoint endpoint, const ipld::Cid& cid, size_t max_bytes);
  std::vector<net::Endpoint> origins(const FetchHints& hints) const;

  Runtime& runtime_;
  GatewayOptions options_;
  std::vector<net::Endpoint> gateways_;
  net::HttpClient client_;
};

}  // namespace ipfsc::ipfs
