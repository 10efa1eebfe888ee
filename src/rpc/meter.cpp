#include "rpc/meter.h"

#include <cmath>

namespace ipfsc::rpc {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

double decay(Duration time) { return std::exp(-seconds(time) / seconds(Meter::kMemory)); }

}  // namespace

void Meter::Count::add(size_t more, SteadyTime now) {
  bytes += more;
  recent = recent * decay(now - last) + static_cast<double>(more);
  last = now;
}

Meter::Figures Meter::Count::at(SteadyTime now) const {
  return {.bytes = bytes, .per_second = recent * decay(now - last) / seconds(kMemory)};
}

std::pair<Meter::Count, Meter::Count>& Meter::of(std::string_view method) {
  auto it = counts_.find(method);
  return it != counts_.end() ? it->second : counts_[std::string(method)];
}

void Meter::add_in(std::string_view method, size_t bytes) { of(method).first.add(bytes, runtime_.now()); }
void Meter::add_out(std::string_view method, size_t bytes) { of(method).second.add(bytes, runtime_.now()); }

std::map<std::string, Meter::Both> Meter::read() const {
  std::map<std::string, Both> out;
  auto now = runtime_.now();
  for (const auto& [method, counts] : counts_) out[method] = {counts.first.at(now), counts.second.at(now)};
  return out;
}

Task<Bytes> MeteredClient::call(ipld::PeerId peer, std::string_view method, Bytes request, SteadyTime deadline) {
  std::string name(method);
  meter_.add_out(name, request.size());
  CO_TRY_ASSIGN(auto answer, co_await client_.call(std::move(peer), name, std::move(request), deadline));
  meter_.add_in(name, answer.size());
  co_return answer;
}

std::unique_ptr<Stream> MeteredClient::open(const ipld::PeerId& peer, std::string_view method) {
  return std::make_unique<MeteredStream>(client_.open(peer, method), std::string(method), meter_);
}

Task<std::optional<Bytes>> MeteredStream::read() {
  CO_TRY_ASSIGN(auto message, co_await stream_.read());
  if (message) meter_.add_in(method_, message->size());
  co_return message;
}

Task<> MeteredStream::write(Bytes message) {
  meter_.add_out(method_, message.size());
  return stream_.write(std::move(message));
}

}  // namespace ipfsc::rpc
