// links: net
#include "base/bytes.h"
#include "base/check.h"
#include "base/virtual_runtime.h"
#include "net/multipart.h"

using namespace ipfsc;
using namespace ipfsc::net;

namespace {

/// Everything that is read of `text`, given in pieces of `step` bytes; the error's text when it ends in one.
std::string transcript(std::string_view text, size_t step) {
  VirtualRuntime runtime(1);
  size_t at = 0;
  std::string piece;
  MultipartReader reader(
      [&]() -> Task<std::string_view> {
        piece = std::string(text.substr(at, step));
        at += piece.size();
        co_return std::string_view(piece);
      },
      "B");
  std::string out;
  auto result = runtime.run_task([](MultipartReader& in, std::string& out) -> Task<> {
    for (;;) {
      CO_TRY_ASSIGN(auto part, co_await in.next());
      if (!part) co_return Result<>{};
      out += "\n[part]";
      for (const auto& header : part->headers) out += header.name + "=" + header.value + ";";
      if (auto file = FilePart::from(*part)) {
        CHECK(!file->path.starts_with('/') && !("/" + file->path + "/").contains("/../"));
        CHECK(file->path.find('\0') == std::string::npos);
      }
      for (;;) {
        CO_TRY_ASSIGN(auto bytes, co_await in.read_some());
        if (bytes.empty()) break;
        out += bytes;
      }
    }
  }(reader, out));
  return result ? out + "\n[end]" : out + "\n[error]" + result.error().message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto input = as_bytes(data, size);
  auto whole = transcript(input, size + 1);
  CHECK(transcript(input, 1) == whole);
  CHECK(transcript(input, 3) == whole);
  return 0;
}
