#include "rpc/testing/sim_network.h"

#include <fmt/format.h>

#include <deque>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/check.h"
#include "base/notifier.h"

namespace ipfsc::rpc::testing {
namespace {

constexpr size_t kPipeBytes = 1 << 20;  // on their way; more wait in write()

Error not_reached(const ipld::PeerId& peer) {
  return {ErrorKind::kUnavailable, std::string(kNotReached) + peer.to_string() + " does not answer"};
}

/// The other side may have taken and answered the call.
Error connection_lost(const ipld::PeerId& peer) {
  return {ErrorKind::kUnavailable, "the connection to " + peer.to_string() + " broke"};
}

}  // namespace

struct SimNetwork::Endpoint {
  Endpoint(Runtime& runtime, const Router& r, Gatekeeper g) : router(r), gatekeeper(std::move(g)), tasks(runtime) {}
  const Router& router;
  Gatekeeper gatekeeper;
  TaskGroup tasks;
  bool alive = true;
};

/// A stream between two peers: side 0 called, side 1 answers.
struct SimNetwork::Pipe {
  struct Direction {
    std::deque<std::pair<SteadyTime, Bytes>> messages;
    size_t bytes = 0;
    bool ended = false;  // the writer has no more
  };
  Pipe(SimNetwork& n, std::shared_ptr<Endpoint> c, std::shared_ptr<Endpoint> a, ipld::PeerId caller_id,
       ipld::PeerId answerer_id)
      : network(n),
        changed(n.runtime_),
        caller(std::move(c)),
        answerer(std::move(a)),
        peers{std::move(caller_id), std::move(answerer_id)},
        number(n.next_pipe_++),
        reached(answerer->alive) {
    network.pipes_.emplace(number, this);
  }
  ~Pipe() { network.pipes_.erase(number); }

  SimNetwork& network;
  Notifier changed;
  std::shared_ptr<Endpoint> caller, answerer;  // caller: null when it only calls
  ipld::PeerId peers[2];
  uint64_t number;
  bool reached;                    // the answerer was there
  Direction to[2];                 // by the reading side
  std::optional<Result<>> result;  // of the handler
  bool dropped = false;            // by the caller

  bool broken() const { return !answerer->alive || (caller && !caller->alive); }
  /// What a side sees of a broken pipe.
  Error breakage(int side) const {
    return side == 0 && !reached ? not_reached(peers[1]) : connection_lost(peers[1 - side]);
  }
  /// Whether what is on its way to this side is stuck.
  bool held(int side) const { return !network.reaches(peers[1 - side], peers[side]); }
};

class SimNetwork::Side final : public Stream {
 public:
  Side(std::shared_ptr<Pipe> pipe, int side) : pipe_(std::move(pipe)), side_(side) {}
  ~Side() override {
    if (side_ != 0) return;
    pipe_->dropped = true;
    pipe_->changed.notify_all();
  }

  Task<std::optional<Bytes>> read() override {
    auto& in = pipe_->to[side_];
    auto& runtime = pipe_->network.runtime_;
    for (;;) {
      if (pipe_->broken()) co_return fail(pipe_->breakage(side_));
      if (side_ == 1 && pipe_->dropped) co_return fail(ErrorKind::kCancelled, "the caller has ended the call");
      bool held = pipe_->held(side_);
      if (!held) {
        if (!in.messages.empty() && in.messages.front().first <= runtime.now()) {
          Bytes message = std::move(in.messages.front().second);
          in.messages.pop_front();
          in.bytes -= message.size();
          pipe_->changed.notify_all();
          co_return message;
        }
        if (in.messages.empty() && side_ == 0 && pipe_->result) {
          CO_TRY(*pipe_->result);
          co_return std::nullopt;
        }
        if (in.messages.empty() && side_ == 1 && in.ended) co_return std::nullopt;
      }
      auto woken = in.messages.empty() || held ? co_await pipe_->changed.wait()
                                               : co_await pipe_->changed.wait_until(in.messages.front().first);
      if (!woken && woken.error().kind != ErrorKind::kDeadlineExceeded) co_return fail(woken.error());
    }
  }

  Task<> write(Bytes message) override {
    auto& out = pipe_->to[1 - side_];
    while (!pipe_->broken() && !pipe_->dropped && !pipe_->result && out.bytes > kPipeBytes) {
      CO_TRY(co_await pipe_->changed.wait());
    }
    if (pipe_->broken() || pipe_->dropped || pipe_->result) co_return fail(pipe_->breakage(side_));
    out.bytes += message.size();
    auto arrives = pipe_->network.runtime_.now() + pipe_->network.transit();
    if (!out.messages.empty()) arrives = std::max(arrives, out.messages.back().first);
    out.messages.emplace_back(arrives, std::move(message));
    pipe_->changed.notify_all();
    co_return Result<>{};
  }

  Task<> end_writes() override {
    pipe_->to[1 - side_].ended = true;
    pipe_->changed.notify_all();
    co_return Result<>{};
  }

 private:
  std::shared_ptr<Pipe> pipe_;
  int side_;
};

class SimNetwork::SimClient final : public PeerClient {
 public:
  SimClient(SimNetwork& network, ipld::PeerId self, Runtime& clock)
      : network_(network), self_(std::move(self)), clock_(clock) {}

  void set_addresses(const ipld::PeerId&, const std::vector<ipld::Multiaddr>&) override {}

  void retry_now(const ipld::PeerId&) override {}

  Task<Bytes> call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) override {
    auto stream = open(peer, method);
    std::optional<Result<Bytes>> answer;
    CO_TRY(co_await stream->write(std::move(request)));
    CO_TRY(co_await stream->end_writes());
    using boost::asio::experimental::awaitable_operators::operator||;
    auto first = co_await (stream->read() || clock_.sleep_until(deadline));
    if (first.index() == 1) {
      CO_TRY(std::get<1>(first));
      co_return fail(ErrorKind::kDeadlineExceeded, "no answer in time");
    }
    CO_TRY_ASSIGN(auto message, std::move(std::get<0>(first)));
    if (!message) co_return fail(ErrorKind::kInternal, "no answer");
    co_return *std::move(message);
  }

  std::unique_ptr<Stream> open(const ipld::PeerId& peer, std::string_view method) override {
    ++network_.calls_;
    auto find = [&](const ipld::PeerId& id) {
      auto it = network_.endpoints_.find(id);
      return it == network_.endpoints_.end() ? nullptr : it->second;
    };
    static const Router nothing;
    auto target = find(peer);
    if (!target) {
      target = std::make_shared<Endpoint>(network_.runtime_, nothing, Gatekeeper());
      target->alive = false;
    }
    auto pipe = std::make_shared<Pipe>(network_, find(self_), target, self_, peer);
    if (target->alive) target->tasks.spawn("answering", answer(pipe, std::string(method), self_));
    return std::make_unique<Side>(std::move(pipe), 0);
  }

 private:
  static Task<> answer(std::shared_ptr<Pipe> pipe, std::string name, ipld::PeerId caller) {
    pipe->result = co_await handle(pipe, std::move(name), std::move(caller));
    pipe->changed.notify_all();
    co_return Result<>{};
  }

  static Task<> handle(std::shared_ptr<Pipe> pipe, std::string name, ipld::PeerId caller) {
    const auto* method = pipe->answerer->router.find(name);
    if (method == nullptr) co_return fail(ErrorKind::kUnimplemented, "this peer does not know the call " + name);
    if (pipe->answerer->gatekeeper) CO_TRY(pipe->answerer->gatekeeper(caller, method->access));
    Side side(pipe, 1);
    CallInfo info{.caller = std::move(caller), .remote = "simulated"};
    if (method->stream) co_return co_await method->stream(std::move(info), side);
    CO_TRY_ASSIGN(auto request, co_await side.read());
    if (!request) co_return fail(ErrorKind::kInvalidArgument, "a call without a request");
    CO_TRY_ASSIGN(auto answer, co_await method->unary(std::move(info), *std::move(request)));
    co_return co_await side.write(std::move(answer));
  }

  SimNetwork& network_;
  ipld::PeerId self_;
  Runtime& clock_;
};

void SimNetwork::attach(const ipld::PeerId& peer, const Router& router, Gatekeeper gatekeeper) {
  auto [it, fresh] = endpoints_.emplace(peer, std::make_shared<Endpoint>(runtime_, router, std::move(gatekeeper)));
  CHECK(fresh);
}

Task<> SimNetwork::detach(ipld::PeerId peer) {
  auto it = endpoints_.find(peer);
  CHECK(it != endpoints_.end());
  auto endpoint = it->second;
  endpoints_.erase(it);
  endpoint->alive = false;
  wake_all();
  co_await endpoint->tasks.stop();
  co_return Result<>{};
}

std::unique_ptr<PeerClient> SimNetwork::client(const ipld::PeerId& self, Runtime* clock) {
  return std::make_unique<SimClient>(*this, self, clock != nullptr ? *clock : runtime_);
}

void SimNetwork::cut(const ipld::PeerId& a, const ipld::PeerId& b) {
  cut_one_way(a, b);
  cut_one_way(b, a);
}

void SimNetwork::heal() {
  cuts_.clear();
  wake_all();
}

void SimNetwork::wake_all() {
  for (auto& [number, pipe] : pipes_) pipe->changed.notify_all();
}

Duration SimNetwork::transit() {
  if (jitter <= Duration::zero()) return delay;
  return delay + Duration(runtime_.random() % static_cast<uint64_t>(jitter.count()));
}

}  // namespace ipfsc::rpc::testing
