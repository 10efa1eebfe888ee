#include "net/server_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cerrno>

namespace ipfsc::net {
namespace asio = boost::asio;

namespace {

constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384:P-521";
constexpr unsigned char kSessionContext[] = "ipfs-cluster";

Result<std::shared_ptr<asio::ssl::context>> make_context(const TlsFiles& files) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* ssl = context->native_handle();
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
  if (SSL_CTX_set_cipher_list(ssl, kTls12Ciphers) != 1 || SSL_CTX_set1_groups_list(ssl, kGroups) != 1) {
    return fail(ErrorKind::kInternal, "the TLS library does not offer what is needed");
  }
  // Sessions that are taken up again need it where clients are verified.
  SSL_CTX_set_session_id_context(ssl, kSessionContext, sizeof kSessionContext - 1);
  boost::system::error_code ec;
  context->use_certificate_chain_file(files.certificate_chain_file, ec);
  if (ec)
    return fail(ErrorKind::kInvalidArgument, "TLS certificate " + files.certificate_chain_file + ": " + ec.message());
  // It must be the certificate's.
  context->use_private_key_file(files.private_key_file, asio::ssl::context::pem, ec);
  if (ec) return fail(ErrorKind::kInvalidArgument, "TLS key " + files.private_key_file + ": " + ec.message());
  if (!files.client_ca_file.empty()) {
    context->load_verify_file(files.client_ca_file, ec);
    auto* names = ec ? nullptr : SSL_load_client_CA_file(files.client_ca_file.c_str());
    if (!names) {
      ERR_clear_error();
      return fail(ErrorKind::kInvalidArgument, "TLS authorities of clients " + files.client_ca_file + ": " +
                                                   (ec ? ec.message() : "no certificate in it"));
    }
    SSL_CTX_set_client_CA_list(ssl, names);  // takes it
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace

ServerTls::Stamps ServerTls::stamps(const TlsFiles& files) {
  Stamps out;
  for (const auto* path : {&files.certificate_chain_file, &files.private_key_file, &files.client_ca_file}) {
    if (path->empty()) continue;
    struct stat info{};
    if (::stat(path->c_str(), &info) != 0) {
      out.push_back({errno});
    } else {
      out.push_back({static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino), info.st_size,
                     info.st_mtim.tv_sec, info.st_mtim.tv_nsec});
    }
  }
  return out;
}

Result<std::unique_ptr<ServerTls>> ServerTls::load(TlsFiles files) {
  auto out = std::make_unique<ServerTls>();
  TRY(out->use(std::move(files)));
  return out;
}

Result<> ServerTls::use(TlsFiles files) {
  auto now = stamps(files);  // before they are read: a change meanwhile is seen by the next refresh()
  TRY_ASSIGN(context_, make_context(files));
  files_ = std::move(files);
  seen_ = std::move(now);
  return {};
}

Result<bool> ServerTls::refresh() {
  auto now = stamps(files_);
  if (now == seen_) return false;
  seen_ = std::move(now);
  TRY_ASSIGN(context_, make_context(files_));
  return true;
}

}  // namespace ipfsc::net
