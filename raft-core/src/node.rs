//! A RawNode with what belongs to it: the ready being handed out and the memory behind the pointers.

use std::os::raw::{c_int, c_void};

use protobuf::Message as _;
use raft::eraftpb::{ConfState, Entry, Message, MessageType, Snapshot};
use raft::{Config, ProgressState, RaftState, RawNode, Ready, StateRole};

use crate::storage::CallbackStorage;
use crate::types::*;

/// The arrays that a `rc_ready` points to, and what their items point to.
#[derive(Default)]
pub struct ReadyMemory {
    entries: Vec<Entry>,
    committed: Vec<Entry>,
    snapshot: Snapshot,
    contexts: Vec<Vec<u8>>,
    encoded: Vec<Vec<u8>>,
    entry_views: Vec<RcEntry>,
    committed_views: Vec<RcEntry>,
    message_views: Vec<RcMessage>,
    persisted_views: Vec<RcMessage>,
    read_views: Vec<RcReadState>,
}

pub struct Node {
    pub raw: RawNode<CallbackStorage>,
    pub error: String,
    pub conf: ConfState,
    pub progress: Vec<RcProgress>,
    pub inspected: Message,
    ready: Option<Ready>,
    memory: ReadyMemory,
    seed: u64,
    elections: u64,
}

fn mix(mut x: u64) -> u64 {
    // splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

struct CallbackDrain {
    function: LogFunction,
    this: *mut c_void,
}
// The callback runs on the thread that calls the node, and no other.
unsafe impl Send for CallbackDrain {}
unsafe impl Sync for CallbackDrain {}
impl std::panic::UnwindSafe for CallbackDrain {}
impl std::panic::RefUnwindSafe for CallbackDrain {}

impl slog::Drain for CallbackDrain {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &slog::Record, _: &slog::OwnedKVList) -> Result<(), slog::Never> {
        let level = match record.level() {
            slog::Level::Critical | slog::Level::Error => 4,
            slog::Level::Warning => 3,
            slog::Level::Info => 2,
            _ => 1,
        };
        let text = record.msg().to_string();
        (self.function)(self.this, level, text.as_ptr().cast(), text.len());
        Ok(())
    }
}

pub fn role_number(role: StateRole) -> u32 {
    match role {
        StateRole::Follower => 0,
        StateRole::Candidate => 1,
        StateRole::Leader => 2,
        StateRole::PreCandidate => 3,
    }
}

fn no_limit(value: u64) -> u64 {
    if value == 0 {
        u64::MAX
    } else {
        value
    }
}

impl Node {
    /// # Safety
    /// The configuration's arrays are readable and its callbacks and their `self` outlive the node.
    pub unsafe fn create(config: &RcConfig) -> Result<Node, String> {
        let logger = match config.log {
            Some(function) => slog::Logger::root(CallbackDrain { function, this: config.log_self }, slog::o!()),
            None => slog::Logger::root(slog::Discard, slog::o!()),
        };
        let settings = Config {
            id: config.id,
            election_tick: config.election_ticks as usize,
            heartbeat_tick: config.heartbeat_ticks as usize,
            applied: config.applied,
            max_size_per_msg: config.max_message_bytes,
            max_inflight_msgs: config.max_inflight_messages as usize,
            check_quorum: config.check_quorum,
            pre_vote: config.pre_vote,
            max_uncommitted_size: no_limit(config.max_uncommitted_bytes),
            max_committed_size_per_ready: no_limit(config.max_committed_ready_bytes),
            ..Config::default()
        };
        settings.validate().map_err(|e| e.to_string())?;
        let storage = CallbackStorage {
            callbacks: config.storage,
            initial: RaftState::new(config.hard_state.value(), config.conf.value()),
        };
        let conf = storage.initial.conf_state.clone();
        let first = (config.storage.first_index)(config.storage.this);
        let last = (config.storage.last_index)(config.storage.this);
        let hard = config.hard_state;
        if hard.commit > last || (hard.commit != 0 && hard.commit + 1 < first) {
            return Err(format!("the log holds {first} to {last}, but {} was committed", hard.commit));
        }
        if config.applied > std::cmp::max(hard.commit, first - 1) || config.applied + 1 < first {
            return Err(format!(
                "{} is applied, but the log starts at {first} and {} was committed",
                config.applied, hard.commit
            ));
        }
        let raw = RawNode::new(&settings, storage, &logger).map_err(|e| e.to_string())?;
        let mut node = Node {
            raw,
            error: String::new(),
            conf,
            progress: Vec::new(),
            inspected: Message::default(),
            ready: None,
            memory: ReadyMemory::default(),
            seed: config.seed,
            elections: 0,
        };
        node.draw_timeout();
        Ok(node)
    }

    /// raft-rs draws election timeouts from the thread's random source. Overwritten after each call by a function of
    /// (seed, id, term, elections begun), they are the same in every run.
    pub fn draw_timeout(&mut self) {
        let raft = &mut self.raw.raft;
        let ticks = raft.election_timeout() as u64;
        let drawn = mix(self.seed ^ mix(raft.id ^ mix(raft.term ^ mix(self.elections)))) % ticks;
        raft.set_randomized_election_timeout((ticks + drawn) as usize);
    }

    /// A snapshot replaced the log and the caller has not yet said that it is applied. raft-rs cannot begin an election then:
    /// it would read the entries between.
    pub fn restoring(&self) -> bool {
        let log = &self.raw.raft.raft_log;
        log.unstable_snapshot().is_none() && log.applied + 1 < log.first_index()
    }

    pub fn tick(&mut self) {
        if self.restoring() {
            return;
        }
        let leader = self.raw.raft.state == StateRole::Leader;
        if self.raw.tick() && !leader {
            self.elections += 1;
        }
        self.draw_timeout();
    }

    pub fn fail(&mut self, code: c_int, text: impl Into<String>) -> c_int {
        self.error = text.into();
        code
    }

    pub fn step(&mut self, bytes: &[u8]) -> c_int {
        let mut message = Message::default();
        if let Err(e) = message.merge_from_bytes(bytes) {
            return self.fail(RC_INVALID, format!("malformed message: {e}"));
        }
        if message.get_msg_type() == MessageType::MsgPropose {
            return self.fail(RC_INVALID, "proposals do not travel as messages");
        }
        if message.get_msg_type() == MessageType::MsgTimeoutNow && self.restoring() {
            return self.fail(RC_DROPPED, "a snapshot is being restored");
        }
        if let Some(reason) = self.proof_of_loss(&message) {
            return self.fail(RC_LOG_LOST, reason);
        }
        let result = self.raw.step(message);
        self.draw_timeout();
        match result {
            Ok(()) => RC_OK,
            Err(e) => self.fail(RC_INVALID, e.to_string()),
        }
    }

    /// raft-rs ends the process on these; a peer that lost its disk shall say so instead.
    fn proof_of_loss(&self, message: &Message) -> Option<String> {
        let raft = &self.raw.raft;
        if message.term < raft.term {
            return None;
        }
        match message.get_msg_type() {
            MessageType::MsgHeartbeat if message.commit > raft.raft_log.last_index() => Some(format!(
                "peer {} knows that this one had stored entry {}, but its log ends at {}",
                message.from,
                message.commit,
                raft.raft_log.last_index()
            )),
            MessageType::MsgAppend if raft.raft_log.match_term(message.index, message.log_term) => {
                let conflict = raft.raft_log.find_conflict(&message.entries);
                (conflict != 0 && conflict <= raft.raft_log.committed)
                    .then(|| format!("entry {conflict} of peer {} differs from the one committed here", message.from))
            }
            _ => None,
        }
    }

    pub fn take_ready(&mut self) -> RcReady {
        let mut ready = self.raw.ready();
        let memory = &mut self.memory;
        *memory = ReadyMemory::default();
        memory.snapshot = ready.snapshot().clone();
        memory.entries = ready.take_entries();
        memory.committed = ready.take_committed_entries();
        let reads = ready.take_read_states();
        memory.contexts = reads.iter().map(|r| r.request_ctx.clone()).collect();
        memory.read_views = reads
            .iter()
            .zip(&memory.contexts)
            .map(|(r, context)| RcReadState { index: r.index, context: RcBytes::of(context) })
            .collect();
        memory.entry_views = memory.entries.iter().map(RcEntry::of).collect();
        memory.committed_views = memory.committed.iter().map(RcEntry::of).collect();
        let now = ready.take_messages();
        let later = ready.take_persisted_messages();
        memory.encoded = now.iter().chain(&later).map(|m| m.write_to_bytes().expect("encoding a message")).collect();
        let view = |(m, bytes): (&Message, &Vec<u8>)| RcMessage {
            to: m.to,
            kind: m.get_msg_type() as u32,
            data: RcBytes::of(bytes),
        };
        memory.message_views = now.iter().zip(&memory.encoded).map(view).collect();
        memory.persisted_views = later.iter().zip(&memory.encoded[now.len()..]).map(view).collect();
        let out = RcReady {
            number: ready.number(),
            must_sync: ready.must_sync(),
            role: role_number(self.raw.raft.state),
            leader: self.raw.raft.leader_id,
            has_hard_state: ready.hs().is_some(),
            hard_state: ready.hs().map_or(RcHardState { term: 0, vote: 0, commit: 0 }, RcHardState::of),
            has_snapshot: !memory.snapshot.is_empty(),
            snapshot: RcSnapshot::of(&memory.snapshot),
            entries: memory.entry_views.as_ptr(),
            entry_count: memory.entry_views.len(),
            messages: memory.message_views.as_ptr(),
            message_count: memory.message_views.len(),
            persisted_messages: memory.persisted_views.as_ptr(),
            persisted_message_count: memory.persisted_views.len(),
            committed: memory.committed_views.as_ptr(),
            committed_count: memory.committed_views.len(),
            read_states: memory.read_views.as_ptr(),
            read_state_count: memory.read_views.len(),
        };
        self.ready = Some(ready);
        out
    }

    pub fn advance(&mut self) {
        let ready = self.ready.take().expect("rc_advance without rc_take_ready");
        self.memory = ReadyMemory::default();
        self.raw.advance_append_async(ready);
    }

    pub fn fill_progress(&mut self) {
        let raft = &self.raw.raft;
        self.conf = raft.prs().conf().to_conf_state();
        self.progress.clear();
        if raft.state == StateRole::Leader {
            self.progress.extend(raft.prs().iter().map(|(id, p)| RcProgress {
                id: *id,
                matched: p.matched,
                next: p.next_idx,
                state: match p.state {
                    ProgressState::Probe => 0,
                    ProgressState::Replicate => 1,
                    ProgressState::Snapshot => 2,
                },
                recently_active: p.recent_active,
            }));
            self.progress.sort_by_key(|p| p.id);
        }
    }
}
