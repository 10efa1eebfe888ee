// What the programs of the npm clients share. The setting (addresses of peers and the like) is the program's argument.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

export const setting = JSON.parse(process.argv[2])
export const bytes = (size = 1000) => new Uint8Array(randomBytes(size))

/// Runs the functions of `cases` in their order; prints a line for each; the exit code is 1 when one has failed.
export async function run (cases) {
  for (const [name, action] of Object.entries(cases)) {
    try {
      await action()
      console.log(`ok ${name}`)
    } catch (error) {
      console.log(`FAILED ${name}: ${error.stack}`)
      process.exitCode = 1
    }
  }
  if (!process.exitCode) console.log('all passed')
  process.exit() // clients keep connections open
}

/// Asks `condition` again and again until it gives something true, and returns that.
export async function until (condition, what) {
  const deadline = Date.now() + 30_000
  for (;;) {
    const value = await condition()
    if (value) return value
    assert(Date.now() < deadline, `not within 30 s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/// The message with which `promise` fails.
export async function refusal (promise) {
  const error = await promise.then(value => assert.fail(`not refused: ${JSON.stringify(value)}`), error => error)
  assert(!(error instanceof assert.AssertionError), error)
  return error.message
}
