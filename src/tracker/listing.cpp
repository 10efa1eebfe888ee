#include "tracker/listing.h"

#include <algorithm>

#include "ipld/multibase.h"

namespace ipfsc::tracker {
namespace {

using enum model::TrackerStatus;

constexpr model::StatusSet kFromTable =
    kPinQueued | kUnpinQueued | model::kErrorStatuses | model::StatusSet(kUnexpectedlyUnpinned);

std::unexpected<Error> bad_cursor() { return fail(ErrorKind::kInvalidArgument, "cursor: not one of this listing"); }

/// 'm' or 'i' · length of the state's token (varint) · the state's token · CID, as base 64 for URLs.
std::string encode_token(char kind, std::string_view state_token, const ipld::Cid& last) {
  Bytes bytes(1, kind);
  append_varint(bytes, state_token.size());
  bytes += state_token;
  bytes += last.bytes();
  return ipld::multibase_encode('u', bytes);
}

struct Token {
  std::string state_token;
  ipld::Cid last;
};

Result<Token> decode_token(char kind, std::string_view text) {
  if (!text.starts_with('u')) return bad_cursor();
  auto bytes = ipld::multibase_decode(text);
  if (!bytes || bytes->empty() || bytes->front() != kind) return bad_cursor();
  ByteView in(*bytes);
  in.remove_prefix(1);
  auto size = take_varint(in);
  if (!size || *size > in.size()) return bad_cursor();
  Token token{.state_token = std::string(in.substr(0, *size))};
  auto last = ipld::Cid::from_bytes(in.substr(*size));
  if (!last) return bad_cursor();
  token.last = *std::move(last);
  return token;
}

}  // namespace

Result<> reread(Entry& entry, const Table& table) {
  TRY_ASSIGN(entry.pin, table.state().get(entry.cid));
  TRY_ASSIGN(entry.row, table.get(entry.cid));
  return {};
}

Result<std::vector<Entry>> read_entries(const std::vector<ipld::Cid>& cids, const Table& table) {
  TRY_ASSIGN(auto rows, table.get_many(cids));
  std::vector<Entry> out;
  out.reserve(cids.size());
  for (size_t i = 0; i < cids.size(); ++i) {
    Entry entry{.cid = cids[i], .row = std::move(rows[i])};
    TRY_ASSIGN(entry.pin, table.state().get(cids[i]));
    out.push_back(std::move(entry));
  }
  return out;
}

// --- the merge

Result<std::unique_ptr<MergeReader>> MergeReader::open(const Table& table, model::StatusSet filter,
                                                       const std::string& token) {
  std::unique_ptr<MergeReader> reader(new MergeReader(table));
  state::ListQuery query;
  if (filter == model::StatusSet(kSharded)) query.types = 1u << static_cast<unsigned>(model::PinType::kMeta);
  // When few of the pins are here, the state's index by peer saves reading all of them.
  if (!filter.has(kRemote) && !filter.has(kSharded)) {
    auto counts = table.counts();
    uint64_t here = counts.in(kFromTable | model::StatusSet(kPinned));
    if (here < table.state().counters().pins / 4) query.peer = table.self();
  }
  if (!token.empty()) {
    TRY_ASSIGN(Token from, decode_token('m', token));
    query.cursor = from.state_token;
    reader->before_pins_ = std::move(from.state_token);
    reader->last_row_ = reader->last_ = std::move(from.last);
  }
  TRY_ASSIGN(reader->cursor_, table.state().list(std::move(query)));
  return reader;
}

Result<> MergeReader::read_pins(size_t max) {
  while (next_pin_ == pins_.size() && !cursor_->done()) {
    pins_.clear();
    next_pin_ = 0;
    if (read_any_) before_pins_ = cursor_->token();
    read_any_ = true;
    TRY_ASSIGN(size_t n, cursor_->next(pins_, max));
    if (n == 0) break;
    // After a token some of the page were given out before.
    while (next_pin_ < pins_.size() && pins_[next_pin_].pin.cid <= last_) ++next_pin_;
  }
  return {};
}

Result<> MergeReader::read_rows(size_t max) {
  if (next_row_ < rows_.size() || rows_end_) return {};
  TRY_ASSIGN(rows_, table_.rows_after(last_row_, max));
  next_row_ = 0;
  rows_end_ = rows_.size() < max;
  if (!rows_.empty()) last_row_ = rows_.back().cid;
  return {};
}

Result<> MergeReader::next(std::vector<Entry>& out, size_t max) {
  TRY(read_pins(max));
  bool pins_end = next_pin_ == pins_.size();
  TRY(read_rows(max));
  for (size_t given = 0; given < max; ++given) {
    bool has_row = next_row_ < rows_.size();
    bool has_pin = next_pin_ < pins_.size();
    // Where one stream's page ends that is not its last, the other cannot go on.
    if ((!has_row && !rows_end_) || (!has_pin && !pins_end) || (!has_row && !has_pin)) break;
    Entry entry;
    auto order = !has_row   ? std::strong_ordering::less
                 : !has_pin ? std::strong_ordering::greater
                            : pins_[next_pin_].pin.cid <=> rows_[next_row_].cid;
    if (order <= 0) {
      entry.cid = pins_[next_pin_].pin.cid;
      entry.pin = std::move(pins_[next_pin_++]);
    }
    if (order >= 0) {
      entry.cid = std::move(rows_[next_row_].cid);
      entry.row = std::move(rows_[next_row_++].row);
    }
    last_ = entry.cid;
    out.push_back(std::move(entry));
  }
  done_ = pins_end && rows_end_ && next_pin_ == pins_.size() && next_row_ == rows_.size();
  return {};
}

std::string MergeReader::token(const ipld::Cid& last) const {
  return done_ && last == last_ ? std::string() : encode_token('m', before_pins_, last);
}

// --- with a filter

bool is_indexed(model::StatusSet filter) {
  return filter.within(kFromTable | kPinning | kUnpinning | model::StatusSet(kUnpinned));
}

Result<std::unique_ptr<StatusReader>> StatusReader::open(const Table& table, model::StatusSet filter,
                                                         const std::string& token) {
  std::unique_ptr<StatusReader> reader(new StatusReader(table, filter));
  if (!is_indexed(filter)) {
    TRY_ASSIGN(reader->merge_, MergeReader::open(table, filter, token));
  } else if (!token.empty()) {
    TRY_ASSIGN(Token from, decode_token('i', token));
    reader->last_ = std::move(from.last);
  }
  return reader;
}

Result<bool> StatusReader::matches(Entry& entry, const RunningMap& running) const {
  auto wish = [&] { return entry.pin ? wish_of(entry.pin->pin, table_.self()) : Wish{}; };
  if (!agree(wish(), entry.row ? &*entry.row : nullptr)) {
    TRY(reread(entry, table_));
    if (!entry.pin && !entry.row) return false;  // gone meanwhile
  }
  auto it = running.empty() ? running.end() : running.find(entry.cid);
  auto status = status_of(wish(), entry.row ? &*entry.row : nullptr, it == running.end() ? nullptr : &it->second);
  return filter_.has(status);
}

Result<> StatusReader::next_merged(std::vector<Entry>& out, size_t max, const RunningMap& running) {
  size_t start = out.size();
  TRY(merge_->next(out, max));
  size_t kept = start;
  for (size_t i = start; i < out.size(); ++i) {
    TRY_ASSIGN(bool match, matches(out[i], running));
    last_ = out[i].cid;
    if (!match) continue;
    if (kept != i) out[kept] = std::move(out[i]);
    ++kept;
  }
  out.resize(kept);
  done_ = merge_->done();
  return {};
}

Result<> StatusReader::next_indexed(std::vector<Entry>& out, size_t max, const RunningMap& running) {
  std::vector<ipld::Cid> cids;
  model::StatusSet in_table(filter_.bits & kFromTable.bits);
  if (!in_table.all()) {
    TRY_ASSIGN(cids, table_.indexed_after(in_table, last_, max));
  }
  bool whole = cids.size() < max;
  if (filter_.has(kPinning) || filter_.has(kUnpinning)) {
    size_t sorted = cids.size();
    for (const auto& [cid, what] : running) {
      if (cid > last_ && (whole || cid <= cids[sorted - 1])) cids.push_back(cid);
    }
    std::sort(cids.begin(), cids.end());
    cids.erase(std::unique(cids.begin(), cids.end()), cids.end());
    if (cids.size() > max) {
      cids.resize(max);
      whole = false;
    }
  }
  TRY_ASSIGN(auto entries, read_entries(cids, table_));
  for (auto& entry : entries) {
    TRY_ASSIGN(bool match, matches(entry, running));
    if (match) out.push_back(std::move(entry));
  }
  if (!cids.empty()) last_ = cids.back();
  done_ = whole;
  return {};
}

Result<> StatusReader::next(std::vector<Entry>& out, size_t max, const RunningMap& running) {
  if (done_) return {};
  return merge_ ? next_merged(out, max, running) : next_indexed(out, max, running);
}

std::string StatusReader::token() const {
  if (done_) return {};
  if (merge_) return merge_->token(last_);
  return encode_token('i', {}, last_);
}

}  // namespace ipfsc::tracker
