// raft_core: the Raft state machine of raft-rs behind a C interface. No I/O, no clock, no threads, no random source of
// its own: time comes in as ticks, peers as message bytes, and what is to be written, sent and applied comes out as values.
//
// Rules
//  * A node is used by one thread at a time.
//  * Bytes handed in are copied before the call returns. Bytes, arrays and texts handed out belong to the node and stay
//    valid until the next call with this node that is not one of the two marked [keeps].
//  * The storage callbacks run inside the calls, on the caller's thread, and must not call back into the node (except the
//    sinks, which exist only for them).
//  * Calls that return int answer RC_OK or another RC_ code; rc_last_error() then says what was wrong.
//  * A broken invariant (our own bug) ends the process with a message; it never unwinds into the caller.
//
// The cycle:  while (rc_has_ready(n)) { rc_take_ready(n, &r);  stage r.entries and r.snapshot where the storage callbacks
// see them;  rc_advance(n);  send r.messages;  hand r to the writer;  apply r.committed, then rc_applied(n, index); }
// When the writer has made ready number k (and all before) durable: send its persisted_messages, rc_persisted(n, k), and
// look for rc_has_ready again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rc_node rc_node;
typedef struct rc_entry_sink rc_entry_sink;
typedef struct rc_snapshot_sink rc_snapshot_sink;

enum rc_code {
  RC_OK = 0,
  RC_INVALID = 1,                ///< malformed message, unknown peer, impossible configuration
  RC_NOT_LEADER = 2,             ///< only a leader can do this
  RC_DROPPED = 3,                ///< refused now: leadership is being transferred, or too much is uncommitted
  RC_LOG_LOST = 4,               ///< the message proves that this node lost or changed a part of its log that was committed
  RC_COMPACTED = 10,             ///< storage: that part of the log was truncated
  RC_UNAVAILABLE = 11,           ///< storage: no such entry
  RC_SNAPSHOT_UNAVAILABLE = 12,  ///< storage: no snapshot at the moment, ask again later
  RC_FAILED = 13,                ///< storage: reading failed
};

enum rc_role { RC_FOLLOWER = 0, RC_CANDIDATE = 1, RC_LEADER = 2, RC_PRE_CANDIDATE = 3 };
enum rc_entry_type { RC_ENTRY_NORMAL = 0, RC_ENTRY_CONF_CHANGE = 1, RC_ENTRY_CONF_CHANGE_V2 = 2 };
enum rc_change_type { RC_ADD_VOTER = 0, RC_REMOVE = 1, RC_ADD_LEARNER = 2 };

typedef struct {
  const uint8_t* data;  // may be null when size is 0
  size_t size;
} rc_bytes;

typedef struct {
  const uint64_t* ids;
  size_t count;
} rc_ids;

typedef struct {
  uint64_t term;
  uint64_t vote;
  uint64_t commit;
} rc_hard_state;

typedef struct {
  rc_ids voters;
  rc_ids learners;
  rc_ids voters_outgoing;  // not empty while two configurations are joint
  rc_ids learners_next;
  bool auto_leave;
} rc_conf_state;

typedef struct {
  uint64_t index;
  uint64_t term;
  uint32_t type;  // rc_entry_type
  rc_bytes data;
  rc_bytes context;
} rc_entry;

typedef struct {
  uint64_t index;
  uint64_t term;
  rc_conf_state conf;
  rc_bytes data;  // the caller's own: a manifest
} rc_snapshot;

// Where the log is read. `first_index` is 1 + the index up to which it was truncated; `last_index` is that index when the log
// is empty. `term` must answer for [first_index - 1, last_index]. `entries` gives [low, high) to the sink in order, at
// least one, and stops before the sum of the sizes passes max_bytes.
typedef struct {
  void* self;
  int (*entries)(void* self, uint64_t low, uint64_t high, uint64_t max_bytes, rc_entry_sink* sink);
  int (*term)(void* self, uint64_t index, uint64_t* term);
  uint64_t (*first_index)(void* self);
  uint64_t (*last_index)(void* self);
  int (*snapshot)(void* self, uint64_t at_least, uint64_t to, rc_snapshot_sink* sink);
} rc_storage;

void rc_sink_entry(rc_entry_sink* sink, const rc_entry* entry);
void rc_sink_snapshot(rc_snapshot_sink* sink, const rc_snapshot* snapshot);

// level: 1 debug, 2 info, 3 warning, 4 error.
typedef void (*rc_log_function)(void* self, int level, const char* text, size_t size);

typedef struct {
  uint64_t id;               // not 0, never used by another peer of the cluster, ever
  uint32_t election_ticks;   // the timeout is drawn from [election_ticks, 2 * election_ticks)
  uint32_t heartbeat_ticks;  // less than election_ticks
  uint64_t applied;          // what the state machine has applied
  uint64_t max_message_bytes;
  uint64_t max_inflight_messages;
  uint64_t max_uncommitted_bytes;      // proposals beyond are dropped; 0 = no limit
  uint64_t max_committed_ready_bytes;  // bound of the committed entries of one ready; 0 = no limit
  bool pre_vote;
  bool check_quorum;
  uint64_t seed;  // of the election timeouts: same seed, same inputs, same outputs
  rc_hard_state hard_state;
  rc_conf_state conf;  // the configuration at `applied`
  rc_storage storage;
  rc_log_function log;  // may be null
  void* log_self;
} rc_config;

// Null on failure, with the reason in `error` (cut to fit, always ended by a zero).
rc_node* rc_create(const rc_config* config, char* error, size_t error_size);
void rc_destroy(rc_node* node);
const char* rc_last_error(const rc_node* node);  // [keeps]

// One unit of time has passed.
void rc_tick(rc_node* node);
// A message of a peer, as its `data` left that peer.
int rc_step(rc_node* node, rc_bytes message);
// Starts an election at once.
int rc_campaign(rc_node* node);
// Appends an entry (leader only); says where it stands in the log if it is ever committed.
int rc_propose(rc_node* node, rc_bytes data, uint64_t* index, uint64_t* term);

typedef struct {
  uint32_t type;  // rc_change_type
  uint64_t id;
} rc_change;

// One change is made directly, several through a joint configuration which ends by itself. `context` is the entry's.
int rc_propose_conf_change(rc_node* node, const rc_change* changes, size_t count, rc_bytes context, uint64_t* index, uint64_t* term);
// When a committed entry of a conf change type is applied; `conf` is the configuration from then on.
int rc_apply_conf_change(rc_node* node, const rc_entry* entry, rc_conf_state* conf);
// Hands leadership to a voter when it has caught up. Given up after one election timeout.
int rc_transfer_leader(rc_node* node, uint64_t to);
void rc_report_unreachable(rc_node* node, uint64_t id);
void rc_report_snapshot(rc_node* node, uint64_t id, bool arrived);
// Asks for the index after which a read is linearizable; the answer is a read state with this context.
void rc_read_index(rc_node* node, rc_bytes context);

typedef struct {
  uint64_t to;
  uint32_t type;  // eraftpb.MessageType
  rc_bytes data;
} rc_message;

typedef struct {
  uint64_t index;
  rc_bytes context;
} rc_read_state;

typedef struct {
  uint64_t number;  // for rc_persisted
  bool must_sync;   // it has entries, a vote, a term or a snapshot: durable means fsync
  uint32_t role;    // rc_role, as it is now
  uint64_t leader;  // 0 = unknown
  bool has_hard_state;
  rc_hard_state hard_state;
  bool has_snapshot;  // replaces the whole log; the state machine is to be replaced before anything else is applied
  rc_snapshot snapshot;
  const rc_entry* entries;  // to append; an index that the log has already replaces that entry and drops all behind it
  size_t entry_count;
  const rc_message* messages;  // to send now
  size_t message_count;
  const rc_message* persisted_messages;  // to send when this ready is durable
  size_t persisted_message_count;
  const rc_entry* committed;  // to apply, in order; durable here already
  size_t committed_count;
  const rc_read_state* read_states;
  size_t read_state_count;
} rc_ready;

bool rc_has_ready(const rc_node* node);  // [keeps]
void rc_take_ready(rc_node* node, rc_ready* ready);
// What the last taken ready holds can now be read through the storage callbacks (it need not be durable).
void rc_advance(rc_node* node);
void rc_persisted(rc_node* node, uint64_t number);
// What the state machine has applied; also when a snapshot is in place, after the rc_persisted of its ready.
void rc_applied(rc_node* node, uint64_t index);

typedef struct {
  uint64_t id;
  uint64_t matched;
  uint64_t next;
  uint32_t state;  // 0 probing, 1 replicating, 2 waiting for a snapshot
  bool recently_active;
} rc_progress;

typedef struct {
  rc_hard_state hard_state;
  uint64_t leader;  // 0 = unknown
  uint32_t role;
  uint64_t applied;
  uint64_t last_index;
  uint64_t persisted;
  uint64_t transferring_to;  // 0 = no transfer under way
  rc_conf_state conf;
  const rc_progress* progress;  // on a leader: every member
  size_t progress_count;
} rc_status;

void rc_get_status(rc_node* node, rc_status* status);

typedef struct {
  uint32_t type;
  uint64_t from;
  uint64_t to;
  uint64_t term;
  uint64_t index;
  uint64_t log_term;
  uint64_t commit;
  bool reject;
  size_t entry_count;
  bool has_snapshot;
  rc_snapshot snapshot;
} rc_message_info;

// Reads a message without stepping it.
int rc_inspect(rc_node* node, rc_bytes message, rc_message_info* info);

#ifdef __cplusplus
}
#endif
