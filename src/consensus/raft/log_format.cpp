#include "consensus/raft/log_format.h"

namespace ipfsc::consensus::log_format {
namespace {

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorKind::kDataLoss, "the log's database has a damaged " + std::string(what));
}

void append_ids(Bytes& out, const std::vector<RaftId>& ids) {
  append_varint(out, ids.size());
  for (RaftId id : ids) append_varint(out, id);
}

Result<std::vector<RaftId>> take_ids(ByteView& in) {
  TRY_ASSIGN(uint64_t count, take_varint(in));
  if (count > in.size()) return damaged("configuration");
  std::vector<RaftId> ids;
  for (uint64_t i = 0; i < count; ++i) {
    TRY_ASSIGN(RaftId id, take_varint(in));
    ids.push_back(id);
  }
  return ids;
}

}  // namespace

Bytes numbered(ByteView prefix, uint64_t number) {
  Bytes key(prefix);
  append_be64(key, number);
  return key;
}

Bytes entry_key(LogIndex index) { return numbered({}, index.value); }

LogIndex index_of_key(ByteView key) { return LogIndex(key.size() < 8 ? 0 : read_be64(key.data() + key.size() - 8)); }

Bytes encode_entry(const LogEntry& entry) {
  Bytes out;
  out.reserve(entry.data.size() + entry.context.size() + 16);
  out.push_back(static_cast<char>(entry.type));
  append_varint(out, entry.term.value);
  append_varint(out, entry.context.size());
  out += entry.context;
  out += entry.data;
  return out;
}

Result<LogEntry> decode_entry(LogIndex index, ByteView value) {
  if (value.empty() || static_cast<uint8_t>(value[0]) > 2) return damaged("entry");
  LogEntry entry{.index = index, .type = static_cast<EntryType>(value[0])};
  value.remove_prefix(1);
  auto term = take_varint(value);
  auto context_size = term ? take_varint(value) : term;
  if (!context_size || *context_size > value.size()) return damaged("entry");
  entry.term = Term(*term);
  entry.context = value.substr(0, *context_size);
  entry.data = value.substr(*context_size);
  return entry;
}

Bytes encode_numbers(std::initializer_list<uint64_t> numbers) {
  Bytes out;
  for (uint64_t number : numbers) append_be64(out, number);
  return out;
}

Result<std::vector<uint64_t>> decode_numbers(ByteView value, size_t count) {
  if (value.size() != 8 * count) return damaged("number");
  std::vector<uint64_t> out;
  for (size_t i = 0; i < count; ++i) out.push_back(read_be64(value.data() + 8 * i));
  return out;
}

Bytes encode_conf(const ConfState& conf) {
  Bytes out;
  append_ids(out, conf.voters);
  append_ids(out, conf.learners);
  append_ids(out, conf.voters_outgoing);
  append_ids(out, conf.learners_next);
  out.push_back(conf.auto_leave ? 1 : 0);
  return out;
}

Result<ConfState> decode_conf(ByteView value) {
  ConfState conf;
  for (auto* ids : {&conf.voters, &conf.learners, &conf.voters_outgoing, &conf.learners_next}) {
    auto taken = take_ids(value);
    if (!taken) return damaged("configuration");
    *ids = *std::move(taken);
  }
  if (value.size() != 1) return damaged("configuration");
  conf.auto_leave = value[0] != 0;
  return conf;
}

}  // namespace ipfsc::consensus::log_format
