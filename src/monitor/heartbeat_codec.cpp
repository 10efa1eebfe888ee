#include "monitor/heartbeat_codec.h"

#include <algorithm>
#include <cmath>

#include "proto/monitor.pb.h"

namespace ipfsc::monitor {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Longer durations are cut to this: they must not overflow nanoseconds.
constexpr Duration kLongest = std::chrono::hours(24 * 366);

template <class Unit>
uint64_t count_of(Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<Unit>(std::clamp(duration, Duration{}, kLongest)).count());
}
template <class Unit>
Duration duration_of(uint64_t count) {
  return Unit(std::min<uint64_t>(count, std::chrono::duration_cast<Unit>(kLongest).count()));
}

/// Adds items to a message while there is room for them.
class Writer {
 public:
  Writer(proto::Heartbeat* out, const HeartbeatLimits& limits)
      : out_(out), limits_(limits), left_(limits.max_bytes - std::min(limits.max_bytes, out->ByteSizeLong())) {}

  void write(const PeerStanding& doubt) {
    if (static_cast<size_t>(out_->doubts_size()) >= limits_.max_peers) return;
    proto::PeerDoubt item;
    item.set_peer(doubt.peer.bytes());
    item.set_suspect(doubt.standing == Standing::kSuspect);
    item.set_phi(static_cast<float>(doubt.phi));
    item.set_since_ms(count_of<milliseconds>(doubt.since));
    item.set_silence_ms(count_of<milliseconds>(doubt.silence));
    if (take(item.ByteSizeLong())) *out_->add_doubts() = std::move(item);
  }
  void write(const ipld::Multiaddr& address) {
    if (address.empty() || static_cast<size_t>(out_->addresses_size()) >= limits_.max_addresses) return;
    if (take(address.bytes().size())) out_->add_addresses(address.bytes());
  }
  void write(const Reading& reading) {
    const auto& metric = reading.metric;
    if (metric.name.empty() || metric.name.size() > limits_.max_name_bytes ||
        metric.value.size() > limits_.max_value_bytes ||
        static_cast<size_t>(out_->metrics_size()) >= limits_.max_metrics) {
      return;
    }
    proto::MetricReading item;
    item.set_name(metric.name);
    item.set_value(metric.value);
    item.set_weight(metric.weight);
    item.set_partitionable(metric.partitionable);
    item.set_valid(metric.valid);
    item.set_ttl_ms(count_of<milliseconds>(reading.ttl));
    item.set_stamp(reading.stamp);
    if (take(item.ByteSizeLong())) *out_->add_metrics() = std::move(item);
  }
  void write(const Link& link) {
    if (static_cast<size_t>(out_->links_size()) >= limits_.max_peers) return;
    proto::PeerLink item;
    item.set_to(link.to.bytes());
    item.set_reached(link.reached);
    item.set_round_trip_us(count_of<microseconds>(link.round_trip));
    if (take(item.ByteSizeLong())) *out_->add_links() = std::move(item);
  }

 private:
  bool take(size_t bytes) {
    constexpr size_t kHead = 8;  // field number and length
    if (left_ < bytes + kHead) return false;
    left_ -= bytes + kHead;
    return true;
  }

  proto::Heartbeat* out_;
  const HeartbeatLimits& limits_;
  size_t left_;
};

std::unexpected<Error> wrong(std::string_view field, std::string_view what) {
  return fail(ErrorKind::kInvalidArgument, "heartbeat: " + std::string(field) + ": " + std::string(what));
}

Result<> check_text(std::string_view field, const std::string& text, size_t most) {
  if (text.size() > most) return wrong(field, "longer than " + std::to_string(most) + " bytes");
  return {};
}
Result<> check_count(std::string_view field, int count, size_t most) {
  if (static_cast<size_t>(count) > most) return wrong(field, "more than " + std::to_string(most));
  return {};
}

Result<ipld::PeerId> peer_of(std::string_view field, const std::string& bytes) {
  auto peer = ipld::PeerId::from_bytes(bytes);
  if (!peer) return wrong(field, peer.error().message);
  return peer;
}

Result<> read_addresses(const proto::Heartbeat& in, const HeartbeatLimits& limits, Heartbeat& out) {
  TRY(check_count("addresses", in.addresses_size(), limits.max_addresses));
  for (const auto& bytes : in.addresses()) {
    auto address = ipld::Multiaddr::from_bytes(bytes);
    if (!address) return wrong("addresses", address.error().message);
    out.addresses.push_back(*std::move(address));
  }
  return {};
}

Result<> read_metrics(const proto::Heartbeat& in, const ipld::PeerId& sender, const HeartbeatLimits& limits,
                      Heartbeat& out) {
  TRY(check_count("metrics", in.metrics_size(), limits.max_metrics));
  for (const auto& item : in.metrics()) {
    if (item.name().empty()) return wrong("metrics", "one has no name");
    TRY(check_text("metrics: name", item.name(), limits.max_name_bytes));
    TRY(check_text("metrics: value", item.value(), limits.max_value_bytes));
    out.metrics.push_back({.metric = {.name = item.name(),
                                      .peer = sender,
                                      .value = item.value(),
                                      .valid = item.valid(),
                                      .weight = item.weight(),
                                      .partitionable = item.partitionable()},
                           .ttl = duration_of<milliseconds>(item.ttl_ms()),
                           .stamp = item.stamp()});
  }
  return {};
}

Result<> read_doubts(const proto::Heartbeat& in, const HeartbeatLimits& limits, Heartbeat& out) {
  TRY(check_count("doubts", in.doubts_size(), limits.max_peers));
  auto& doubts = out.health.doubts;
  for (const auto& item : in.doubts()) {
    TRY_ASSIGN(auto peer, peer_of("doubts", item.peer()));
    if (!doubts.empty() && doubts.back().peer >= peer) return wrong("doubts", "not in the order of the peers");
    if (!std::isfinite(item.phi())) return wrong("doubts", "φ is no number");
    doubts.push_back({.peer = std::move(peer),
                      .standing = item.suspect() ? Standing::kSuspect : Standing::kUnheard,
                      .phi = std::clamp<double>(item.phi(), 0, FailureDetector::kMostPhi),
                      .since = duration_of<milliseconds>(item.since_ms()),
                      .silence = duration_of<milliseconds>(item.silence_ms())});
  }
  return {};
}

Result<> read_links(const proto::Heartbeat& in, const HeartbeatLimits& limits, Heartbeat& out) {
  TRY(check_count("links", in.links_size(), limits.max_peers));
  auto& links = out.links.links;
  for (const auto& item : in.links()) {
    TRY_ASSIGN(auto to, peer_of("links", item.to()));
    if (!links.empty() && links.back().to >= to) return wrong("links", "not in the order of the peers");
    links.push_back({.to = std::move(to),
                     .reached = item.reached(),
                     .round_trip = duration_of<microseconds>(item.round_trip_us())});
  }
  return {};
}

}  // namespace

void to_proto(const Heartbeat& heartbeat, proto::Heartbeat* out, const HeartbeatLimits& limits) {
  auto cut = [&](const std::string& text) { return text.substr(0, limits.max_text_bytes); };
  out->set_run(heartbeat.run);
  out->set_sequence(heartbeat.sequence);
  out->set_interval_ms(static_cast<uint64_t>(heartbeat.interval / std::chrono::milliseconds(1)));
  out->set_cluster_id(cut(heartbeat.cluster_id));
  out->set_incarnation(heartbeat.incarnation);
  out->set_applied_index(heartbeat.applied.value);
  out->set_state_hash(cut(heartbeat.state_hash));
  out->set_apply_version(heartbeat.apply_version);
  out->set_role(heartbeat.role);
  out->set_version(cut(heartbeat.version));
  out->set_peername(cut(heartbeat.peername));
  for (auto count : heartbeat.tracker_counts) out->add_tracker_counts(count);
  Writer writer(out, limits);  // what matters most comes first
  for (const auto& doubt : heartbeat.health.doubts) writer.write(doubt);
  for (const auto& address : heartbeat.addresses) writer.write(address);
  for (const auto& reading : heartbeat.metrics) writer.write(reading);
  for (const auto& link : heartbeat.links.links) writer.write(link);
}

Result<Heartbeat> heartbeat_from_proto(const proto::Heartbeat& in, const ipld::PeerId& sender,
                                       const HeartbeatLimits& limits) {
  TRY(check_text("cluster_id", in.cluster_id(), limits.max_text_bytes));
  TRY(check_text("state_hash", in.state_hash(), limits.max_text_bytes));
  TRY(check_text("version", in.version(), limits.max_text_bytes));
  TRY(check_text("peername", in.peername(), limits.max_text_bytes));
  Heartbeat out{.run = in.run(),
                .sequence = in.sequence(),
                .interval = std::chrono::milliseconds(std::min(
                    in.interval_ms(), static_cast<uint64_t>(limits.max_interval / std::chrono::milliseconds(1)))),
                .cluster_id = in.cluster_id(),
                .incarnation = in.incarnation(),
                .applied = LogIndex(in.applied_index()),
                .state_hash = in.state_hash(),
                .apply_version = in.apply_version(),
                .role = proto::PeerRole_IsValid(in.role()) ? in.role() : proto::PEER_ROLE_AUTO,
                .version = in.version(),
                .peername = in.peername()};
  out.health.observer = out.links.observer = sender;
  auto counts = std::min<size_t>(in.tracker_counts_size(), out.tracker_counts.size());
  std::copy_n(in.tracker_counts().begin(), counts, out.tracker_counts.begin());
  TRY(read_addresses(in, limits, out));
  TRY(read_metrics(in, sender, limits, out));
  TRY(read_doubts(in, limits, out));
  TRY(read_links(in, limits, out));
  return out;
}

Bytes encode_heartbeat(const Heartbeat& heartbeat, const HeartbeatLimits& limits) {
  proto::Heartbeat message;
  to_proto(heartbeat, &message, limits);
  return message.SerializeAsString();
}

Result<Heartbeat> decode_heartbeat(ByteView bytes, const ipld::PeerId& sender, const HeartbeatLimits& limits) {
  if (bytes.size() > limits.max_bytes) {
    return fail(ErrorKind::kInvalidArgument, "heartbeat: longer than " + std::to_string(limits.max_bytes) + " bytes");
  }
  proto::Heartbeat message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorKind::kInvalidArgument, "heartbeat: no message");
  }
  return heartbeat_from_proto(message, sender, limits);
}

}  // namespace ipfsc::monitor
