#include "state/head.h"

#include "base/version.h"
#include "state/codec.h"

namespace ipfsc::state {
namespace {

/// The counters in their persistent order.
template <class C, class F>
void each_counter(C& c, F f) {
  f(c.pins);
  for (auto& type : c.by_type) f(type);
  f(c.direct);
  f(c.everywhere);
  f(c.expiring);
  f(c.claims);
  f(c.work);
  f(c.requests);
  f(c.records);
  f(c.history);
  f(c.removed);
}

}  // namespace

Result<> check_apply_version(uint32_t version) {
  if (version <= kVersions.apply_version) return {};
  return fail(ErrorKind::kUnimplemented,
              fmt::format("the cluster applies its log by version {} of the rules, and this program ({}) knows no "
                          "newer one than {}: use a newer program",
                          version, kVersion, kVersions.apply_version));
}

WallTime from_ms(uint64_t ms) {
  constexpr uint64_t kLast = 9'223'372'036'000;  // the last second that fits 64-bit nanoseconds
  return WallTime(std::chrono::milliseconds(std::min(ms, kLast)));
}

Bytes Head::encode() const {
  Bytes out;
  out.reserve(160);
  put_number(out, kVersions.formats.state);
  put_bytes(out, cluster_id);
  put_number(out, incarnation);
  put_number(out, applied.value);
  put_number(out, time_ms);
  put_number(out, apply_version);
  for (auto lane : hash.lanes) append_be64(out, lane);
  put_number(out, history_floor);
  put_number(out, history_since_ms);
  each_counter(counters, [&out](uint64_t value) { put_number(out, value); });
  return out;
}

Result<StateVersions> Head::versions(ByteView row) {
  Reader in(row);
  StateVersions out{.format = static_cast<uint32_t>(in.number())};
  if (in.ok() && out.format == 1) {
    in.bytes();
    for (int passed = 0; passed < 3; ++passed) in.number();  // incarnation, applied index, time
    out.apply_version = static_cast<uint32_t>(in.number());
  }
  if (!in.ok()) return bad_row("head");
  return out;
}

Result<Head> Head::decode(ByteView row) {
  Reader in(row);
  in.number();  // the format
  Head head;
  head.cluster_id = in.bytes();
  head.incarnation = in.number();
  head.applied = LogIndex(in.number());
  head.time_ms = in.number();
  head.apply_version = static_cast<uint32_t>(in.number());
  for (auto& lane : head.hash.lanes) {
    auto bytes = in.take(8);
    if (in.ok()) lane = read_be64(bytes.data());
  }
  head.history_floor = in.number();
  head.history_since_ms = in.number();
  each_counter(head.counters, [&in](uint64_t& value) { value = in.number(); });
  if (!in.finished()) return bad_row("head");
  TRY(check_apply_version(head.apply_version));
  return head;
}

StateInfo Head::info() const {
  return {.cluster_id = cluster_id,
          .incarnation = incarnation,
          .applied = applied,
          .time = from_ms(time_ms),
          .apply_version = apply_version,
          .hash = hash};
}

}  // namespace ipfsc::state
