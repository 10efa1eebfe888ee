// Beast's HTTP/1 parser with our own, allocation-free storage: one text arena and offsets into it. Internal to net/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>

#include "net/http.h"

namespace ipfsc::net {

/// Offsets into MessageHead::text.
struct FieldSpan {
  uint32_t name, name_size, value, value_size;
};

/// The head of a message as it was read; reused from message to message so that its memory stays.
struct MessageHead {
  std::string text;
  std::vector<FieldSpan> fields;
  uint32_t method_size = 0, target_size = 0;  // text begins with method, then target
  int version = 11;
  int status = 0;
  bool transfer_encoding_refused = false;
  Headers trailers;

  void clear() {
    text.clear();
    fields.clear();
    trailers.clear();
    method_size = target_size = 0;
    transfer_encoding_refused = false;
  }
  std::string_view method() const { return {text.data(), method_size}; }
  std::string_view target() const { return {text.data() + method_size, target_size}; }
  std::string_view name(const FieldSpan& f) const { return {text.data() + f.name, f.name_size}; }
  std::string_view value(const FieldSpan& f) const { return {text.data() + f.value, f.value_size}; }
};

/// One message. put() as in basic_parser; each body piece is left in `body`, pointing into what was put.
template <bool kIsRequest>
class MessageParser final : public boost::beast::http::basic_parser<kIsRequest> {
 public:
  using Base = boost::beast::http::basic_parser<kIsRequest>;
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  explicit MessageParser(MessageHead& head, uint32_t max_header_bytes) : head_(head) {
    head_.clear();
    this->body_limit(boost::none);
    this->header_limit(max_header_bytes);
  }

  std::string_view body;

  /// As in basic_parser, which cannot go on with a first and last chunk of which it has seen less than "0\r\n\r\n".
  std::size_t put(boost::asio::const_buffer bytes, error_code& ec) {
    constexpr std::size_t kLastChunkBytes = 5;  // every chunked body has as many to come
    bool few = bytes.size() > 0 && bytes.size() < kLastChunkBytes && *static_cast<const char*>(bytes.data()) == '0';
    if (few && head_done_ && !this->is_done() && this->chunked()) {
      ec = boost::beast::http::error::need_more;
      return 0;
    }
    return Base::put(bytes, ec);
  }

 private:
  void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int version,
                       error_code&) override {
    head_.text.append(method.data(), method.size());
    head_.text.append(target.data(), target.size());
    head_.method_size = static_cast<uint32_t>(method.size());
    head_.target_size = static_cast<uint32_t>(target.size());
    head_.version = version;
  }
  void on_response_impl(int code, string_view, int version, error_code&) override {
    head_.status = code;
    head_.version = version;
  }
  void on_field_impl(boost::beast::http::field field, string_view name, string_view value, error_code&) override {
    if (head_done_) {
      head_.trailers.push_back({std::string(name), std::string(value)});
      return;
    }
    // Beast takes a body whose last coding is not "chunked" for no body at all: that is how requests are smuggled.
    if (field == boost::beast::http::field::transfer_encoding &&
        !equal_fold(std::string_view(value.data(), value.size()), "chunked")) {
      head_.transfer_encoding_refused = true;
    }
    auto at = static_cast<uint32_t>(head_.text.size());
    head_.text.append(name.data(), name.size());
    head_.text.append(value.data(), value.size());
    head_.fields.push_back({at, static_cast<uint32_t>(name.size()), at + static_cast<uint32_t>(name.size()),
                            static_cast<uint32_t>(value.size())});
  }
  void on_header_impl(error_code&) override { head_done_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(string_view piece, error_code&) override {
    body = {piece.data(), piece.size()};
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override {
    body = {piece.data(), piece.size()};
    return piece.size();
  }
  void on_finish_impl(error_code&) override {}

  MessageHead& head_;
  bool head_done_ = false;
};

/// Unconsumed bytes read from a connection, contiguous.
class ReadBuffer {
 public:
  std::string_view data() const { return {memory_.get() + begin_, end_ - begin_}; }
  size_t size() const { return end_ - begin_; }
  size_t capacity() const { return capacity_; }
  void consume(size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Room for at least one more byte after what is there: moves the bytes to the front, or grows to `capacity`.
  /// Returns an empty range when the buffer is full at `capacity`.
  std::span<char> prepare(size_t capacity) {
    if (capacity_ < capacity || !memory_) {
      auto bigger = std::make_unique_for_overwrite<char[]>(capacity);
      if (size() > 0) std::copy_n(memory_.get() + begin_, size(), bigger.get());
      memory_ = std::move(bigger);
      end_ -= begin_;
      begin_ = 0;
      capacity_ = capacity;
    } else if (begin_ > 0 && end_ == capacity_) {
      std::copy(memory_.get() + begin_, memory_.get() + end_, memory_.get());
      end_ -= begin_;
      begin_ = 0;
    }
    return {memory_.get() + end_, capacity_ - end_};
  }
  void commit(size_t n) { end_ += n; }
  /// Gives back memory beyond `capacity` when what is left fits.
  void shrink(size_t capacity) {
    if (capacity_ <= capacity || size() > capacity) return;
    if (size() == 0) {
      memory_.reset();
      capacity_ = begin_ = end_ = 0;
      return;
    }
    auto smaller = std::make_unique_for_overwrite<char[]>(capacity);
    std::copy_n(memory_.get() + begin_, size(), smaller.get());
    memory_ = std::move(smaller);
    end_ -= begin_;
    begin_ = 0;
    capacity_ = capacity;
  }

 private:
  std::unique_ptr<char[]> memory_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace ipfsc::net
