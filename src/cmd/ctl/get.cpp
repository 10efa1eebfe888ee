// get: a file or a directory through a gateway.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include <boost/json.hpp>

#include "client/multipart.h"
#include "cmd/ctl/commands.h"
#include "cmd/ctl/fetcher.h"
#include "cmd/ctl/progress_bar.h"

namespace ipfsc::cmd::ctl {
namespace {

Result<client::Endpoint> gateway_endpoint(const std::string& text) {
  if (text.starts_with('/')) {
    TRY_ASSIGN(auto address, ipld::Multiaddr::parse(text));
    return client::endpoint(address, false);
  }
  if (!client::is_url(text)) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("\"{}\" is neither a URL nor a multiaddress", text));
  }
  std::string url = text;
  while (url.ends_with('/')) url.pop_back();
  return client::Endpoint{url, ""};
}

std::string default_output(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace

int get(Context& context) {
  const auto& options = context.options;
  auto path = content_path(context.argument(0));
  if (!path) return context.output.local_error("parsing cid", path.error().message);
  auto gateway = gateway_endpoint(options.get.gateway);
  if (!gateway) return context.output.local_error("parsing gateway", gateway.error().message);
  std::string target = options.get.output.empty() ? default_output(*path) : options.get.output;
  std::error_code ignored;
  if (target != "-" && std::filesystem::exists(std::filesystem::symlink_status(target, ignored))) {
    return context.output.local_error("creating output file", target + " exists already");
  }

  ProgressBar bar(context.output.err(), 0, options.get.progress);
  Fetcher fetcher({.gateway = *gateway,
                   .timeout = std::chrono::seconds(options.global.timeout_seconds),
                   .cancelled = context.cancelled,
                   .on_progress = [&](uint64_t bytes, uint64_t total) {
                     bar.set_total(total);
                     bar.update(bytes);
                   }});
  context.output.flush();
  auto fetched = fetcher.fetch(*path, target);
  bar.clear();
  if (!fetched) return context.output.api_error(fetched.error());
  if (target == "-") return kExitOk;
  if (context.output.json()) {
    context.output.object(boost::json::object{{"path", target}, {"bytes", fetched->bytes}, {"files", fetched->files}});
  } else {
    context.output.text(fmt::format("saved {}\n", target));
  }
  return kExitOk;
}

}  // namespace ipfsc::cmd::ctl
