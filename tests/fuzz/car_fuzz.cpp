// links: ipld
#include <algorithm>

#include "base/check.h"
#include "ipld/car.h"

using namespace ipfsc;
using namespace ipfsc::ipld;

struct Contents {
  std::optional<CarHeader> header;
  std::vector<Block> blocks;
  std::optional<Error> error;
  bool operator==(const Contents&) const = default;
};

static Contents read(ByteView car, size_t step) {
  CarReader reader({.max_section_bytes = 4096, .max_header_bytes = 1024});
  Contents out;
  while (!car.empty() && !out.error) {
    size_t size = std::min(step, car.size());
    reader.feed(car.substr(0, size));
    car.remove_prefix(size);
    while (true) {
      auto block = reader.next();
      if (!block) out.error = block.error();
      if (!block || !*block) break;
      out.blocks.push_back(**std::move(block));
    }
  }
  if (auto header = reader.header()) out.header = *header;
  if (auto end = reader.finish(); !end) out.error = end.error();
  return out;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input = as_bytes(data, size);
  Contents whole = read(input, std::max<size_t>(size, 1));
  CHECK(read(input, 1 + size % 7) == whole);
  if (whole.error) return 0;
  Bytes again = encode_car_header(*whole.header);
  for (const auto& block : whole.blocks) append_car_block(again, block.cid, block.data);
  // A header may have more fields than the two that are written.
  Contents second = read(again, again.size());
  CHECK(second == whole);
  return 0;
}
