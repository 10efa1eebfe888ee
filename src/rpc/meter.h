// Meter: how many bytes of calls go between this peer and the others, by method (GET /health/bandwidth).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/runtime.h"
#include "rpc/rpc.h"

namespace ipfsc::rpc {

/// I/O thread only. Messages are counted, not what carries them.
class Meter {
 public:
  /// In one direction, since the start of this process.
  struct Figures {
    uint64_t bytes = 0;
    double per_second = 0;  ///< now: what is t old counts with e^(-t/kMemory)
  };
  struct Both {
    Figures in, out;
  };
  static constexpr Duration kMemory = std::chrono::seconds(5);

  /// `runtime` outlives it.
  explicit Meter(Runtime& runtime) : runtime_(runtime) {}

  void add_in(std::string_view method, size_t bytes);
  void add_out(std::string_view method, size_t bytes);
  std::map<std::string, Both> read() const;

 private:
  struct Count {
    uint64_t bytes = 0;
    double recent = 0;  // at `last`, decayed
    SteadyTime last{};
    void add(size_t more, SteadyTime now);
    Figures at(SteadyTime now) const;
  };
  std::pair<Count, Count>& of(std::string_view method);

  Runtime& runtime_;
  std::map<std::string, std::pair<Count, Count>, std::less<>> counts_;  // in, out
};

/// Counts what goes through a stream.
class MeteredStream final : public Stream {
 public:
  /// `meter` outlives it, as `stream` does unless it is given away.
  MeteredStream(Stream& stream, std::string method, Meter& meter)
      : stream_(stream), method_(std::move(method)), meter_(meter) {}
  MeteredStream(std::unique_ptr<Stream> stream, std::string method, Meter& meter)
      : own_(std::move(stream)), stream_(*own_), method_(std::move(method)), meter_(meter) {}

  Task<std::optional<Bytes>> read() override;
  Task<> write(Bytes message) override;
  Task<> end_writes() override { return stream_.end_writes(); }

 private:
  const std::unique_ptr<Stream> own_;
  Stream& stream_;
  const std::string method_;
  Meter& meter_;
};

/// Counts the calls that go through it.
class MeteredClient final : public PeerClient {
 public:
  /// Both outlive it.
  MeteredClient(PeerClient& client, Meter& meter) : client_(client), meter_(meter) {}

  void set_addresses(const ipld::PeerId& peer, const std::vector<ipld::Multiaddr>& addresses) override {
    client_.set_addresses(peer, addresses);
  }
  void retry_now(const ipld::PeerId& peer) override { client_.retry_now(peer); }
  Task<Bytes> call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) override;
  std::unique_ptr<Stream> open(const ipld::PeerId& peer, std::string_view method) override;

 private:
  PeerClient& client_;
  Meter& meter_;
};

}  // namespace ipfsc::rpc
