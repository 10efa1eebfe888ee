#include "model/pin_json.h"
#include "state/transfer.h"

namespace ipfsc::state {

Result<uint64_t> export_pins(const State& state, const TextSink& sink) {
  constexpr size_t kPieceBytes = 64 << 10, kBatch = 256;
  TRY_ASSIGN(auto cursor, state.list({}));
  std::vector<StoredPin> pins;
  std::string text;
  uint64_t count = 0;
  for (;;) {
    pins.clear();
    TRY_ASSIGN(size_t got, cursor->next(pins, kBatch));
    for (const auto& stored : pins) {
      model::append_json(text, stored.pin);
      text += '\n';
    }
    count += got;
    if (text.size() >= kPieceBytes || (got == 0 && !text.empty())) {
      TRY(sink(text));
      text.clear();
    }
    if (got == 0) return count;
  }
}

}  // namespace ipfsc::state
