//! raft-rs' view of the log, answered by the caller's callbacks.

use raft::eraftpb::{Entry, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use crate::types::*;

pub struct CallbackStorage {
    pub callbacks: RcStorage,
    /// As they were when the node was created; raft-rs asks once.
    pub initial: RaftState,
}

fn error(code: i32) -> Error {
    Error::Store(match code {
        RC_COMPACTED => StorageError::Compacted,
        RC_UNAVAILABLE => StorageError::Unavailable,
        RC_SNAPSHOT_UNAVAILABLE => StorageError::SnapshotTemporarilyUnavailable,
        _ => StorageError::Other(format!("storage callback answered {code}").into()),
    })
}

impl Storage for CallbackStorage {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(self.initial.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        let mut sink = EntrySink(Vec::new());
        let limit = max_size.into().unwrap_or(u64::MAX);
        let code = (self.callbacks.entries)(self.callbacks.this, low, high, limit, &mut sink);
        match code {
            RC_OK => Ok(sink.0),
            // For sending: the follower gets a snapshot, or nothing this time.
            RC_COMPACTED if context.can_async() => Err(error(RC_COMPACTED)),
            _ if context.can_async() => Err(Error::Store(StorageError::LogTemporarilyUnavailable)),
            // raft-rs would end the process. The caller knows of the failure and stops the node by itself; until then
            // nothing is handed out.
            _ => Ok(Vec::new()),
        }
    }

    fn term(&self, index: u64) -> Result<u64> {
        let mut term = 0;
        match (self.callbacks.term)(self.callbacks.this, index, &mut term) {
            RC_OK => Ok(term),
            code => Err(error(code)),
        }
    }

    fn first_index(&self) -> Result<u64> {
        Ok((self.callbacks.first_index)(self.callbacks.this))
    }

    fn last_index(&self) -> Result<u64> {
        Ok((self.callbacks.last_index)(self.callbacks.this))
    }

    fn snapshot(&self, request_index: u64, to: u64) -> Result<Snapshot> {
        let mut sink = SnapshotSink(None);
        match (self.callbacks.snapshot)(self.callbacks.this, request_index, to, &mut sink) {
            RC_OK => sink.0.ok_or_else(|| error(RC_SNAPSHOT_UNAVAILABLE)),
            _ => Err(error(RC_SNAPSHOT_UNAVAILABLE)),
        }
    }
}
