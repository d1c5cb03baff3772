import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createApp } from '../../src/main.ts'
import { openRuntime, RUNTIME, type Runtime } from '../../src/runtime/runtime.ts'
import { settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { signEverybodyIn } from '../support/signed-in.ts'

describe('the modules', () => {
  it('open the runtime first, fill and project before they serve, and close in the reverse order', async () => {
    const dataDir = temporaryDirectory()
    const app = await createApp(settingsIn(dataDir, { SEED: 'demo' }))
    signEverybodyIn(app)
    const runtime = app.get<Runtime>(RUNTIME)
    expect(runtime.runner!.health.state).toBe('stopped')
    await app.listen(0, '127.0.0.1')
    await expect.poll(() => runtime.runner!.health.state).toBe('projecting')
    const url = await app.getUrl()
    expect(await (await fetch(url)).text()).toContain('DEMO-')

    const order: string[] = []
    const noted = <T extends object>(what: T, method: keyof T & string, name: string) => {
      const original = what[method] as (...words: unknown[]) => unknown
      what[method] = ((...words: unknown[]) => {
        order.push(name)
        return original.apply(what, words)
      }) as never
    }
    app.getHttpServer().on('close', () => order.push('HTTP'))
    noted(runtime.runner!, 'stop', 'runner')
    noted(runtime.readModels, 'close', 'read models')
    noted(runtime.vault, 'close', 'keys')
    noted(runtime.store, 'close', 'log')
    noted(runtime.lock!, 'release', 'lock')
    await app.close()
    expect([...new Set(order)]).toEqual(['HTTP', 'runner', 'read models', 'keys', 'log', 'lock'])
    expect(existsSync(join(dataDir, 'instance.json'))).toBe(false)
    await (await openRuntime(settingsIn(dataDir))).close()
  })

  it('close what they opened where the start fails after it', async () => {
    const [one, other] = [temporaryDirectory(), temporaryDirectory()]
    const first = await createApp(settingsIn(one))
    onTestFinished(() => first.close())
    await first.listen(0, '127.0.0.1')
    const port = Number(new URL(await first.getUrl()).port)
    const second = await createApp(settingsIn(other))
    await expect(second.listen(port, '127.0.0.1')).rejects.toThrow('EADDRINUSE')
    await second.close()
    await (await openRuntime(settingsIn(other))).close()
  })
})
