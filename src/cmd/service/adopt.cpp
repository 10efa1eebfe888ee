// adopt: what this peer's Kubo has pinned and the pinset has not becomes part of it, allocated to this peer.
//
// Kubo's list is read to its end first, into a file that has no name: while it is being read Kubo keeps other pins
// waiting, and its length is the 100 % of the progress. Then the running peer gets it as one stream of pins, which it
// takes only where there is none yet. So it can be repeated, and ended at any moment.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/kubo_pins.h"
#include "base/json.h"
#include "client/client.h"
#include "cmd/cli/progress_line.h"
#include "cmd/service/commands.h"

namespace ipfsc::cmd::service {
namespace {

namespace json = boost::json;

constexpr uint64_t kMostErrorsShown = 20;

/// Kubo's pins between reading and sending: one line each, 'r' or 'd' and the CID.
class Spool {
 public:
  Spool() : file_(std::tmpfile()) {}
  Spool(const Spool&) = delete;
  ~Spool() {
    if (file_) std::fclose(file_);
  }

  Result<> add(std::span<const app::KuboPin> pins) {
    for (const auto& pin : pins) {
      auto line = fmt::format("{}{}\n", pin.recursive ? 'r' : 'd', pin.cid.to_string());
      if (!file_ || std::fwrite(line.data(), 1, line.size(), file_) != line.size()) return broken();
      ++(pin.recursive ? recursive : direct);
    }
    return {};
  }
  Result<> rewind() {
    if (!file_ || std::fflush(file_) != 0 || std::fseek(file_, 0, SEEK_SET) != 0) return broken();
    return {};
  }
  struct Line {
    bool recursive;
    std::string cid;
  };
  /// The next one; nullopt: the end.
  std::optional<Line> next() {
    char text[1024];
    if (!std::fgets(text, sizeof text, file_)) return std::nullopt;
    std::string_view line(text);
    while (line.ends_with('\n')) line.remove_suffix(1);
    return line.empty() ? std::nullopt : std::optional(Line{line.front() == 'r', std::string(line.substr(1))});
  }
  uint64_t total() const { return recursive + direct; }

  uint64_t recursive = 0, direct = 0;

 private:
  static std::unexpected<Error> broken() {
    return fail(ErrorKind::kUnavailable, "the list of Kubo's pins does not fit into the folder of temporary files");
  }
  FILE* file_;
};

/// A pin of this peer alone (or with the factors that were asked for) for each of Kubo's, a line each.
class Lines final : public client::BodySource {
 public:
  Lines(Spool& spool, std::string self, const AdoptOptions& options, ProgressLine& progress)
      : spool_(spool), self_(std::move(self)), options_(options), progress_(progress) {}

  Result<size_t> read(char* buffer, size_t size) override {
    while (waiting_.size() < size) {
      auto next = spool_.next();
      if (!next) break;
      waiting_ += fmt::format(
          R"({{"cid":"{}","mode":"{}","replication_factor_min":{},"replication_factor_max":{},"user_allocations":["{}"]}})"
          "\n",
          next->cid, next->recursive ? "recursive" : "direct", options_.replication_min, options_.replication_max,
          self_);
      ++sent_;
    }
    progress_.show("{} of {} pins", sent_, spool_.total());
    size_t n = waiting_.copy(buffer, size);
    waiting_.erase(0, n);
    return n;
  }

 private:
  Spool& spool_;
  std::string self_, waiting_;
  const AdoptOptions& options_;
  ProgressLine& progress_;
  uint64_t sent_ = 0;
};

/// The REST API of this configuration's peer.
Result<client::Client> own_api(const config::HttpApi& api, const std::string& basic_auth) {
  client::ClientOptions options;
  options.hosts = api.http_listen_multiaddress;
  options.https = !api.ssl_cert_file.empty();
  options.verify_certificate = false;  // the certificate is for the name that others use
  if (!basic_auth.empty()) {
    auto colon = basic_auth.find(':');
    if (colon == std::string::npos) return fail(ErrorKind::kInvalidArgument, "--basic-auth: expected user:password");
    options.user = basic_auth.substr(0, colon);
    options.password = basic_auth.substr(colon + 1);
  } else if (api.basic_auth_credentials) {
    std::tie(options.user, options.password) = *api.basic_auth_credentials->begin();
  }
  return client::Client::create(std::move(options));
}

struct Outcome {
  uint64_t added = 0, there = 0, failed = 0;
};

class Adopter {
 public:
  Adopter(const Context& context, client::Client& api, Spool& spool) : context_(context), api_(api), spool_(spool) {}

  /// Asks for each pin whether it is in the pinset.
  client::Answer<Outcome> count() {
    Outcome outcome;
    ProgressLine progress(context_.streams.err);
    while (auto pin = spool_.next()) {
      auto answer = api_.call({.path = "/allocations/" + pin->cid});
      if (!answer && answer.error().code != 404) return std::unexpected(answer.error());
      ++(answer ? outcome.there : outcome.added);
      progress.show("{} of {} pins", outcome.there + outcome.added, spool_.total());
    }
    return outcome;
  }

  client::Answer<Outcome> pin(const std::string& self) {
    Outcome outcome;
    ProgressLine progress(context_.streams.err);
    Lines lines(spool_, self, context_.options.adopt, progress);
    auto done = api_.stream({.method = "POST",
                             .path = "/pins",
                             .query = {{"if-absent", "true"}},
                             .body = &lines,
                             .content_type = "application/x-ndjson"},
                            [&](std::string_view object) { return take(object, outcome, progress); });
    if (!done) return std::unexpected(done.error());
    return outcome;
  }

 private:
  Result<> take(std::string_view object, Outcome& outcome, ProgressLine& progress) {
    TRY_ASSIGN(auto answer, parse_json(object));
    const auto* members = answer.if_object();
    if (!members) return fail(ErrorKind::kInternal, "the peer's answer is no object");
    const auto* code = members->if_contains("code");
    if (!code) {
      ++outcome.added;
    } else if (*code == 409) {
      ++outcome.there;
    } else if (++outcome.failed <= kMostErrorsShown) {
      progress.clear();
      context_.say(json::serialize(answer));
    }
    return {};
  }

  const Context& context_;
  client::Client& api_;
  Spool& spool_;
};

/// The id of the peer that answers.
Result<std::string> ask_id(client::Client& api) {
  auto answer = api.call({.path = "/id"});
  if (!answer) {
    return fail(ErrorKind::kUnavailable,
                answer.error().code == 0 ? "the peer does not run: " + answer.error().message : answer.error().message);
  }
  TRY_ASSIGN(auto value, parse_json(*answer));
  const auto* object = value.if_object();
  const auto* id = object ? object->if_contains("id") : nullptr;
  if (!id || !id->is_string()) return fail(ErrorKind::kInternal, "its answer has no id");
  return std::string(id->get_string());
}

}  // namespace

int adopt(const Context& context) {
  const auto& options = context.options.adopt;
  if (!context.argument(0).empty()) return context.failed("reading arguments", "adopt takes none");
  auto config = load_configuration(context);
  if (!config) return context.failed("loading configurations", config.error().message);
  auto identity = load_identity(context);
  if (!identity) return context.failed("loading the identity", identity.error().message);
  if (!config->restapi.present) return context.failed("asking the peer", "there is no api.restapi in service.json");
  auto api = own_api(config->restapi, options.basic_auth);
  if (!api) return context.failed("asking the peer", api.error().message);
  auto self = ask_id(*api);
  if (!self) return context.failed("asking the peer", self.error().message);
  if (*self != identity->id.to_string()) {
    return context.failed("asking the peer", fmt::format("{} answers, not {}", *self, identity->id.to_string()));
  }

  Spool spool;
  {
    ProgressLine progress(context.streams.err);
    auto listed = app::list_kubo_pins(*config, *identity, [&](std::span<const app::KuboPin> pins) -> Result<> {
      TRY(spool.add(pins));
      progress.show("{} pins of Kubo", spool.total());
      return {};
    });
    if (listed) listed = spool.rewind();
    if (!listed) return context.failed("listing the pins of Kubo", listed.error().message);
  }
  context.say(fmt::format("Kubo holds {} recursive and {} direct pins.", spool.recursive, spool.direct));
  Adopter adopter(context, *api, spool);
  auto outcome = options.dry_run ? adopter.count() : adopter.pin(*self);
  if (!outcome) return context.failed("adopting", outcome.error().message + " (what was adopted stays; repeat it)");
  context.say(fmt::format("{} are in the pinset already, {} {}{}.", outcome->there, outcome->added,
                          options.dry_run ? "would be adopted" : "were adopted",
                          outcome->failed > 0 ? fmt::format(", {} could not be", outcome->failed) : ""));
  return outcome->failed > 0 ? kExitError : kExitOk;
}

}  // namespace ipfsc::cmd::service
