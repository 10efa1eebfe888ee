#include "rpc/grpc/credentials.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <atomic>
#include <mutex>

#include "base/log.h"

namespace ipfsc::rpc {
namespace {

namespace tls = grpc::experimental;

LogComponent log("rpc");
constexpr int64_t kSayAgainAfterSeconds = 60;

/// True at most once in kSayAgainAfterSeconds.
bool may_say(std::atomic<int64_t>& last_said) {
  auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch());
  int64_t last = last_said.load();
  return (last == 0 || now.count() - last >= kSayAgainAfterSeconds) &&
         last_said.compare_exchange_strong(last, now.count());
}

constexpr std::string_view kOtherSecret =
    "the peer at that address belongs to another cluster: its secret and cluster.secret here differ";

/// The certificate is of this cluster, its name is that of its key, and the one we look for. Of the signature a server
/// is convinced before, by the handshake; a client only here, so that both have shown theirs and can say what is wrong.
class CertificateCheck final : public tls::ExternalCertificateVerifier {
 public:
  CertificateCheck(const RpcOptions& options, ipld::PeerId expected)
      : authority_(options.authority), previous_(options.previous_authority), expected_(std::move(expected)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    auto pem = request->peer_cert();
    std::string_view certificate(pem.data(), pem.size());
    auto peer = identity::peer_of_certificate(certificate);
    std::string reason;
    if (!authority_.has_issued(certificate) && !(previous_ && previous_->has_issued(certificate))) {
      reason = kOtherSecret;
    } else if (!peer) {
      reason = peer.error().message;
    } else if (!expected_.empty() && *peer != expected_) {
      reason = fmt::format("the peer at that address is {}, not {}", peer->to_string(), expected_.to_string());
    }
    if (reason.empty()) {
      *sync_status = grpc::Status::OK;
    } else {
      *sync_status = {grpc::StatusCode::UNAUTHENTICATED, reason};
      if (may_say(last_said_)) log.warn("refused a peer: {}", reason);
    }
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  identity::ClusterAuthority authority_;
  std::optional<identity::ClusterAuthority> previous_;
  ipld::PeerId expected_;  // empty = any
  std::atomic<int64_t> last_said_{0};
};

std::shared_ptr<tls::CertificateProviderInterface> certificates(const RpcOptions& options) {
  std::string roots = options.authority.certificate_pem();
  if (options.previous_authority) roots += options.previous_authority->certificate_pem();
  tls::IdentityKeyCertPair own{.private_key = identity::private_key_pem(options.self.key),
                               .certificate_chain = options.authority.issue(options.self.key.public_key())};
  return std::make_shared<tls::StaticDataCertificateProvider>(roots, std::vector{own});
}

void configure(tls::TlsCredentialsOptions& credentials, const RpcOptions& options, ipld::PeerId expected) {
  credentials.watch_root_certs();
  credentials.watch_identity_key_cert_pairs();
  credentials.set_check_call_host(false);  // names are peer ids, checked below
  credentials.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<CertificateCheck>(options, std::move(expected)));
}

void take_log_line(gpr_log_func_args* line) {
  static std::atomic<int64_t> last_said{0};
  std::string_view text(line->message);
  if (line->severity < GPR_LOG_SEVERITY_ERROR) return;
  if (text.find("andshake failed") != text.npos && may_say(last_said)) {
    log.warn("a connection with another peer came to nothing, most likely because the cluster secrets differ ({})",
             text.substr(0, text.find(" {")));
  } else {
    log.debug("{}", text);
  }
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> server_credentials(const RpcOptions& options) {
  tls::TlsServerCredentialsOptions credentials(certificates(options));
  configure(credentials, options, {});
  credentials.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return tls::TlsServerCredentials(credentials);
}

std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const RpcOptions& options, const ipld::PeerId& expected) {
  tls::TlsChannelCredentialsOptions credentials;
  credentials.set_certificate_provider(certificates(options));
  configure(credentials, options, expected);
  credentials.set_verify_server_certs(false);  // by CertificateCheck
  return tls::TlsCredentials(credentials);
}

void prepare_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(&take_log_line);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);  // its lines of lower rank crash at times (1.51)
    // Distributions ship it on, at a twentieth of what a call costs.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  });
}

}  // namespace ipfsc::rpc
