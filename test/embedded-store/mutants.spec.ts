/**
 * Tests the contract suite itself: it is run against stores with a deliberate defect, and must fail for each. A run against
 * the correct store shows that it does not always fail.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { startNode } from '../../src/embedded-store/server.ts'
import { Appender, ExpectedRevision } from '../../src/embedded-store/storage/append.ts'
import { EventLog } from '../../src/embedded-store/storage/event-log.ts'
import { temporaryDirectory } from '../event-store/target.ts'

const { append } = Appender.prototype
const { streamForwards, allForwards } = EventLog.prototype
afterEach(() => {
  Appender.prototype.append = append
  Object.assign(EventLog.prototype, { streamForwards, allForwards })
})

it.each([
  ['the right one', () => {}, 0],
  [
    'one that accepts everything',
    () => {
      Appender.prototype.append = function (name, _expected, events) {
        return append.call(this, name, ExpectedRevision.ANY, events)
      }
    },
    1,
  ],
  [
    'one that loses the last event',
    () => {
      Appender.prototype.append = function (name, expected, events) {
        const outcome = append.call(this, name, expected, events.slice(0, Math.max(1, events.length - 1)))
        return outcome.kind === 'written' && events.length > 1
          ? { ...outcome, revision: outcome.revision + 1n }
          : outcome
      }
    },
    1,
  ],
  [
    'one that reorders',
    () => {
      const swapped = <Page extends { events: unknown[] }>(page: Page): Page => {
        const { events } = page
        if (events.length > 2) [events[0], events[1]] = [events[1], events[0]]
        return page
      }
      EventLog.prototype.streamForwards = function (...args) {
        return swapped(streamForwards.apply(this, args))
      }
      EventLog.prototype.allForwards = function (...args) {
        return swapped(allForwards.apply(this, args))
      }
    },
    1,
  ],
])('the contract suite tells %s', async (_, mutate, expectedExit) => {
  mutate()
  const dataDir = await temporaryDirectory()
  const node = await startNode({ dataDir, host: '127.0.0.1', port: 0 })
  try {
    const { exit, failed } = await runContract(`esdb://127.0.0.1:${node.port}?tls=false`, join(dataDir, 'report.json'))
    expect({ exit, failed: failed > 0 }).toEqual({ exit: expectedExit, failed: expectedExit !== 0 })
  } finally {
    await node.close()
    await rm(dataDir, { recursive: true })
  }
})

async function runContract(url: string, reportTo: string): Promise<{ exit: number; failed: number }> {
  const root = join(import.meta.dirname, '../..')
  const child = spawn(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--bail=1', '--reporter=json', `--outputFile=${reportTo}`, '--testTimeout=5000'],
      'test/event-store/contract/append.spec.ts',
    ],
    { cwd: root, env: { ...process.env, EVENT_STORE_URL: url }, stdio: 'ignore' },
  )
  const [exit] = (await once(child, 'close')) as [number]
  const report = JSON.parse(await readFile(reportTo, 'utf8')) as { numFailedTests: number; numPassedTests: number }
  expect(report.numPassedTests + report.numFailedTests).toBeGreaterThan(0)
  return { exit, failed: report.numFailedTests }
}
