// TamperingClient: slows, damages or breaks what a peer reads from certain streams. For tests.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/runtime.h"
#include "rpc/rpc.h"

namespace ipfsc::consensus::testing {

class TamperingClient final : public rpc::PeerClient {
 public:
  TamperingClient(Runtime& runtime, std::unique_ptr<rpc::PeerClient> base, std::string method)
      : runtime_(runtime), base_(std::move(base)), method_(std::move(method)) {}

  Duration delay{};  ///< of each message of such a stream
  /// Sees each message that comes, with its number in the stream (0 = the first), and may change it; an error breaks
  /// the stream.
  std::function<Result<>(size_t number, Bytes& message)> tamper;
  std::function<void(const Bytes& request)> asked;
  size_t streams = 0, messages = 0;

  void set_addresses(const ipld::PeerId& peer, const std::vector<ipld::Multiaddr>& addresses) override {
    base_->set_addresses(peer, addresses);
  }
  void retry_now(const ipld::PeerId& peer) override { base_->retry_now(peer); }
  Task<Bytes> call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) override {
    return base_->call(std::move(peer), method, std::move(request), deadline);
  }
  std::unique_ptr<rpc::Stream> open(const ipld::PeerId& peer, std::string_view method) override {
    auto stream = base_->open(peer, method);
    if (method != method_) return stream;
    ++streams;
    return std::make_unique<Tampered>(*this, std::move(stream));
  }

 private:
  class Tampered final : public rpc::Stream {
   public:
    Tampered(TamperingClient& owner, std::unique_ptr<rpc::Stream> base) : owner_(owner), base_(std::move(base)) {}
    Task<std::optional<Bytes>> read() override {
      if (owner_.delay > Duration::zero()) CO_TRY(co_await owner_.runtime_.sleep_for(owner_.delay));
      CO_TRY_ASSIGN(auto message, co_await base_->read());
      ++owner_.messages;
      if (message && owner_.tamper) CO_TRY(owner_.tamper(number_, *message));
      ++number_;
      co_return message;
    }
    Task<> write(Bytes message) override {
      if (owner_.asked) owner_.asked(message);
      return base_->write(std::move(message));
    }
    Task<> end_writes() override { return base_->end_writes(); }

   private:
    TamperingClient& owner_;
    std::unique_ptr<rpc::Stream> base_;
    size_t number_ = 0;
  };

  Runtime& runtime_;
  std::unique_ptr<rpc::PeerClient> base_;
  std::string method_;
};

}  // namespace ipfsc::consensus::testing
