// health graph: the connections of a cluster as a DOT graph (ctl-cli.md §8).
#include <fmt/format.h>

#include <map>
#include <set>

#include <boost/json.hpp>

#include "cmd/ctl/format.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;
using Links = std::map<std::string, std::vector<std::string>>;

Links links_of(const json::value& graph, std::string_view key) {
  Links out;
  const auto* member = member_of(graph, key);
  if (!member || !member->is_object()) return out;
  for (const auto& [from, to] : member->get_object())
    out[std::string(std::string_view(from))] = texts_of(*member, from);
  return out;
}

std::string shortened(const std::string& id) {
  return id.size() <= 8 ? id : id.substr(0, 2) + "*" + id.substr(id.size() - 6);
}

struct Look {
  std::string_view colour, shape;
  bool self = false;
};

std::string node(const std::string& name, const std::string& title, const std::string& detail, const std::string& group,
                 const Look& look) {
  return fmt::format(
      "{} [label=< <B> {} </B> <BR/> <B> {} </B> > group=\"{}\" color=\"{}\" style=\"filled\" colorscheme=\"x11\" "
      "fontcolor=\"black\" fontname=\"Arial\" shape=\"{}\" {}]\n",
      name, title, detail, group, look.colour, look.shape, look.self ? "peripheries=\"2\" " : "");
}

class Graph {
 public:
  Graph(const json::value& graph, bool all_ipfs_peers)
      : graph_(graph),
        self_(text_of(graph, "cluster_id")),
        cluster_(links_of(graph, "cluster_links")),
        ipfs_(links_of(graph, "ipfs_links")) {
    if (const auto* map = member_of(graph, "cluster_to_ipfs"); map && map->is_object()) {
      for (const auto& [id, ipfs] : map->get_object()) {
        to_ipfs_[std::string(std::string_view(id))] = text_of(*map, id);
      }
    }
    std::set<std::string> shown;
    for (const auto& [id, ipfs] : to_ipfs_) shown.insert(ipfs);
    if (all_ipfs_peers) {
      for (const auto& [from, tos] : ipfs_) {
        shown.insert(from);
        shown.insert(tos.begin(), tos.end());
      }
    }
    int n = 0;
    for (const auto& id : shown) ipfs_names_[id] = fmt::format("I{}", n++);
    n = 0;
    for (const auto& [id, links] : cluster_) {
      bool plain = id == self_ || !trusted(id);
      cluster_names_[id] = fmt::format("{}{}", plain ? 'C' : 'T', n++);
    }
  }

  std::string text() {
    std::string out =
        "digraph cluster {\n/* The nodes of the connectivity graph */\n/* The cluster-service peers */\n"
        "subgraph  {\nrank=\"min\"\n";
    for (const auto& [id, name] : cluster_names_) {
      Look look{id == self_ || trusted(id) ? "orange" : "darkorange3", "box3d", id == self_};
      out += node(name, peername(id), shortened(id), id, look);
    }
    out += "}\n\n/* The ipfs peers */\nsubgraph  {\nrank=\"max\"\n";
    for (const auto& [id, name] : ipfs_names_) out += node(name, "IPFS", shortened(id), id, {"turquoise3", "cylinder"});
    size_t n = ipfs_names_.size();
    std::map<std::string, std::string> errored;
    for (const auto& [id, name] : cluster_names_) {
      if (to_ipfs_.contains(id)) continue;
      errored[id] = fmt::format("I{}", n++);
      out += node(errored[id], "IPFS", "Errored", id, {"firebrick1", "cylinder"});
    }
    out +=
        "}\n\n/* Edges representing active connections in the cluster */\n"
        "/* The connections among cluster-service peers */\n";
    for (const auto& [id, tos] : cluster_) append_edges(out, cluster_names_[id], tos, cluster_names_);
    out += "\n/* The connections between cluster peers and their ipfs daemons */\n";
    for (const auto& [id, name] : cluster_names_) {
      if (auto found = to_ipfs_.find(id); found != to_ipfs_.end()) {
        out += fmt::format("{} -> {}\n", name, ipfs_names_[found->second]);
      } else {
        out += fmt::format("{} -> {} [ style=\"dotted\" ]\n", name, errored[id]);
      }
    }
    out += "\n/* The swarm peer connections among ipfs daemons in the cluster */\n";
    for (const auto& [id, tos] : ipfs_) {
      if (auto from = ipfs_names_.find(id); from != ipfs_names_.end())
        append_edges(out, from->second, tos, ipfs_names_);
    }
    return out + "}";
  }

 private:
  bool trusted(const std::string& id) const {
    const auto* trust = member_of(graph_, "cluster_trust_links");
    return trust && flag_of(*trust, id);
  }
  std::string peername(const std::string& id) const {
    const auto* names = member_of(graph_, "id_to_peername");
    return names ? text_of(*names, id) : "";
  }
  static void append_edges(std::string& out, const std::string& from, const std::vector<std::string>& tos,
                           const std::map<std::string, std::string>& names) {
    for (const auto& to : tos) {
      if (auto found = names.find(to); found != names.end()) out += fmt::format("{} -> {}\n", from, found->second);
    }
  }

  const json::value& graph_;
  std::string self_;
  Links cluster_, ipfs_;
  std::map<std::string, std::string> to_ipfs_, cluster_names_, ipfs_names_;
};

}  // namespace

std::string format_graph(const json::value& graph, bool all_ipfs_peers) { return Graph(graph, all_ipfs_peers).text(); }

}  // namespace ipfsc::cmd::ctl
