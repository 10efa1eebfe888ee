// The npm package @nftstorage/ipfs-cluster against the REST API of one peer, or of a cluster of three.
import assert from 'node:assert/strict'
import buffer from 'node:buffer'
import { Cluster } from '@nftstorage/ipfs-cluster'
import { bytes, refusal, run, setting, until } from './cases.mjs'

globalThis.File ??= buffer.File // Node 18

const { api, ids, names, missing, origin, car } = setting
const cluster = new Cluster(api.href)
const alone = ids.length === 1
const file = (size, name) => new File([bytes(size)], name)
const sorted = list => [...list].sort()

/// The client takes an empty answer, 204, for an error.
async function statusAll (options) {
  return cluster.statusAll(options).catch(error => {
    assert.equal(error.message, 'Missing response body')
    return []
  })
}

async function pinned (cid, count = 1) {
  return until(async () => {
    const status = await cluster.status(cid)
    assert.equal(status.cid, cid)
    return Object.values(status.peerMap).filter(peer => peer.status === 'pinned').length >= count && status
  }, `${cid} is pinned`)
}

run({
  async version () {
    assert.match(await cluster.version(), /^1\.1\.\d+\+cpp/)
  },
  async info () {
    const info = await cluster.info()
    assert.equal(info.id, ids[0])
    assert.equal(info.peerName, names[0])
    assert.equal(info.rpcProtocolVersion, '/ipfscluster/1.0/rpc')
    assert.deepEqual(sorted(info.clusterPeers), sorted(ids))
    assert(info.addresses.length > 0 && info.ipfs.id)
    if (!alone) assert(info.clusterPeersAddresses.length > 0)
    assert.equal(info.error, '')
  },
  async 'info of all peers' () {
    const peers = await cluster.peerList()
    assert.deepEqual(sorted(peers.map(peer => peer.id)), sorted(ids))
    assert.deepEqual(sorted(peers.map(peer => peer.peerName)), sorted(names))
    assert(peers.every(peer => !peer.error && peer.ipfs.id && peer.version))
  },
  async 'add a file' () {
    const { cid, name, size, bytes: count } = await cluster.add(file(600_000, 'a file ü.txt'), {
      name: 'mine', metadata: { app: 'test', 'a key': 'ä & b' }, replicationFactorMin: 1, replicationFactorMax: 1
    })
    assert.match(cid, /^bafybei/)
    assert(name && size > 600_000 && !count, JSON.stringify({ name, size, count }))
    const pin = await cluster.allocation(cid)
    assert.equal(pin.name, 'mine')
    assert.deepEqual(pin.metadata, { app: 'test', 'a key': 'ä & b' })
    assert.equal(pin.mode, 'recursive')
    assert.equal(pin.type, 'pin')
    await pinned(cid)
  },
  async 'add a blob, streamed, of CID version 0' () {
    const { cid } = await cluster.add(new Blob([bytes()]), { streamChannels: true, cidVersion: 0, rawLeaves: false })
    assert.match(cid, /^Qm/)
    await pinned(cid)
  },
  async 'add locally and in other chunks' () {
    const data = new Blob([bytes(100_000)])
    const cids = new Set()
    for (const options of [{}, { chunker: 'size-1000' }, { local: true, chunker: 'size-2000' }]) {
      cids.add((await cluster.add(data, options)).cid)
    }
    assert.equal(cids.size, 3)
    for (const cid of cids) await pinned(cid)
  },
  async 'add a folder' () {
    const added = await cluster.addDirectory([file(1000, 'a.txt'), file(2000, 'b.txt')], { name: 'folder' })
    assert.deepEqual(added.map(item => item.name), ['a.txt', 'b.txt', ''])
    assert(added.every(item => item.cid && item.size))
    assert.equal((await cluster.allocation(added[2].cid)).name, 'folder')
    await pinned(added[2].cid)
  },
  async 'add a CAR' () {
    const blob = new Blob([Buffer.from(car.base64, 'base64')])
    const added = await cluster.addCAR(blob, { name: 'a car' })
    assert.equal(added.cid, car.cid)
    assert(added.bytes > 0)
    assert.equal((await cluster.allocation(car.cid)).name, 'a car')
    await pinned(car.cid)
    assert.match(await refusal(cluster.addCAR(new Blob(['no car']))), /^(400|500|422)/)
  },
  async 'pin with every option' () {
    const { cid } = await cluster.add(file(1000, 'x'))
    await cluster.unpin(cid)
    const expireAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
    const options = {
      name: 'all options', mode: 'recursive', replicationFactorMin: 1, replicationFactorMax: 1, shardSize: 1 << 20,
      userAllocations: [ids[ids.length - 1]], expireAt, metadata: { key: 'value' }, origins: [origin]
    }
    const answer = await cluster.pin(cid, options)
    const stored = await cluster.allocation(cid)
    for (const pin of [answer, stored]) {
      assert.equal(pin.cid, cid)
      assert.equal(pin.name, options.name)
      assert.equal(pin.mode, 'recursive')
      assert.equal(pin.replicationFactorMin, 1)
      assert.equal(pin.replicationFactorMax, 1)
      assert.deepEqual(pin.allocations, [ids[ids.length - 1]])
      assert.equal(pin.expireAt.getTime(), expireAt.getTime())
      assert.deepEqual(pin.metadata, { key: 'value' })
      assert.equal(pin.maxDepth, -1)
      assert.equal(pin.type, 'pin')
      assert.equal(pin.pinUpdate, null)
      assert.equal(pin.reference, null)
    }
    assert.deepEqual(answer.userAllocations, [ids[ids.length - 1]])
    const status = await pinned(cid)
    assert.deepEqual(sorted(Object.keys(status.peerMap)), sorted(ids))
    const holder = status.peerMap[ids[ids.length - 1]]
    assert.equal(holder.status, 'pinned')
    assert.equal(holder.peerName, names[ids.length - 1])
    assert(holder.ipfsPeerId && holder.timestamp instanceof Date && !isNaN(holder.timestamp) && holder.error === '')
    // It was on all of them before.
    if (!alone) await until(async () => (await cluster.status(cid)).peerMap[ids[0]].status === 'remote', 'the others let it go')
    await cluster.unpin(cid)
  },
  async 'pin as an update of another, and by a path' () {
    const one = (await cluster.add(file(1000, 'one'), { name: 'kept' })).cid
    const [inside, , folder] = await cluster.addDirectory([file(1000, 'in'), file(1000, 'out')])
    const updated = await cluster.pin(folder.cid, { pinUpdate: one })
    assert.equal(updated.pinUpdate, one)
    assert.equal((await cluster.pin(`/ipfs/${folder.cid}/in`)).cid, inside.cid)
    await pinned(inside.cid)
    assert.equal((await cluster.unpin(`/ipfs/${folder.cid}/in`)).cid, inside.cid)
    assert.match(await refusal(cluster.allocation(inside.cid)), /^404/)
  },
  async 'pin directly' () {
    const [, , { cid }] = await cluster.addDirectory([file(1000, 'in'), file(1000, 'out')])
    await cluster.unpin(cid)
    const pin = await cluster.pin(`/ipfs/${cid}`, { mode: 'direct' })
    assert.equal(pin.mode, 'direct')
    assert.equal(pin.maxDepth, 0)
    await pinned(cid)
    await cluster.unpin(cid)
  },
  async 'status: one, all, filtered, named, local' () {
    const { cid } = await cluster.add(file(1000, 'y'), { name: 'status' })
    await pinned(cid, alone ? 1 : 3)
    const local = await cluster.status(cid, { local: true })
    assert.deepEqual(Object.keys(local.peerMap), [ids[0]])
    const all = await cluster.statusAll()
    const mine = all.find(status => status.cid === cid)
    assert.equal(mine.name, 'status')
    assert.deepEqual(sorted(Object.keys(mine.peerMap)), sorted(ids))
    const pinnedHere = await cluster.statusAll({ filter: ['pinned', 'pinning'], local: true })
    assert(pinnedHere.some(status => status.cid === cid))
    assert(pinnedHere.every(status => Object.keys(status.peerMap).join() === ids[0]))
    assert.deepEqual(await statusAll({ filter: ['unpin_error'] }), [])
    assert.deepEqual((await cluster.statusAll({ cids: [cid] })).map(status => status.cid), [cid])
  },
  async 'status and recovery of what nobody has' () {
    await cluster.pin(missing)
    const waiting = await until(async () => (await statusAll({ filter: ['pinning', 'pin_queued', 'pin_error'] }))
      .find(status => status.cid === missing), 'it is seen to be waiting')
    assert(Object.values(waiting.peerMap).every(peer => ['pinning', 'pin_queued', 'pin_error'].includes(peer.status)))
    assert.equal((await cluster.recover(missing)).cid, missing)
    assert.deepEqual(Object.keys((await cluster.recover(missing, { local: true })).peerMap), [ids[0]])
    await cluster.unpin(missing)
    const gone = await cluster.status(missing)
    assert(Object.values(gone.peerMap).every(peer => /unpin/.test(peer.status)), JSON.stringify(gone))
  },
  async 'metric names' () {
    const metrics = await cluster.metricNames()
    for (const name of ['ping', 'freespace']) assert(metrics.includes(name), metrics)
  },
  async 'requests can be ended' () {
    const controller = new AbortController()
    controller.abort()
    assert.match(await refusal(cluster.version({ signal: controller.signal })), /abort/)
  },
  async 'nonsense is refused' () {
    assert.match(await refusal(cluster.pin('nonsense')), /^400/)
    assert.match(await refusal(cluster.unpin(missing)), /^404/)
    assert.match(await refusal(cluster.statusAll({ filter: ['nonsense'] })), /^400/)
    assert.match(await refusal(cluster.add(file(10, 'x'), { chunker: 'nonsense' })), /^400/)
  }
})
