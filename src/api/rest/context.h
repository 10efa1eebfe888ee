// What the endpoints work with, and the groups they come in (one file each).
#pragma once

#include "api/rest/event_hub.h"
#include "api/rest/options.h"
#include "base/runtime.h"
#include "cluster/cluster.h"
#include "cluster/records.h"
#include "net/router.h"

namespace ipfsc::api::rest {

struct RestContext {
  Runtime& runtime;
  const RestOptions& options;
  EventHub& events;
  cluster::Cluster* cluster = nullptr;  ///< set before any handler runs
  cluster::Records* records = nullptr;  ///< the same
  bool has_users = false;               ///< requests have to say who they are from
};

/// The context outlives the router. Handlers return an Error unanswered: the API turns it into an answer.
void add_peer_routes(net::Router& router, RestContext& context);    // peer_endpoints.cpp: /id /version /peers
void add_health_routes(net::Router& router, RestContext& context);  // health_endpoints.cpp: /health /monitor /ipfs/gc
void add_allocation_routes(net::Router& router, RestContext& context);  // allocation_endpoints.cpp: /allocations
void add_past_routes(net::Router& router, RestContext& context);    // past_endpoints.cpp: /allocations/{cid}/history
void add_event_route(net::Router& router, RestContext& context);    // event_endpoint.cpp: /events
void add_pin_routes(net::Router& router, RestContext& context);     // pin_endpoints.cpp: POST, DELETE /pins/…
void add_bulk_routes(net::Router& router, RestContext& context);    // bulk_endpoints.cpp: POST, DELETE /pins
void add_status_routes(net::Router& router, RestContext& context);  // status_endpoints.cpp: GET /pins…, recover, sync
void add_add_route(net::Router& router, RestContext& context);      // add_endpoint.cpp: /add

/// GET /allocations[/{cid}] with `at` (past_endpoints.cpp).
Task<> list_past_allocations(RestContext& context, state::ListQuery query, std::optional<uint64_t> limit,
                             net::Response& response);
Task<> get_past_allocation(RestContext& context, ipld::Cid cid, WallTime at, std::optional<ipld::PeerId> peer,
                           net::Response& response);

/// {"count":…}
Result<> send_count(net::Response& response, uint64_t count);
void add_token_routes(net::Router& router, RestContext& context);  // token_endpoints.cpp: /tokens

/// Who asks, and the Idempotency-Key. kInvalidArgument when the key is empty or longer than 256 bytes.
Result<cluster::Caller> caller_of(const net::Request& request);

}  // namespace ipfsc::api::rest
