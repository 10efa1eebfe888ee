// Limits and timeouts of HTTP servers and clients.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace ipfsc::net {

struct TlsFiles {
  std::string certificate_chain_file;  ///< PEM
  std::string private_key_file;        ///< PEM
  /// Of a server: PEM file of authorities; set: only clients with a certificate of one of them are served.
  std::string client_ca_file;
  bool enabled() const { return !certificate_chain_file.empty(); }
};

/// A timeout of 0 is none.
struct ServerOptions {
  /// Request line and headers together may have this and 4096 bytes more; beyond: 431, closed.
  size_t max_header_bytes = 4096;
  /// From the first byte of a request (or the connection's start) to the end of its headers; beyond: closed.
  Duration header_timeout = std::chrono::seconds(5);
  /// A kept connection without a request; beyond: closed.
  Duration idle_timeout = std::chrono::seconds(120);
  /// From the first byte of a request to the end of its body; beyond: closed, the handler is cancelled.
  Duration read_timeout{0};
  /// From the end of a request's headers to the end of its answer; beyond: closed, the handler is cancelled.
  Duration write_timeout{0};
  /// While we want bytes of a body and none come, or want to send and none leave; beyond: closed, the handler is
  /// cancelled.
  Duration transfer_timeout = std::chrono::seconds(300);
  /// Over all listeners; beyond, and while three quarters of the process's descriptors are open (files and other peers
  /// need the rest): the connection is answered 503 and closed at once.
  size_t max_connections = 4096;
  /// How often timeouts and vanished clients are looked for.
  Duration sweep_interval = std::chrono::seconds(1);
  /// Streams are sent when this much waits …
  size_t flush_bytes = 16 * 1024;
  /// … or the oldest byte waited this long.
  Duration flush_delay = std::chrono::milliseconds(5);
  /// What is read and dropped of a body that the handler left; beyond: the connection is closed.
  size_t drain_bytes = 256 * 1024;
  /// Bytes read at once of a streamed body.
  size_t body_buffer_bytes = 128 * 1024;
  TlsFiles tls;
  /// How often the files of `tls` are looked at; those that have changed are used for connections from then on.
  Duration tls_check_interval = std::chrono::seconds(5);
};

struct ClientOptions {
  Duration connect_timeout = std::chrono::seconds(10);  ///< name look-up, TCP and TLS together
  /// While we wait for bytes and none come, or want to send and none leave: kDeadlineExceeded.
  Duration idle_timeout = std::chrono::seconds(300);
  size_t max_header_bytes = 64 * 1024;  ///< of an answer; beyond: kResourceExhausted
  size_t max_connections = 256;         ///< beyond: open() waits for one to end
  size_t max_idle_connections = 32;     ///< kept for reuse
  Duration keep_idle = std::chrono::seconds(30);
  size_t read_buffer_bytes = 64 * 1024;
  std::string user_agent;
  /// PEM file of further trusted authorities; empty = the system's.
  std::string tls_ca_file;
};

}  // namespace ipfsc::net
