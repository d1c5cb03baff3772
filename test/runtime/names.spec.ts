import { expect, it, onTestFinished } from 'vitest'
import { createApp } from '../../src/main.ts'
import { settingsIn, temporaryDirectory } from '../support/runtime.ts'
import { signEverybodyIn } from '../support/signed-in.ts'

it('answers to the names of this machine only, so that no page elsewhere can read it through a browser', async () => {
  const app = await createApp(settingsIn(temporaryDirectory()))
  signEverybodyIn(app)
  onTestFinished(() => app.close())
  await app.init()
  const asked = (host: string) => app.inject({ url: '/', headers: { host } })
  expect((await asked('127.0.0.1:3000')).statusCode).toBe(200)
  expect((await asked('localhost:3000')).statusCode).toBe(200)
  const elsewhere = await asked('evil.example')
  expect(elsewhere.statusCode).toBe(421)
  expect(elsewhere.body).not.toContain('Case load')
})
