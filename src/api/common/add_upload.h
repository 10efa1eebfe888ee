// From a multipart body, while it arrives, into an add session; and its reports to the client as they come.
#pragma once

#include <functional>
#include <string>

#include "api/common/json_stream.h"
#include "cluster/add_session.h"
#include "net/multipart.h"

namespace ipfsc::api::common {

/// Where the reports of an add go: line by line, or gathered into one array.
class AddAnswer {
 public:
  struct Options {
    bool stream = true;
    size_t max_buffered_bytes = 64 << 20;  ///< without `stream`; beyond: kInvalidArgument
    /// Appends one report as a JSON object.
    std::function<void(std::string& out, const model::AddedOutput& output)> print;
  };
  AddAnswer(net::Response& response, Options options)
      : options_(std::move(options)), response_(response), lines_(response) {}

  Task<> report(const cluster::AddSession::Outputs& outputs);
  /// An Error is left to the caller when nothing was sent yet.
  Result<> end(Result<> outcome);

 private:
  const Options options_;
  net::Response& response_;
  JsonStream lines_;
  std::string line_, array_;
};

struct AddUpload {
  net::MultipartReader parts;
  cluster::AddSession& session;
  AddAnswer& answer;
  bool car = false;                 ///< the first part is a CAR file; the others are passed over
  size_t max_symlink_bytes = 4096;  ///< of a target; beyond: kInvalidArgument
};

/// Adds all parts and finishes the session.
Task<> add_parts(AddUpload& upload);

}  // namespace ipfsc::api::common
