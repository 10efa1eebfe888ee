// The npm package ipfs-cluster-api against the REST API of one peer, or of a cluster of three.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import ipfsCluster from 'ipfs-cluster-api'
import { bytes, refusal, run, setting, until } from './cases.mjs'

const { api, ids, names, missing } = setting
const cluster = ipfsCluster(api.hostname, api.port, { protocol: 'http' })
const alone = ids.length === 1
const pinsByName = async name => (await list(cluster.pin.ls())).filter(pin => pin.name === name)

/// The client parses a streamed answer as one value, so it can read lists of at most one thing; a longer one is read here.
async function list (promise) {
  const lines = await promise.catch(() => null)
  if (lines === undefined) return []
  if (lines) return [lines]
  const answer = await fetch(`http://${api.hostname}:${api.port}/allocations`)
  return (await answer.text()).trim().split('\n').map(line => JSON.parse(line))
}

/// Adds and returns the root's CID. The client looks for a CID in a form of before 2020, so the pinset is asked. It
/// leaves out of its answer what has no name.
async function add (content, options = {}) {
  const name = `name-${bytes(8).join('')}`
  const added = await cluster.add(content, { ...options, name })
  if (Array.isArray(content)) assert(added.length > 0 && added.every(item => item.size > 0), JSON.stringify(added))
  const pins = await pinsByName(name)
  assert.equal(pins.length, 1)
  return pins[0].cid
}

async function pinned (cid) {
  return until(async () => {
    const status = await cluster.status(cid)
    assert.equal(status.cid, cid)
    return Object.values(status.peer_map).some(peer => peer.status === 'pinned') && status
  }, `${cid} is pinned`)
}

run({
  async version () {
    assert.match((await cluster.version()).version, /^1\.1\.\d+\+cpp/)
  },
  async id () {
    const id = await cluster.id()
    assert.equal(id.id, ids[0])
    assert.equal(id.peername, names[0])
    assert(id.addresses.length > 0 && id.ipfs.id && !id.ipfs.error)
    assert.deepEqual([...id.cluster_peers].sort(), [...ids].sort())
  },
  async callbacks () {
    const id = await new Promise((resolve, reject) => cluster.id((error, value) => error ? reject(error) : resolve(value)))
    assert.equal(id.id, ids[0])
  },
  async peers () {
    if (alone) assert.equal((await cluster.peers.ls()).id, ids[0])
  },
  async 'add a buffer, a stream, objects with paths' () {
    await pinned(await add(Buffer.from(bytes(600_000))))
    await pinned(await add(Readable.from([Buffer.from(bytes(300_000)), Buffer.from(bytes(300_000))])))
    await pinned(await add([{ path: 'folder/a', content: Buffer.from(bytes()) },
      { path: 'folder/sub/b ü', content: Readable.from([Buffer.from(bytes())]) }]))
  },
  async 'add wrapped in a folder' () {
    const name = `folder-${bytes(8).join('')}`
    const added = await cluster.add([{ path: 'top/a', content: Buffer.from('x') }], { name, wrapWithDirectory: true })
    assert.deepEqual(added.map(item => item.path), ['top/a', 'top']) // the wrapping folder has no name
    await pinned((await pinsByName(name))[0].cid)
  },
  async 'add with options' () {
    const cid = await add(Buffer.from(bytes()), { cidVersion: 1, rawLeaves: true, 'replication-min': 1, 'replication-max': 1 })
    assert.match(cid, /^bafkrei/)
    await pinned(cid)
    await cluster.pin.rm(cid)
  },
  async 'pin with options' () {
    const cid = await add(Buffer.from(bytes()))
    const pin = await cluster.pin.add(cid, {
      name: 'renamed', 'replication-min': 1, 'replication-max': 1, 'meta-app': 'me & you', 'expire-in': '1h'
    })
    assert.equal(pin.cid, cid)
    assert.equal(pin.name, 'renamed')
    assert.equal(pin.replication_factor_max, 1)
    assert.deepEqual(pin.metadata, { app: 'me & you' })
    assert(new Date(pin.expire_at) > Date.now())
    assert.equal(pin.allocations.length, 1)
    const status = await pinned(cid)
    assert.equal(status.name, 'renamed')
    const local = await cluster.status(cid, { local: true })
    assert.deepEqual(Object.keys(local.peer_map), [ids[0]])
    const recovered = await cluster.recover(cid, { local: false })
    assert.equal(recovered.cid, cid)
    const synced = await cluster.sync(cid)
    assert.equal(synced.cid, cid)
    const gone = await cluster.pin.rm(cid)
    assert.equal(gone.cid, cid)
    await refusal(cluster.pin.rm(cid))
  },
  async 'pin a path' () {
    const root = await add([{ path: 'd/a', content: Buffer.from(bytes()) }])
    const pin = await cluster.pin.add(`ipfs/${root}/a`, { name: 'inside' })
    assert.notEqual(pin.cid, root)
    await pinned(pin.cid)
    assert.equal((await cluster.pin.rm(`ipfs/${root}/a`)).cid, pin.cid)
  },
  async 'nonsense is refused' () { // the client does not find the message
    await refusal(cluster.add(Buffer.from('x'), { hashAlg: 'nonsense', cidVersion: 1 }))
    await refusal(cluster.peers.rm('nonsense'))
    await refusal(cluster.pin.add('nonsense'))
    await refusal(cluster.status(null, { filter: 'nonsense' }))
  },
  async 'status with filters, recover and lists of one' () {
    if (!alone) return
    for (const { cid } of await list(cluster.pin.ls())) await cluster.pin.rm(cid)
    assert.equal(await cluster.pin.ls(), undefined)
    assert.equal(await cluster.recover(), undefined)
    const cid = await add(Buffer.from(bytes()))
    await pinned(cid)
    assert.equal((await cluster.pin.ls()).cid, cid)
    assert.equal((await cluster.pin.ls({ filter: 'pin' })).cid, cid)
    assert.equal((await cluster.status()).cid, cid)
    assert.equal((await cluster.status({ filter: 'pinned', local: true })).cid, cid)
    assert.equal(await cluster.status({ filter: 'error' }), undefined)
    await cluster.pin.add(missing)
    const waiting = await until(() => cluster.status({ filter: 'pinning,queued,pin_error' }), 'it is seen to be waiting')
    assert.equal(waiting.cid, missing)
    await cluster.pin.rm(missing)
  },
  async 'health and metrics' () {
    const graph = await cluster.health.graph()
    assert.equal(graph.cluster_id, ids[0])
    assert.deepEqual(Object.keys(graph.cluster_links).sort(), [...ids].sort())
    assert.equal(graph.id_to_peername[ids[0]], names[0])
    assert((await cluster.health.metrics('')).includes('freespace'))
    const metrics = await cluster.health.metrics('freespace')
    assert.deepEqual(metrics.map(metric => metric.peer).sort(), [...ids].sort())
    assert(metrics.every(metric => metric.valid && Number(metric.value) > 0))
  }
})
