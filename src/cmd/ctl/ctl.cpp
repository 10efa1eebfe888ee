#include "cmd/ctl/ctl.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/files.h"
#include "base/log.h"
#include "client/client.h"
#include "cmd/ctl/command_line.h"
#include "cmd/ctl/commands.h"

namespace ipfsc::cmd::ctl {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;

/// What is wrong with the global options, as "<doing>" and message.
struct Refusal {
  std::string doing, message;
};

std::string problem_of_pem(std::string_view option, const std::string& path) {
  std::error_code ec;
  if (std::filesystem::is_fifo(path, ec)) return "";  // can be read only once
  auto text = read_file(path, kMaxPemBytes);
  if (!text) return fmt::format("{}: {}", option, text.error().message);
  return text->contains("-----BEGIN ") ? "" : fmt::format("{}: {} is not a PEM file", option, path);
}

/// What is wrong with the files of a client certificate; "" = nothing that shows before they are used.
std::string client_certificate_problem(const GlobalOptions& global) {
  if (global.client_cert.empty() != global.client_key.empty()) {
    return fmt::format("--client-cert and --client-key go together: {} is missing",
                       global.client_cert.empty() ? "--client-cert" : "--client-key");
  }
  if (global.client_cert.empty()) return "";
  if (global.force_http) return "--client-cert needs HTTPS: leave out --force-http";
  auto problem = problem_of_pem("--client-cert", global.client_cert);
  return problem.empty() ? problem_of_pem("--client-key", global.client_key) : problem;
}

std::expected<client::ClientOptions, Refusal> client_options(const GlobalOptions& global, FILE* err) {
  client::ClientOptions out;
  if (!global.secret.empty()) {
    auto secret = from_hex(global.secret);
    if (!secret || secret->size() != 32) {
      return std::unexpected(Refusal{"parsing secret", "expected 64 hexadecimal digits"});
    }
  }
  std::string_view hosts = global.host;
  while (!hosts.empty()) {
    std::string_view host = hosts.substr(0, hosts.find(','));
    hosts.remove_prefix(std::min(hosts.size(), host.size() + 1));
    auto address = ipld::Multiaddr::parse(host);
    if (!address) return std::unexpected(Refusal{"parsing host multiaddress", address.error().message});
    out.hosts.push_back(std::move(*address));
  }
  out.https = uses_https(global);
  out.verify_certificate = !global.no_check_certificate;
  out.log_traffic = global.debug;
  if (global.timeout_seconds > 0) out.timeout = std::chrono::seconds(global.timeout_seconds);
  if (!global.token.empty() && !global.basic_auth.empty()) {
    return std::unexpected(Refusal{"reading the credentials", "--token and --basic-auth exclude each other"});
  }
  out.bearer_token = global.token;
  if (!global.token.empty() && !global.https && !global.force_http) {
    fmt::print(err, "warning: HTTPS is used because of --token; --force-http keeps HTTP\n");
  }
  if (auto problem = client_certificate_problem(global); !problem.empty()) {
    return std::unexpected(Refusal{"reading the client certificate", std::move(problem)});
  }
  out.client_certificate = global.client_cert;
  out.client_key = global.client_key;
  if (!global.basic_auth.empty()) {
    size_t colon = global.basic_auth.find(':');
    out.user = global.basic_auth.substr(0, colon);
    if (colon != std::string::npos) out.password = global.basic_auth.substr(colon + 1);
    if (out.https && !global.https) {
      fmt::print(err, "warning: HTTPS is used because of --basic-auth; --force-http keeps HTTP\n");
    }
  }
  return out;
}

}  // namespace

int run_ctl(const std::vector<std::string>& arguments, FILE* out, FILE* err, const std::atomic<bool>* cancelled) {
  auto line = read_command_line(arguments);
  if (const auto* printed = std::get_if<Printed>(&line)) {
    fmt::print(out, "{}", printed->out);
    fmt::print(err, "{}", printed->err);
    return printed->exit_code;
  }
  const auto& chosen = std::get<Chosen>(line);
  const auto& global = chosen.options.global;
  Output output(global.encoding == "json", !global.no_colour, out, err);
  if (global.encoding != "json" && global.encoding != "text") return output.local_error("", "unsupported encoding");
  if (chosen.options.table && output.json()) return output.local_error("", "--table is text: it has no JSON");
  if (global.debug) {
    if (auto done = set_log_levels("debug"); !done) return output.local_error("", done.error().message);
  }
  auto options = client_options(global, err);
  if (!options) return output.local_error(options.error().doing, options.error().message);
  options->cancelled = cancelled;
  auto client = client::Client::create(std::move(*options));
  if (!client) return output.local_error("creating API client", client.error().message);
  Context context{chosen.options, *client, output, cancelled};
  int code = chosen.command(context);
  output.flush();
  return code == kExitOk && output.broken() ? kExitLocal : code;
}

}  // namespace ipfsc::cmd::ctl
