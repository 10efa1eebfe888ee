#include "api/common/add_upload.h"

namespace ipfsc::api::common {

Task<> AddAnswer::report(const cluster::AddSession::Outputs& outputs) {
  for (const auto& output : outputs) {
    if (options_.stream) {
      line_.clear();
      options_.print(line_, output);
      line_ += '\n';
      if (!response_.started()) response_.add_header("X-Chunked-Output", "1");
      CO_TRY(co_await lines_.write(line_));
    } else {
      array_ += array_.empty() ? '[' : ',';
      options_.print(array_, output);
      if (array_.size() > options_.max_buffered_bytes) {
        co_return fail(ErrorKind::kInvalidArgument, "too many files for stream-channels=false");
      }
    }
  }
  co_return Result<>{};
}

Result<> AddAnswer::end(Result<> outcome) {
  if (options_.stream) return lines_.end_always_200(std::move(outcome));
  if (!outcome) return outcome;
  return response_.send(200, array_.empty() ? "null\n" : array_ + "]\n", "application/json");
}

namespace {

Task<> add_file(AddUpload& upload, std::string path) {
  CO_TRY_ASSIGN(auto begun, co_await upload.session.begin_file(std::move(path)));
  CO_TRY(co_await upload.answer.report(begun));
  for (;;) {
    CO_TRY_ASSIGN(auto piece, co_await upload.parts.read_some());
    if (piece.empty()) break;
    CO_TRY_ASSIGN(auto outputs, co_await upload.session.write(Bytes(piece)));
    if (!outputs.empty()) CO_TRY(co_await upload.answer.report(outputs));
  }
  CO_TRY_ASSIGN(auto ended, co_await upload.session.end_file());
  co_return co_await upload.answer.report(ended);
}

Task<std::string> read_target(AddUpload& upload, std::string_view path) {
  auto target = co_await net::read_all(upload.parts.body(), upload.max_symlink_bytes);
  if (!target && target.error().kind == ErrorKind::kResourceExhausted) {
    co_return fail(ErrorKind::kInvalidArgument,
                   fmt::format("the target of the symlink {} is longer than {} bytes", path, upload.max_symlink_bytes));
  }
  co_return target;
}

}  // namespace

Task<> add_parts(AddUpload& upload) {
  for (size_t count = 0;; ++count) {
    CO_TRY_ASSIGN(auto part, co_await upload.parts.next());
    if (!part) break;
    if (upload.car && count > 0) continue;
    CO_TRY_ASSIGN(auto file, net::FilePart::from(*part));
    using Kind = net::FilePart::Kind;
    if (upload.car && file.kind != Kind::kFile)
      co_return fail(ErrorKind::kInvalidArgument, "expected CAR file is not of type file");
    if (file.kind == Kind::kFile) {
      CO_TRY(co_await add_file(upload, std::move(file.path)));
    } else if (file.kind == Kind::kDirectory) {
      CO_TRY_ASSIGN(auto outputs, co_await upload.session.add_directory(std::move(file.path)));
      CO_TRY(co_await upload.answer.report(outputs));
    } else {
      CO_TRY_ASSIGN(auto target, co_await read_target(upload, file.path));
      CO_TRY_ASSIGN(auto outputs, co_await upload.session.add_symlink(std::move(file.path), std::move(target)));
      CO_TRY(co_await upload.answer.report(outputs));
    }
  }
  CO_TRY_ASSIGN(auto outputs, co_await upload.session.finish());
  co_return co_await upload.answer.report(outputs);
}

}  // namespace ipfsc::api::common
