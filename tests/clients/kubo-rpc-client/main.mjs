// The npm package kubo-rpc-client against the IPFS proxy: over a Kubo, or over the embedded node.
import assert from 'node:assert/strict'
import { create, CID, globSource } from 'kubo-rpc-client'
import { bytes, refusal, run, setting, until } from './cases.mjs'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { proxy, api, kubo, pinning } = setting
const ipfs = create({ url: proxy })
const all = async source => { const list = []; for await (const item of source) list.push(item); return list }
const read = async path => Buffer.concat(await all(ipfs.cat(path)))
const pinset = async () => new Map((await (await fetch(`${api.href}/allocations`)).text()).trim().split('\n').filter(Boolean)
  .map(line => JSON.parse(line)).map(pin => [pin.cid, pin]))

/// The CIDs that wait to be pinned are not yet to be read from a Kubo's pins, but from the cluster's.
async function pinned (cid) {
  return until(async () => {
    const status = await (await fetch(`${api.href}/pins/${cid}`)).json()
    return Object.values(status.peer_map).some(peer => peer.status === 'pinned')
  }, `${cid} is pinned`)
}

run({
  async 'version and id' () {
    assert.match((await ipfs.version()).version, /^\d+\.\d+/)
    const id = await ipfs.id()
    assert.match(id.id.toString(), /^(12D3Koo|Qm)/)
    assert(id.agentVersion && Array.isArray(id.addresses))
    assert.equal(await ipfs.isOnline(), kubo) // it looks for addresses, of which the embedded node has none
  },
  async 'add bytes, a string, a stream' () {
    const data = bytes(600_000)
    const added = await ipfs.add(data)
    assert.equal(added.cid.version, 0)
    assert(added.size > 600_000)
    assert.equal(added.path, added.cid.toString())
    await pinned(added.cid)
    assert.deepEqual(await read(added.cid), Buffer.from(data))
    assert.deepEqual(await read(`/ipfs/${added.cid}`), Buffer.from(data))
    const part = Buffer.concat(await all(ipfs.cat(added.cid, { offset: 1000, length: 5 })))
    assert.deepEqual(part, Buffer.from(data.slice(1000, 1005)))
    assert.equal((await ipfs.add('a string', { cidVersion: 1 })).cid.toString().slice(0, 7), 'bafkrei')
    const streamed = await ipfs.add((async function * () { yield data.slice(0, 1000); yield data.slice(1000) })())
    assert.equal(streamed.cid.toString(), added.cid.toString())
  },
  async 'add with options' () {
    const data = bytes(10_000)
    const seen = []
    const { cid } = await ipfs.add({ path: 'folder/file.txt', content: data }, {
      cidVersion: 1, rawLeaves: true, chunker: 'size-1000', wrapWithDirectory: true, progress: count => seen.push(count), pin: true
    })
    await pinned(cid)
    assert.deepEqual(await read(`${cid}/folder/file.txt`), Buffer.from(data))
    const unpinned = await ipfs.add(bytes(), { pin: false })
    assert(!(await pinset()).has(unpinned.cid.toString()))
  },
  async 'add a folder' () {
    const folder = mkdtempSync(join(tmpdir(), 'client-'))
    try {
      mkdirSync(join(folder, 'sub'))
      writeFileSync(join(folder, 'a'), 'file a')
      writeFileSync(join(folder, 'sub', 'b ü'), 'file b')
      const added = await all(ipfs.addAll(globSource(folder, '**/*'), { wrapWithDirectory: true }))
      const root = added.find(item => item.path === '').cid
      assert.deepEqual(added.map(item => item.path).sort(), ['', 'a', 'sub', 'sub/b ü'])
      assert((await pinset()).has(root.toString()))
      assert.equal(String(await read(`${root}/sub/b ü`)), 'file b')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  async 'pin, list, update, unpin' () {
    const [one, two, three] = await Promise.all([1, 2, 3].map(async () => (await ipfs.add(bytes(), { pin: false })).cid))
    assert.equal((await ipfs.pin.add(one, { name: 'one' })).toString(), one.toString())
    assert.equal((await pinset()).get(one.toString()).name, 'one')
    await pinned(one)
    const [listed] = await all(ipfs.pin.ls({ paths: one, names: true }))
    assert.deepEqual([listed.cid.toString(), listed.type, listed.name], [one.toString(), 'recursive', 'one'])
    assert((await all(ipfs.pin.ls())).some(pin => pin.cid.equals(one)))
    assert.deepEqual((await all(ipfs.pin.ls({ name: 'one' }))).map(pin => pin.cid.toString()), [one.toString()])
    assert.deepEqual((await all(ipfs.pin.addAll([two, { cid: three, recursive: false }]))).map(String), [two, three].map(String))
    assert.equal((await pinset()).get(three.toString()).mode, 'direct')
    assert.deepEqual((await all(ipfs.pin.ls({ type: 'direct' }))).map(pin => pin.cid.toString()), [three.toString()])
    const next = (await ipfs.add(bytes(), { pin: false })).cid
    assert.deepEqual((await ipfs.pin.update(one, next)).map(String), [one, next].map(String))
    assert.equal((await ipfs.pin.rm(next)).toString(), next.toString())
    assert.deepEqual((await all(ipfs.pin.rmAll([two, three]))).map(String), [two, three].map(String))
    const left = await pinset()
    assert([one, two, three, next].every(cid => !left.has(cid.toString())))
    assert.match(await refusal(ipfs.pin.rm(one)), /not (part of the pinset|pinned)/)
    assert.match(await refusal(all(ipfs.pin.ls({ paths: one }))), /not pinned/)
  },
  async 'blocks' () {
    const cid = await ipfs.block.put(Buffer.from(`a block ${bytes(8).join('')}`), { pin: true })
    assert((await pinset()).has(cid.toString()))
    assert.match(String(Buffer.from(await ipfs.block.get(cid))), /^a block/)
    const root = (await ipfs.add({ path: 'd/a', content: 'x' }, { wrapWithDirectory: true })).cid
    assert.deepEqual((await ipfs.dag.get(root)).value.Links.map(link => link.Name), ['d'])
    const stat = await ipfs.block.stat(cid)
    assert.equal(stat.cid.toString(), cid.toString())
    assert(stat.size > 8)
    await ipfs.pin.rm(cid)
  },
  async 'repository' () {
    const stat = await ipfs.repo.stat()
    assert((kubo || stat.numObjects > 0n) && stat.repoSize > 0n && stat.storageMax > 0n)
    const garbage = (await ipfs.add(bytes(), { pin: false, cidVersion: 1 })).cid
    // What was added is kept for a moment, so that a pin that follows finds it.
    const end = Date.now() + 60_000
    for (let gone = false; !gone; await new Promise(resolve => setTimeout(resolve, 200))) {
      const removed = await all(ipfs.repo.gc())
      assert(removed.every(item => item.err === null), JSON.stringify(removed))
      gone = removed.some(item => CID.createV1(0x55, item.cid.multihash).equals(garbage))
      assert(gone || Date.now() < end, JSON.stringify(removed))
    }
  },
  async 'what Kubo alone can do' () {
    if (!kubo) {
      for (const command of [() => all(ipfs.ls(setting.empty)), () => ipfs.dag.put({}), () => ipfs.files.mkdir('/x')]) {
        assert.match(await refusal(command()), /embedded/)
      }
      return
    }
    const cid = await ipfs.dag.put({ hello: [1, 2, 3] }, { pin: true })
    assert((await pinset()).has(cid.toString()))
    assert.deepEqual((await ipfs.dag.get(cid)).value, { hello: [1, 2, 3] })
    await ipfs.files.write('/written', bytes(), { create: true })
    assert.equal((await ipfs.files.stat('/written')).size, 1000)
    assert.deepEqual((await all(ipfs.files.ls('/'))).map(entry => entry.name), ['written'])
    await ipfs.files.rm('/written')
    const root = (await ipfs.add({ path: 'd/a', content: 'x' }, { wrapWithDirectory: true })).cid
    assert.deepEqual((await all(ipfs.ls(`${root}/d`))).map(entry => entry.name), ['a'])
    assert((await all(ipfs.get(root))).length > 0)
    assert.equal((await ipfs.resolve(`/ipfs/${root}/d`)).slice(0, 6), '/ipfs/')
    assert(Array.isArray(await ipfs.swarm.peers()))
    assert((await ipfs.config.getAll()).Addresses)
  },
  async 'a remote pinning service' () {
    if (!kubo) return
    await ipfs.pin.remote.service.add('cluster', { endpoint: new URL(pinning), key: 'any' })
    const [service] = await ipfs.pin.remote.service.ls({ stat: true })
    assert.equal(service.service, 'cluster')
    assert.equal(service.stat.status, 'valid')
    const { cid } = await ipfs.add(bytes(), { pin: false })
    const pin = await ipfs.pin.remote.add(cid, { service: 'cluster', name: 'far' })
    assert.equal(pin.cid.toString(), cid.toString())
    assert.equal(pin.status, 'pinned')
    assert.equal(pin.name, 'far')
    assert.equal((await pinset()).get(cid.toString()).name, 'far')
    assert.deepEqual((await all(ipfs.pin.remote.ls({ service: 'cluster', cid: [cid] }))).map(item => item.name), ['far'])
    await ipfs.pin.remote.rm({ service: 'cluster', cid: [cid] })
    assert(!(await pinset()).has(cid.toString()))
    await ipfs.pin.remote.service.rm('cluster')
  },
  async 'nonsense is refused' () {
    assert.match(await refusal(ipfs.pin.add('nonsense')), /nonsense/)
    assert.match(await refusal(ipfs.add(bytes(), { hashAlg: 'nonsense', cidVersion: 1 })), /nonsense|hash/)
  }
})
