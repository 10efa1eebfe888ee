// links: monitor proto
#include "base/check.h"
#include "monitor/heartbeat_codec.h"
#include "proto/monitor.pb.h"

using namespace ipfsc;
using namespace ipfsc::monitor;

/// What is taken can be sent on and taken again as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto sender = *ipld::PeerId::parse("12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M");
  proto::Heartbeat message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  auto heartbeat = heartbeat_from_proto(message, sender);
  if (!heartbeat) return 0;
  proto::Heartbeat again;
  to_proto(*heartbeat, &again);
  auto second = heartbeat_from_proto(again, sender);
  CHECK(second);
  proto::Heartbeat third;
  to_proto(*second, &third);
  CHECK(third.SerializeAsString() == again.SerializeAsString());
  return 0;
}
