// PinningRequests: the requests of the pinning service, each a claim and a record of the log (pinning_record.h).
//
// A request of one user is not seen by another. Two requests for one CID are two: the pin stays until the last one is
// deleted, whoever made them, and whatever the REST API unpins. They are not in a state export: there the pins are.
#pragma once

#include <algorithm>
#include <array>
#include <functional>

#include "cluster/cluster.h"
#include "cluster/pinning_record.h"
#include "cluster/pinning_status.h"

namespace ipfsc::cluster {

struct PinningOptions {
  size_t requests_for_one_cid = 100;  ///< of one user; soft: requests at one moment may go a little beyond
  size_t most_delegates = 20;         ///< as the specification says
  /// A listing counts what matches for so many requests after its page is full; with a status filter for fewer of
  /// them, since their peers have to be asked. Beyond it the count is one of "at least".
  size_t counted = 100'000;
  size_t counted_by_status = 10'000;
  Duration list_time = std::chrono::seconds(20);  ///< for filling a page when next to nothing matches
  size_t replaced_batch = 256;                    ///< replaced claims that are looked at together
};

/// Who asks. `idempotency_key`: a repetition is answered with the first outcome; empty = none.
struct PinningCaller {
  std::string user;  ///< "" = nobody has to log in
  Bytes idempotency_key;
};

struct PinningItem {
  PinningRequest request;
  Judged judged;
  std::vector<ipld::Multiaddr> delegates;  ///< of the IPFS nodes of the peers that are to hold it
};

struct PinningQuery {
  PinningFilter filter;
  std::array<bool, kRequestStatuses> statuses{};  ///< by RequestStatus
  size_t limit = 10;
  bool any_status() const { return std::ranges::all_of(statuses, std::identity()); }
};

struct PinningPage {
  uint64_t count = 0;  ///< of all that match; more than `items`, but perhaps too small, when counting would take long
  std::vector<PinningItem> items;  ///< newest first
};

/// I/O thread only.
class PinningRequests {
 public:
  explicit PinningRequests(Cluster& cluster, PinningOptions options = {}) : cluster_(cluster), options_(options) {}

  // --- pinning_requests.cpp. Errors: those of Cluster::pin(); kNotFound: this user has no such request; kAborted: the
  // idempotency key was used for something else, or what it made is gone.
  Task<PinningItem> add(PinningCaller caller, PinningPin pin);
  /// In one step a new request and the end of the old one. The old content stays until the new one is pinned, or its
  /// request is deleted.
  Task<PinningItem> replace(PinningCaller caller, std::string id, PinningPin pin);
  Task<> remove(PinningCaller caller, std::string id);

  // --- pinning_listing.cpp
  Task<PinningItem> get(std::string user, std::string id);
  Task<PinningPage> list(std::string user, PinningQuery query);

  /// For ever: the leader ends the claims of replaced requests. (pinning_replaced.cpp)
  Task<> run();

 private:
  using Operations = std::vector<proto::Operation>;
  Task<PinningItem> put(PinningCaller caller, PinningPin pin, std::optional<std::string> replaced);
  Task<Operations> claim_operations(const PinningCaller& caller, const PinningRequest& request,
                                    const std::optional<PinningRequest>& old);
  Task<std::optional<PinningItem>> earlier(const PinningCaller& caller, const std::string& doing, const ipld::Cid& cid);
  Task<> undo(const PinningCaller& caller, const PinningRequest& request);
  Task<Operations> end_operations(const PinningCaller& caller, const PinningRequest& request);
  Result<> check_room(const std::string& user, const ipld::Cid& cid) const;
  Result<RequestId> new_id(const std::string& user);
  Result<std::optional<PinningRequest>> find(const std::string& user, const std::string& id) const;
  Task<PinningRequest> must_find(std::string user, std::string id);

  /// What peers say of one CID.
  struct Standing {
    Judged judged;
    std::vector<ipld::PeerId> holders;
  };
  struct Standings {
    std::vector<Standing> items;  ///< in the order of the CIDs
    std::map<ipld::PeerId, std::vector<ipld::Multiaddr>> addresses;
  };
  Task<Standings> standings(std::vector<ipld::Cid> cids);
  std::vector<ipld::Multiaddr> delegates(const Standing& standing, const Standings& all) const;
  Task<PinningItem> item(PinningRequest request);

  class Source;
  Result<std::vector<PinningRequest>> of_cids(const std::string& user, const PinningFilter& filter) const;
  Task<> take(std::vector<PinningRequest> matching, const PinningQuery& query, PinningPage& page);

  Task<bool> end_replaced();

  Cluster& cluster_;
  const PinningOptions options_;
  WallTime last_created_{};
  Bytes replaced_after_;  // run() goes on behind this key
};

}  // namespace ipfsc::cluster
