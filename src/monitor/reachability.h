// Who reaches whom, and how fast: results of probes between peers. Pure: the caller brings the time and the probes.
//
// A probe is a small call to the other peer's address with an answer, so a link has a direction: who may be dialled by
// one peer need not be able to dial it back.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/health.h"

namespace ipfsc::monitor {

/// What one peer knows of its way to another.
struct Link {
  ipld::PeerId to;
  bool reached = false;
  Duration round_trip{};  ///< smoothed; of a broken link: the last that was known, else 0
  bool operator==(const Link&) const = default;
};

/// All links of one observer, on their way to the others.
struct LinkView {
  ipld::PeerId observer;
  std::vector<Link> links;  ///< ordered by `to`, one each
  bool operator==(const LinkView&) const = default;
};

struct LinkOptions {
  size_t max_links = 1024;                     ///< results for one peer more are dropped
  unsigned failures_to_break = 2;              ///< probes that fail in a row
  Duration max_age = std::chrono::minutes(1);  ///< what was not probed for so long is not known any more
};

/// The results of this peer's own probes. Not thread safe.
class LinkTable {
 public:
  explicit LinkTable(ipld::PeerId self, LinkOptions options = {}) : self_(std::move(self)), options_(options) {}

  /// An answer came after `round_trip`; smoothed as TCP does (RFC 6298 section 2, gain 1/8). A broken link is whole
  /// again, and begins anew. O(log links).
  void answered(const ipld::PeerId& to, Duration round_trip, SteadyTime now);
  /// No answer. A link that was never reached is broken at once.
  void failed(const ipld::PeerId& to, SteadyTime now);
  /// Forgets all who are not in `members`.
  void retain(const std::set<ipld::PeerId>& members);

  LinkView view(SteadyTime now) const;
  /// Of the links that are whole now, in the order of their peers: for the informer `rtt`.
  std::vector<Duration> round_trips(SteadyTime now) const;

 private:
  struct Known {
    std::optional<Duration> round_trip;  // none = never reached
    unsigned failures = 0;
    SteadyTime at;
  };
  Known* known(const ipld::PeerId& to, SteadyTime now);
  bool whole(const Known& known) const { return known.round_trip && known.failures < options_.failures_to_break; }
  bool fresh(const Known& known, SteadyTime now) const { return now - known.at <= options_.max_age; }

  ipld::PeerId self_;
  LinkOptions options_;
  std::map<ipld::PeerId, Known> links_;
};

struct ReachabilityOptions {
  size_t max_observers = 1024;                   ///< views of one more are dropped
  size_t max_links_per_view = 1024;              ///< the rest of a longer view is dropped
  Duration view_age = std::chrono::seconds(30);  ///< a view that came longer ago counts for nothing
};

/// One peer as a node of the graph.
struct GraphPeer {
  ipld::PeerId id;
  std::string peername;
  bool trusted = true;
  std::string ipfs_id;                  ///< empty = not known
  std::vector<std::string> ipfs_swarm;  ///< IPFS ids its node is connected to; only with ipfs_id
};

/// The newest view of each observer. Memory: about 100 bytes a link. Not thread safe.
class Reachability {
 public:
  explicit Reachability(ReachabilityOptions options = {}) : options_(options) {}

  void take(LinkView view, SteadyTime now);
  /// Forgets the views of all who are not in `members`.
  void retain(const std::set<ipld::PeerId>& members);

  /// nullopt = `from` has not said. O(log observers + log links).
  std::optional<bool> reaches(const ipld::PeerId& from, const ipld::PeerId& to, SteadyTime now) const;
  struct OneWay {
    ipld::PeerId from, to;  ///< `from` reaches `to`, which says that it does not reach `from`
    bool operator==(const OneWay&) const = default;
  };
  /// Ordered. O(links · log).
  std::vector<OneWay> one_way(SteadyTime now) const;

  /// The graph as `self` knows it now, of `peers` and the links between them. O(links · log).
  model::ConnectGraph graph(const ipld::PeerId& self, const std::vector<GraphPeer>& peers, SteadyTime now) const;

 private:
  struct Taken {
    LinkView view;
    SteadyTime at;
  };
  const Link* link(const ipld::PeerId& from, const ipld::PeerId& to, SteadyTime now) const;
  bool fresh(const Taken& taken, SteadyTime now) const { return now - taken.at <= options_.view_age; }

  ReachabilityOptions options_;
  std::map<ipld::PeerId, Taken> views_;
};

}  // namespace ipfsc::monitor
