//! raft-rs behind the C interface of `include/raft_core.h`, which has the rules on memory and threads.

// The generated message types are filled field by field.
#![allow(clippy::field_reassign_with_default, clippy::missing_safety_doc)]

mod node;
mod storage;
mod types;

use std::os::raw::{c_char, c_int};

use protobuf::Message as _;
use raft::eraftpb::{ConfChange, ConfChangeSingle, ConfChangeType, ConfChangeV2, Message};
use raft::raw_node::SnapshotStatus;
use raft::{Error, StateRole};

use node::Node;
use types::*;

#[no_mangle]
pub unsafe extern "C" fn rc_sink_entry(sink: *mut EntrySink, entry: *const RcEntry) {
    (*sink).0.push((*entry).value());
}

#[no_mangle]
pub unsafe extern "C" fn rc_sink_snapshot(sink: *mut SnapshotSink, snapshot: *const RcSnapshot) {
    (*sink).0 = Some((*snapshot).value());
}

#[no_mangle]
pub unsafe extern "C" fn rc_create(config: *const RcConfig, error: *mut c_char, error_size: usize) -> *mut Node {
    match Node::create(&*config) {
        Ok(node) => Box::into_raw(Box::new(node)),
        Err(text) => {
            if error_size > 0 {
                let size = text.len().min(error_size - 1);
                std::ptr::copy_nonoverlapping(text.as_ptr().cast(), error, size);
                *error.add(size) = 0;
            }
            std::ptr::null_mut()
        }
    }
}

#[no_mangle]
pub unsafe extern "C" fn rc_destroy(node: *mut Node) {
    if !node.is_null() {
        drop(Box::from_raw(node));
    }
}

#[no_mangle]
pub unsafe extern "C" fn rc_last_error(node: *mut Node) -> *const c_char {
    let node = &mut *node;
    if !node.error.ends_with('\0') {
        node.error.push('\0');
    }
    node.error.as_ptr().cast()
}

#[no_mangle]
pub unsafe extern "C" fn rc_tick(node: *mut Node) {
    (*node).tick();
}

#[no_mangle]
pub unsafe extern "C" fn rc_step(node: *mut Node, message: RcBytes) -> c_int {
    (*node).step(message.slice())
}

#[no_mangle]
pub unsafe extern "C" fn rc_campaign(node: *mut Node) -> c_int {
    let node = &mut *node;
    if node.restoring() {
        return node.fail(RC_DROPPED, "a snapshot is being restored");
    }
    let result = node.raw.campaign();
    node.draw_timeout();
    match result {
        Ok(()) => RC_OK,
        Err(e) => node.fail(RC_INVALID, e.to_string()),
    }
}

fn proposed(node: &mut Node, result: raft::Result<()>, index: *mut u64, term: *mut u64) -> c_int {
    match result {
        Ok(()) => {
            unsafe {
                *index = node.raw.raft.raft_log.last_index();
                *term = node.raw.raft.term;
            }
            RC_OK
        }
        Err(Error::ProposalDropped) => node.fail(RC_DROPPED, "the proposal was refused for now"),
        Err(e) => node.fail(RC_INVALID, e.to_string()),
    }
}

#[no_mangle]
pub unsafe extern "C" fn rc_propose(node: *mut Node, data: RcBytes, index: *mut u64, term: *mut u64) -> c_int {
    let node = &mut *node;
    if node.raw.raft.state != StateRole::Leader {
        return node.fail(RC_NOT_LEADER, "not the leader");
    }
    let result = node.raw.propose(Vec::new(), data.slice().to_vec());
    proposed(node, result, index, term)
}

#[no_mangle]
pub unsafe extern "C" fn rc_propose_conf_change(
    node: *mut Node,
    changes: *const RcChange,
    count: usize,
    context: RcBytes,
    index: *mut u64,
    term: *mut u64,
) -> c_int {
    let node = &mut *node;
    if node.raw.raft.state != StateRole::Leader {
        return node.fail(RC_NOT_LEADER, "not the leader");
    }
    if node.raw.raft.has_pending_conf() {
        return node.fail(RC_DROPPED, "another change of the members is under way");
    }
    let mut change = ConfChangeV2::default();
    for i in 0..count {
        let wanted = &*changes.add(i);
        let mut single = ConfChangeSingle::default();
        single.node_id = wanted.id;
        single.set_change_type(match wanted.kind {
            0 => ConfChangeType::AddNode,
            1 => ConfChangeType::RemoveNode,
            2 => ConfChangeType::AddLearnerNode,
            other => return node.fail(RC_INVALID, format!("no such change: {other}")),
        });
        change.mut_changes().push(single);
    }
    let result = node.raw.propose_conf_change(context.slice().to_vec(), change);
    proposed(node, result, index, term)
}

#[no_mangle]
pub unsafe extern "C" fn rc_apply_conf_change(node: *mut Node, entry: *const RcEntry, conf: *mut RcConfState) -> c_int {
    let node = &mut *node;
    let data = (*entry).data.slice();
    let mut change = ConfChangeV2::default();
    let read = if (*entry).kind == 1 {
        let mut old = ConfChange::default();
        old.merge_from_bytes(data).map(|()| change = raft_into_v2(old))
    } else {
        change.merge_from_bytes(data)
    };
    if let Err(e) = read {
        return node.fail(RC_INVALID, format!("malformed change of the members: {e}"));
    }
    let result = node.raw.apply_conf_change(&change);
    node.draw_timeout();
    match result {
        Ok(state) => {
            node.conf = state;
            *conf = RcConfState::of(&node.conf);
            RC_OK
        }
        Err(e) => node.fail(RC_INVALID, e.to_string()),
    }
}

fn raft_into_v2(change: ConfChange) -> ConfChangeV2 {
    let mut single = ConfChangeSingle::default();
    single.node_id = change.node_id;
    single.set_change_type(change.get_change_type());
    let mut out = ConfChangeV2::default();
    out.mut_changes().push(single);
    out.context = change.context;
    out
}

#[no_mangle]
pub unsafe extern "C" fn rc_transfer_leader(node: *mut Node, to: u64) -> c_int {
    let node = &mut *node;
    if node.raw.raft.state != StateRole::Leader {
        return node.fail(RC_NOT_LEADER, "not the leader");
    }
    if !node.raw.raft.prs().conf().voters().contains(to) {
        return node.fail(RC_INVALID, format!("{to} is not a voter"));
    }
    node.raw.transfer_leader(to);
    node.draw_timeout();
    RC_OK
}

#[no_mangle]
pub unsafe extern "C" fn rc_report_unreachable(node: *mut Node, id: u64) {
    (*node).raw.report_unreachable(id);
}

#[no_mangle]
pub unsafe extern "C" fn rc_report_snapshot(node: *mut Node, id: u64, arrived: bool) {
    let status = if arrived { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
    (*node).raw.report_snapshot(id, status);
}

#[no_mangle]
pub unsafe extern "C" fn rc_read_index(node: *mut Node, context: RcBytes) {
    (*node).raw.read_index(context.slice().to_vec());
}

#[no_mangle]
pub unsafe extern "C" fn rc_has_ready(node: *const Node) -> bool {
    (*node).raw.has_ready()
}

#[no_mangle]
pub unsafe extern "C" fn rc_take_ready(node: *mut Node, ready: *mut RcReady) {
    *ready = (*node).take_ready();
}

#[no_mangle]
pub unsafe extern "C" fn rc_advance(node: *mut Node) {
    (*node).advance();
}

#[no_mangle]
pub unsafe extern "C" fn rc_persisted(node: *mut Node, number: u64) {
    (*node).raw.on_persist_ready(number);
    (*node).draw_timeout();
}

#[no_mangle]
pub unsafe extern "C" fn rc_applied(node: *mut Node, index: u64) {
    (*node).raw.advance_apply_to(index);
}

#[no_mangle]
pub unsafe extern "C" fn rc_get_status(node: *mut Node, status: *mut RcStatus) {
    let node = &mut *node;
    node.fill_progress();
    let raft = &node.raw.raft;
    *status = RcStatus {
        hard_state: RcHardState::of(&raft.hard_state()),
        leader: raft.leader_id,
        role: node::role_number(raft.state),
        applied: raft.raft_log.applied,
        last_index: raft.raft_log.last_index(),
        persisted: raft.raft_log.persisted,
        transferring_to: raft.lead_transferee.unwrap_or(0),
        conf: RcConfState::of(&node.conf),
        progress: node.progress.as_ptr(),
        progress_count: node.progress.len(),
    };
}

#[no_mangle]
pub unsafe extern "C" fn rc_inspect(node: *mut Node, message: RcBytes, info: *mut RcMessageInfo) -> c_int {
    let node = &mut *node;
    node.inspected = Message::default();
    if let Err(e) = node.inspected.merge_from_bytes(message.slice()) {
        return node.fail(RC_INVALID, format!("malformed message: {e}"));
    }
    let m = &node.inspected;
    *info = RcMessageInfo {
        kind: m.get_msg_type() as u32,
        from: m.from,
        to: m.to,
        term: m.term,
        index: m.index,
        log_term: m.log_term,
        commit: m.commit,
        reject: m.reject,
        entry_count: m.entries.len(),
        has_snapshot: !m.get_snapshot().is_empty(),
        snapshot: RcSnapshot::of(m.get_snapshot()),
    };
    RC_OK
}
