/** The exchange that is put through it: one of its own, started as `npm start` does it, or one that runs already. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { freePort, startNodeChild } from '#local/children.ts'
import { createClock } from '#local/clock.ts'

export interface Exchange {
  readonly url: string
  readonly dataDir: string
  readonly aws: Readonly<Record<string, string>>
  /** From this machine's clock to the exchange's. */
  readonly clockOffsetMillis: number
  /** Processes of the lane's matchers. */
  matchers(): Promise<readonly number[]>
  /** Kills what runs of a projector, or freezes it; false where nothing ran. */
  strike(projector: string, freezeMillis?: number): Promise<boolean>
  stop(): Promise<void>
}

const startLimitMillis = 300_000
const graceMillis = 60_000

const statusSchema = z.object({
  dataDir: z.string(),
  tasks: z.array(z.object({ service: z.string(), pid: z.number() })),
  aws: z.record(z.string(), z.string()),
  now: z.iso.datetime(),
})

export const attachExchange = async (url: string): Promise<Exchange> => {
  const status = async () => statusSchema.parse(await (await fetch(`${url}/_local/status`)).json())
  const { dataDir, aws, now } = await status()
  return {
    url,
    dataDir,
    aws,
    clockOffsetMillis: Math.round((Date.parse(now) - Date.now()) / 1_000) * 1_000,
    matchers: async () => (await status()).tasks.filter(({ service }) => /Matcher/.test(service)).map(({ pid }) => pid),
    async strike(projector, freezeMillis) {
      const body = { function: projector, ...(freezeMillis === undefined ? {} : { freeze_millis: freezeMillis }) }
      const answer = await fetch(`${url}/_local/strike`, { method: 'POST', body: JSON.stringify(body) })
      return z.object({ struck: z.boolean() }).parse(await answer.json()).struck
    },
    stop: () => Promise.resolve(),
  }
}

export const startExchange = async (): Promise<Exchange> => {
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const port = await freePort()
  const logFile = join(folder, 'exchange.log')
  const child = await startNodeChild({
    name: 'exchange',
    args: [join('bin', 'local.ts'), '--data-dir', join(folder, 'data')],
    environment: {
      // Without npm's: its life hangs on ours.
      ...Object.fromEntries(
        Object.entries(process.env).flatMap(([name, value]) =>
          value === undefined || name.startsWith('npm_') ? [] : [[name, value]],
        ),
      ),
      PORT: String(port),
      EXCHANGE_RUN_FILE: join(folder, 'run.json'),
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      // Killing is all that happens here; a deployment that dies so often should rest longer.
      LONGEST_RESTART_MILLIS: '500',
    },
    clock: createClock(),
    logFile,
    cwd: join(import.meta.dirname, '..', '..'),
  })
  const output = () => readFileSync(logFile, 'utf8')
  const stop = async () => {
    await child.stop(graceMillis)
    removeFolder()
    process.off('exit', removeFolder)
  }
  let how: string | undefined
  child.ended.then(ended => {
    how = ended
  })
  for (const startedMillis = performance.now(); !output().includes('\nready '); await sleep(200)) {
    if (how === undefined && performance.now() - startedMillis < startLimitMillis) continue
    const told = output()
    await stop()
    throw new Error(`the exchange did not start (${how ?? 'too slow'}):\n${told}`)
  }
  return { ...(await attachExchange(`http://127.0.0.1:${port}`)), stop }
}
