// How the log's database spells its keys and values (docs/formats.md, "raft/"). Persistent.
#pragma once

#include "base/result.h"
#include "consensus/raft/log_types.h"

namespace ipfsc::consensus::log_format {

// Family "entries": big-endian index → type byte, varint term, varint size of context, context, data.
Bytes entry_key(LogIndex index);
LogIndex index_of_key(ByteView key);
Bytes encode_entry(const LogEntry& entry);
Result<LogEntry> decode_entry(LogIndex index, ByteView value);

// Family "meta".
inline constexpr ByteView kIdentity = "identity";   // be32 format, be64 own raft id
inline constexpr ByteView kHardState = "hard";      // be64 term, vote, commit
inline constexpr ByteView kBase = "base";           // be64 index, term: the log begins behind it
inline constexpr ByteView kStarts = "starts";       // be64 number of starts of this log
inline constexpr ByteView kStateAhead = "ahead";    // be64 index: of a checkpoint that the state was replaced by
inline constexpr ByteView kTermPrefix = "term/";    // + be64 first index of the term → be64 term
inline constexpr ByteView kMarkPrefix = "size/";    // + be64 index → be64 bytes of all entries up to it
inline constexpr ByteView kConfPrefix = "conf/";    // + be64 index → configuration from there on
inline constexpr ByteView kMemberPrefix = "peer/";  // + be64 raft id → binary peer id

Bytes numbered(ByteView prefix, uint64_t number);
Bytes encode_numbers(std::initializer_list<uint64_t> numbers);
/// Exactly `count` numbers.
Result<std::vector<uint64_t>> decode_numbers(ByteView value, size_t count);
Bytes encode_conf(const ConfState& conf);
Result<ConfState> decode_conf(ByteView value);

}  // namespace ipfsc::consensus::log_format
