// links: api
#include "api/pinning/parse.h"
#include "base/check.h"
#include "base/json.h"
#include "model/pin_json.h"
#include "model/status.h"

using namespace ipfsc;

/// JSON that clients send: a pin of the pinning service, a line of many pins, a status that another program prints.
/// What is read of the last two is written and read back the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_bytes(data, size);
  if (auto pin = api::pinning::parse_pin(text)) {
    CHECK(!pin->cid.empty());
    CHECK(pin->origins.size() <= api::pinning::kMaxOrigins && pin->meta.size() <= api::pinning::kMaxMetaKeys);
  }
  if (auto pin = model::pin_from_json(text)) {
    std::string written, again;
    model::append_json(written, *pin, model::PinJsonStyle::kRequest);
    auto read = model::pin_from_json(written);
    CHECK(read);
    model::append_json(again, *read, model::PinJsonStyle::kRequest);
    CHECK(again == written);
  }
  if (auto info = model::global_pin_info_from_json(text)) {
    std::string written;
    model::append_json(written, *info);
    CHECK(model::global_pin_info_from_json(written) || info->pin.cid.empty());
  }
  if (auto value = parse_json(text)) CHECK(parse_json(pretty_json(*value, 2)));
  return 0;
}
