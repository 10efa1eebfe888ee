// What the endpoints work with, and the groups they come in (one file each).
#pragma once

#include "api/rest/event_hub.h"
#include "api/rest/options.h"
#include "api/rest/routes.h"
#include "base/runtime.h"
#include "cluster/cluster.h"
#include "cluster/records.h"

namespace ipfsc::api::rest {

struct RestContext {
  Runtime& runtime;
  const RestOptions& options;
  EventHub& events;
  cluster::Cluster* cluster = nullptr;  ///< set before any handler runs
  cluster::Records* records = nullptr;  ///< the same
  bool has_users = false;               ///< requests have to say who they are from
  const Routes* routes = nullptr;       ///< all of them, for their document
};

void add_peer_routes(Routes& routes);        // peer_endpoints.cpp: /id /version /peers
void add_movement_routes(Routes& routes);    // peer_endpoints.cpp: /rebalance /topup /movements
void add_health_routes(Routes& routes);      // health_endpoints.cpp: /health /monitor /ipfs/gc
void add_allocation_routes(Routes& routes);  // allocation_endpoints.cpp: /allocations
void add_past_routes(Routes& routes);        // past_endpoints.cpp: /allocations/{cid}/history
void add_event_route(Routes& routes);        // event_endpoint.cpp: /events
void add_pin_routes(Routes& routes);         // pin_endpoints.cpp: POST, DELETE /pins/…
void add_bulk_routes(Routes& routes);        // bulk_endpoints.cpp: POST, DELETE /pins
void add_status_routes(Routes& routes);      // status_endpoints.cpp: GET /pins…, recover, sync
void add_add_route(Routes& routes);          // add_endpoint.cpp: /add
void add_token_routes(Routes& routes);       // token_endpoints.cpp: /tokens
void add_document_routes(Routes& routes);    // document_endpoints.cpp: /openapi.json /docs

/// GET /allocations[/{cid}] with `at` (past_endpoints.cpp).
Task<> list_past_allocations(RestContext& context, state::ListQuery query, std::optional<uint64_t> limit,
                             net::Response& response);
Task<> get_past_allocation(RestContext& context, ipld::Cid cid, WallTime at, std::optional<ipld::PeerId> peer,
                           net::Response& response);

/// {"count":…}
Result<> send_count(net::Response& response, uint64_t count);

/// The whole body of a request. kInvalidArgument when it is larger: that is no want of room here.
Task<std::string> read_body(net::Request& request, size_t limit_bytes);

/// Who asks, and the Idempotency-Key. kInvalidArgument when the key is empty or longer than 256 bytes.
Result<cluster::Caller> caller_of(const net::Request& request);

}  // namespace ipfsc::api::rest
