// links: model state
#include "base/check.h"
#include "model/pin_json.h"
#include "model/pin_proto.h"
#include "proto/pin.pb.h"
#include "state/json_objects.h"
#include "state/stored_pin.h"

using namespace ipfsc;
using namespace ipfsc::state;

namespace {

struct Objects {
  std::vector<JsonObjects::Piece> pieces;
  std::string error;
};

/// The objects of a file that comes `step` bytes at a time.
Objects cut(std::string_view text, size_t step) {
  constexpr size_t kMaxObjectBytes = 1000;
  Objects out;
  JsonObjects objects(kMaxObjectBytes);
  Result<> fed;
  for (size_t at = 0; at < text.size() && fed; at += step) fed = objects.feed(text.substr(at, step), out.pieces);
  if (fed) fed = objects.finish();
  if (!fed) out.error = fed.error().message;
  return out;
}

void check_same(const Objects& a, const Objects& b) {
  CHECK(a.error == b.error);
  CHECK(a.pieces.size() == b.pieces.size());
  for (size_t i = 0; i < a.pieces.size(); ++i) {
    CHECK(a.pieces[i].text == b.pieces[i].text);
    CHECK(a.pieces[i].line == b.pieces[i].line);
  }
}

model::Pin stored(const model::Pin& pin) {
  PeerTable peers;
  PeerNumbers numbers;
  for (const auto& peer : pin.allocations) numbers.push_back(peers.add(peer).value);
  Bytes row = encode_revision(make_revision(LogIndex(7), 3)) + encode_body(pin, numbers, /*many_claims=*/false);
  return PinView::read(row)->to_pin(pin.cid.bytes(), peers)->pin;
}

model::Pin logged(const model::Pin& pin) {
  proto::Pin message;
  model::to_proto(pin, &message);
  return *model::pin_from_proto(message);
}

void check_pin(const model::Pin& pin) {
  std::string line;
  model::append_json(line, pin);
  CHECK(model::pin_from_json(line) == pin);
  Objects alone = cut(line + "\n", line.size() + 1);
  CHECK(!alone.error.empty() || (alone.pieces.size() == 1 && alone.pieces[0].text == line));

  auto in_seconds = pin;
  bool log_has_times = true;  // its messages say "none" for 1970 and before
  for (auto* time : {&in_seconds.timestamp, &in_seconds.options.expire_at}) {
    if (!*time) continue;
    *time = std::chrono::floor<std::chrono::seconds>(**time);
    log_has_times = log_has_times && **time > WallTime();
  }
  CHECK(stored(pin) == in_seconds);
  if (log_has_times) CHECK(logged(pin) == in_seconds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto input = as_bytes(data, size);
  Objects whole = cut(input, size + 1);
  check_same(cut(input, 1), whole);
  check_same(cut(input, 2 + size % 61), whole);
  for (const auto& piece : whole.pieces) {
    if (auto pin = model::pin_from_json(piece.text)) check_pin(*pin);
  }
  if (auto pin = model::pin_from_json(input)) check_pin(*pin);
  return 0;
}
