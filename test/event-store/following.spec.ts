/** Following the log while it grows in bursts: on a connection of its own with room for them, and on past a server that drops the reader. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { EventStoreDBClient } from '@eventstore/db-client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { categories } from '../../projections/projection.ts'
import { csvOf, simulateContactLog } from '../../src/simulator/contact-log.ts'
import { importText, temporaryWorkplace } from '../support/runtime.ts'

const log = csvOf(simulateContactLog({ seed: 3, journeys: 12, from: '2023-01-01', until: '2024-12-31', messy: false }))

it('the projection runner has a connection of its own on which 4 MiB are sent ahead; all else has the usual one', async () => {
  const sessions = new Map<ClientHttp2Session, Set<string>>()
  const onRequest = (message: unknown) => {
    const { stream, headers } = message as { stream: ClientHttp2Stream; headers: Record<string, unknown> }
    const session = stream.session as ClientHttp2Session
    sessions.set(session, (sessions.get(session) ?? new Set()).add(String(headers[':path']).split('/').at(-1)!))
  }
  subscribe('http2.client.stream.created', onRequest)
  onTestFinished(() => void unsubscribe('http2.client.stream.created', onRequest))
  const runtime = await temporaryWorkplace()
  runtime.runner!.start()
  await importText(runtime, log)
  const windows = [...sessions].map(([session, paths]) => ({
    paths: [...paths].filter((path) => path !== 'GetSupportedMethods').sort(),
    call: session.localSettings.initialWindowSize,
    connection: session.state.effectiveLocalWindowSize,
  }))
  expect(windows).toHaveLength(2)
  expect(windows).toContainEqual({ paths: ['Read'], call: 4_194_304, connection: 4_194_304 })
  expect(windows).toContainEqual({ paths: ['BatchAppend', 'Read'], call: 65_535, connection: 65_535 })
})

it('dropped as too slow a reader, the runner reads on from the last event received, still elected and without a warning', async () => {
  const { subscribeToAll } = EventStoreDBClient.prototype
  let drops = 0
  const spy = vi.spyOn(EventStoreDBClient.prototype, 'subscribeToAll').mockImplementation(function (
    this: EventStoreDBClient,
    options,
  ) {
    const subscription = subscribeToAll.call(this, options)
    let events = 0
    subscription.on('data', () => {
      if (++events !== 32) return
      drops++
      subscription.emit('error', new Error('The consumer is too slow.'))
    })
    return subscription as never
  })
  onTestFinished(() => spy.mockRestore())
  const { runner, readModels, store, log: told, ...rest } = await temporaryWorkplace()
  const elected = vi.spyOn(readModels.database, 'elect')
  const warned = vi.spyOn(told, 'warn')
  const positions: bigint[] = []
  runner!.progress.subscribe(({ events }) => positions.push(...events.map(({ position }) => position!)))
  runner!.start()
  await importText({ runner, readModels, store, log: told, ...rest }, log)
  expect(drops).toBeGreaterThan(3)
  expect(elected).toHaveBeenCalledTimes(1)
  expect(warned).not.toHaveBeenCalled()
  expect(runner!.health).toMatchObject({ state: 'projecting', troubledSince: null })
  const inLog = await Array.fromAsync(store.readAll(categories))
  expect(positions).toEqual(inLog.map(({ position }) => position))
})
