//! The C structures of `include/raft_core.h`, field for field, and how they are filled from Rust values.

use std::os::raw::{c_char, c_int, c_void};

use raft::eraftpb::{ConfState, Entry, EntryType, HardState, Snapshot};

pub const RC_OK: c_int = 0;
pub const RC_INVALID: c_int = 1;
pub const RC_NOT_LEADER: c_int = 2;
pub const RC_DROPPED: c_int = 3;
pub const RC_LOG_LOST: c_int = 4;
pub const RC_COMPACTED: c_int = 10;
pub const RC_UNAVAILABLE: c_int = 11;
pub const RC_SNAPSHOT_UNAVAILABLE: c_int = 12;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcBytes {
    pub data: *const u8,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcIds {
    pub ids: *const u64,
    pub count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcHardState {
    pub term: u64,
    pub vote: u64,
    pub commit: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcConfState {
    pub voters: RcIds,
    pub learners: RcIds,
    pub voters_outgoing: RcIds,
    pub learners_next: RcIds,
    pub auto_leave: bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcEntry {
    pub index: u64,
    pub term: u64,
    pub kind: u32,
    pub data: RcBytes,
    pub context: RcBytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcSnapshot {
    pub index: u64,
    pub term: u64,
    pub conf: RcConfState,
    pub data: RcBytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RcStorage {
    pub this: *mut c_void,
    pub entries: extern "C" fn(*mut c_void, u64, u64, u64, *mut EntrySink) -> c_int,
    pub term: extern "C" fn(*mut c_void, u64, *mut u64) -> c_int,
    pub first_index: extern "C" fn(*mut c_void) -> u64,
    pub last_index: extern "C" fn(*mut c_void) -> u64,
    pub snapshot: extern "C" fn(*mut c_void, u64, u64, *mut SnapshotSink) -> c_int,
}

pub type LogFunction = extern "C" fn(*mut c_void, c_int, *const c_char, usize);

#[repr(C)]
pub struct RcConfig {
    pub id: u64,
    pub election_ticks: u32,
    pub heartbeat_ticks: u32,
    pub applied: u64,
    pub max_message_bytes: u64,
    pub max_inflight_messages: u64,
    pub max_uncommitted_bytes: u64,
    pub max_committed_ready_bytes: u64,
    pub pre_vote: bool,
    pub check_quorum: bool,
    pub seed: u64,
    pub hard_state: RcHardState,
    pub conf: RcConfState,
    pub storage: RcStorage,
    pub log: Option<LogFunction>,
    pub log_self: *mut c_void,
}

#[repr(C)]
pub struct RcChange {
    pub kind: u32,
    pub id: u64,
}

#[repr(C)]
pub struct RcMessage {
    pub to: u64,
    pub kind: u32,
    pub data: RcBytes,
}

#[repr(C)]
pub struct RcReadState {
    pub index: u64,
    pub context: RcBytes,
}

#[repr(C)]
pub struct RcReady {
    pub number: u64,
    pub must_sync: bool,
    pub role: u32,
    pub leader: u64,
    pub has_hard_state: bool,
    pub hard_state: RcHardState,
    pub has_snapshot: bool,
    pub snapshot: RcSnapshot,
    pub entries: *const RcEntry,
    pub entry_count: usize,
    pub messages: *const RcMessage,
    pub message_count: usize,
    pub persisted_messages: *const RcMessage,
    pub persisted_message_count: usize,
    pub committed: *const RcEntry,
    pub committed_count: usize,
    pub read_states: *const RcReadState,
    pub read_state_count: usize,
}

#[repr(C)]
pub struct RcProgress {
    pub id: u64,
    pub matched: u64,
    pub next: u64,
    pub state: u32,
    pub recently_active: bool,
}

#[repr(C)]
pub struct RcStatus {
    pub hard_state: RcHardState,
    pub leader: u64,
    pub role: u32,
    pub applied: u64,
    pub last_index: u64,
    pub persisted: u64,
    pub transferring_to: u64,
    pub conf: RcConfState,
    pub progress: *const RcProgress,
    pub progress_count: usize,
}

#[repr(C)]
pub struct RcMessageInfo {
    pub kind: u32,
    pub from: u64,
    pub to: u64,
    pub term: u64,
    pub index: u64,
    pub log_term: u64,
    pub commit: u64,
    pub reject: bool,
    pub entry_count: usize,
    pub has_snapshot: bool,
    pub snapshot: RcSnapshot,
}

/// What the storage callbacks fill.
pub struct EntrySink(pub Vec<Entry>);
pub struct SnapshotSink(pub Option<Snapshot>);

impl RcBytes {
    pub fn of(bytes: &[u8]) -> RcBytes {
        RcBytes { data: bytes.as_ptr(), size: bytes.len() }
    }

    /// # Safety
    /// `data` points to `size` readable bytes, or `size` is 0.
    pub unsafe fn slice<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(self.data, self.size)
        }
    }
}

impl RcIds {
    pub fn of(ids: &[u64]) -> RcIds {
        RcIds { ids: ids.as_ptr(), count: ids.len() }
    }

    /// # Safety
    /// `ids` points to `count` readable numbers, or `count` is 0.
    pub unsafe fn to_vec(self) -> Vec<u64> {
        if self.count == 0 {
            Vec::new()
        } else {
            std::slice::from_raw_parts(self.ids, self.count).to_vec()
        }
    }
}

impl RcHardState {
    pub fn of(state: &HardState) -> RcHardState {
        RcHardState { term: state.term, vote: state.vote, commit: state.commit }
    }

    pub fn value(self) -> HardState {
        let mut state = HardState::default();
        state.term = self.term;
        state.vote = self.vote;
        state.commit = self.commit;
        state
    }
}

impl RcConfState {
    pub fn of(conf: &ConfState) -> RcConfState {
        RcConfState {
            voters: RcIds::of(&conf.voters),
            learners: RcIds::of(&conf.learners),
            voters_outgoing: RcIds::of(&conf.voters_outgoing),
            learners_next: RcIds::of(&conf.learners_next),
            auto_leave: conf.auto_leave,
        }
    }

    /// # Safety
    /// Its arrays are readable.
    pub unsafe fn value(self) -> ConfState {
        let mut conf = ConfState::default();
        conf.voters = self.voters.to_vec();
        conf.learners = self.learners.to_vec();
        conf.voters_outgoing = self.voters_outgoing.to_vec();
        conf.learners_next = self.learners_next.to_vec();
        conf.auto_leave = self.auto_leave;
        conf
    }
}

impl RcEntry {
    pub fn of(entry: &Entry) -> RcEntry {
        RcEntry {
            index: entry.index,
            term: entry.term,
            kind: entry.entry_type as u32,
            data: RcBytes::of(&entry.data),
            context: RcBytes::of(&entry.context),
        }
    }

    /// # Safety
    /// Its bytes are readable.
    pub unsafe fn value(&self) -> Entry {
        let mut entry = Entry::default();
        entry.index = self.index;
        entry.term = self.term;
        entry.set_entry_type(match self.kind {
            1 => EntryType::EntryConfChange,
            2 => EntryType::EntryConfChangeV2,
            _ => EntryType::EntryNormal,
        });
        entry.data = self.data.slice().to_vec();
        entry.context = self.context.slice().to_vec();
        entry
    }
}

impl RcSnapshot {
    pub fn of(snapshot: &Snapshot) -> RcSnapshot {
        let meta = snapshot.get_metadata();
        RcSnapshot {
            index: meta.index,
            term: meta.term,
            conf: RcConfState::of(meta.get_conf_state()),
            data: RcBytes::of(&snapshot.data),
        }
    }

    /// # Safety
    /// Its bytes and arrays are readable.
    pub unsafe fn value(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.data = self.data.slice().to_vec();
        let meta = snapshot.mut_metadata();
        meta.index = self.index;
        meta.term = self.term;
        meta.set_conf_state(self.conf.value());
        snapshot
    }
}
