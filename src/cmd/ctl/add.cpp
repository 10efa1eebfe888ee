// add: files, directories and URLs as one streamed upload.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <boost/json.hpp>

#include "base/json.h"
#include "client/multipart.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/format.h"
#include "cmd/ctl/progress_bar.h"

namespace ipfsc::cmd::ctl {
namespace {

namespace json = boost::json;
using Query = std::vector<std::pair<std::string, std::string>>;

const char* text_of(bool value) { return value ? "true" : "false"; }

/// What is wrong with the paths before anything is sent.
Result<> check_paths(const std::vector<std::string>& paths, const AddOptions& add) {
  if (paths.empty()) return fail(ErrorKind::kInvalidArgument, "need at least one path");
  if (std::ranges::count_if(paths, client::is_standard_input) > 1) {
    return fail(ErrorKind::kInvalidArgument, "standard input (-) can be added once only");
  }
  for (const auto& path : paths) {
    if (client::is_url(path)) continue;
    if (add.nocopy) return fail(ErrorKind::kInvalidArgument, path + " is not a URL, and --nocopy takes only these");
    if (client::is_standard_input(path)) continue;
    std::error_code error;
    auto status = std::filesystem::symlink_status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) {
      return fail(ErrorKind::kNotFound, path + ": no such file or directory");
    }
    if (error) return fail(ErrorKind::kUnavailable, path + ": " + error.message());
    if (std::filesystem::is_directory(status) && !add.recursive) {
      return fail(ErrorKind::kInvalidArgument, path + " is a directory, use the '-r' flag to specify directories");
    }
  }
  return {};
}

Result<> check_options(const AddOptions& add, bool wrap) {
  if (!add.format.empty() && add.format != "unixfs" && add.format != "car") {
    return fail(ErrorKind::kInvalidArgument, fmt::format("format must be unixfs or car, not \"{}\"", add.format));
  }
  if (!add.layout.empty() && add.layout != "balanced" && add.layout != "trickle") {
    return fail(ErrorKind::kInvalidArgument, fmt::format("layout must be balanced or trickle, not \"{}\"", add.layout));
  }
  if (add.format == "car" && wrap) {
    return fail(ErrorKind::kInvalidArgument, "a CAR file can only be added alone, and not be wrapped in a directory");
  }
  return {};
}

void append_add_query(Query& query, const AddOptions& add, bool wrap) {
  int64_t cid_version = add.hash == "sha2-256" ? add.cid_version : 1;
  bool raw_leaves = add.raw_leaves || cid_version > 0 || add.nocopy;
  Query more = {{"format", add.format},
                {"layout", add.layout},
                {"chunker", add.chunker},
                {"hash", add.hash},
                {"cid-version", std::to_string(cid_version)},
                {"raw-leaves", text_of(raw_leaves)},
                {"recursive", text_of(add.recursive)},
                {"hidden", text_of(add.hidden)},
                {"wrap-with-directory", text_of(wrap)},
                {"local", text_of(add.local)},
                {"no-pin", text_of(add.no_pin)},
                {"nocopy", text_of(add.nocopy)},
                {"shard", "false"},
                {"progress", "false"},
                {"stream-channels", "true"}};
  query.insert(query.end(), more.begin(), more.end());
}

/// Prints what was added, as the flags want it.
class Printer {
 public:
  Printer(Context& context, ProgressBar& bar)
      : output_(context.output), add_(context.options.add), bar_(bar), keep_(add_.no_stream && !add_.quieter) {}

  Result<> take(std::string_view text) {
    auto value = parse_json(text);
    if (!value) return fail(value.error().with_context("the answer is not JSON"));
    if (ctl::text_of(*value, "cid").empty()) return {};  // progress
    if (keep_) {
      kept_.push_back(*value);
    } else if (!add_.quieter) {
      bar_.clear();
      print(*value);
    }
    last_ = std::move(*value);
    return {};
  }

  void finish() {
    if (add_.no_stream && output_.json()) {
      if (add_.quieter && !last_.is_null()) kept_.push_back(last_);
      output_.object(kept_);
    } else if (add_.quieter) {
      if (!last_.is_null()) print(last_);
    } else {
      for (const auto& value : kept_) print(value);
    }
    output_.flush();
    for (const auto& peer : texts_of(last_, "left_behind")) {
      fmt::print(output_.err(), "the peer {} did not get all blocks and will fetch what it lacks\n", peer);
    }
  }

  std::string last_cid() const { return ctl::text_of(last_, "cid"); }

 private:
  void print(const json::value& value) {
    if (output_.json()) {
      output_.object(value);
    } else {
      output_.text(add_.quiet || add_.quieter ? ctl::text_of(value, "cid") + "\n" : format_added(value));
    }
  }

  Output& output_;
  const AddOptions& add_;
  ProgressBar& bar_;
  bool keep_;
  json::array kept_;
  json::value last_;
};

/// As `pin add --wait`, for the last thing that was added.
int wait_for_added(Context& context, const std::string& cid) {
  auto pin = ask(context, {.path = "/allocations/" + cid});
  if (!pin) return context.output.api_error(pin.error());
  return wait_for_status(context, cid, "pinned", number_of(*pin, "replication_factor_min"), false);
}

}  // namespace

int add(Context& context) {
  const auto& options = context.options;
  const auto& paths = options.arguments;
  bool wrap = options.add.wrap || (paths.size() > 1 && options.add.format != "car");
  if (auto ok = check_paths(paths, options.add); !ok) return context.output.local_error("", ok.error().message);
  if (auto ok = check_options(options.add, wrap || paths.size() > 1); !ok) {
    return context.output.local_error("", ok.error().message);
  }
  auto query = pin_query(options.pin, true);
  if (!query) return context.output.whole_error(query.error().message);
  append_add_query(*query, options.add, wrap);

  client::UploadOptions upload{
      .recursive = options.add.recursive, .hidden = options.add.hidden, .absolute_paths = options.add.nocopy};
  ProgressBar bar(context.output.err(), 0, options.add.progress);
  if (bar.active()) bar.set_total(client::upload_size(paths, upload).value_or(0));
  client::MultipartBody body(paths, upload, context.cancelled);
  if (bar.active()) body.set_progress([&](uint64_t bytes) { bar.update(bytes); });

  Printer printer(context, bar);
  auto done = context.client.stream(
      {.method = "POST",
       .path = "/add",
       .query = std::move(*query),
       .body = &body,
       .content_type = body.content_type()},
      [&](std::string_view object) { return printer.take(object); }, [&] { context.output.flush(); });
  bar.clear();
  if (!done) return context.output.api_error(done.error());
  printer.finish();
  if (options.wait.wait && !options.add.no_pin && !printer.last_cid().empty()) {
    return wait_for_added(context, printer.last_cid());
  }
  return kExitOk;
}

}  // namespace ipfsc::cmd::ctl
