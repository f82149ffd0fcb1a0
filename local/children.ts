import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { clockMessage, clockOffsetVariable } from './clock.ts'
import type { Clock } from './component.ts'

const preload = new URL('./clock-preload.ts', import.meta.url).href
/** Where Node itself would keep it: what was stripped of its types and compiled once is there for the next child. */
const compileCache = join(tmpdir(), 'node-compile-cache')

export interface Child {
  readonly name: string
  readonly pid: number
  /** How it ended: an exit code or a signal. Never rejects. */
  readonly ended: Promise<string>
  /** SIGTERM, and SIGKILL when that was not enough. */
  stop(graceMillis?: number): Promise<void>
  onMessage(listener: (message: unknown) => void): void
}

export interface NodeChildOptions {
  readonly name: string
  /** Script and arguments, as after `node`. */
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly clock: Clock
  /** Where its stdout and stderr are appended. */
  readonly logFile: string
  readonly cwd?: string
}

/** A Node child whose `Date` follows the clock, and which ends when this process does, however it ends. */
export async function startNodeChild(options: NodeChildOptions): Promise<Child> {
  const { clock } = options
  const offsetMillis = new Float64Array(clock.offset)
  const child = launch(
    process.execPath,
    ['--import', preload, ...options.args],
    options,
    log => ['ignore', log, log, 'ipc'],
    {
      NODE_COMPILE_CACHE: compileCache,
      ...options.environment,
      [clockOffsetVariable]: String(offsetMillis[0]),
    },
  )
  const forget = clock.onMoved(moved => {
    if (child.connected) child.send({ [clockMessage]: moved })
  })
  child.once('exit', forget)
  return watched(options.name, child, () => child.kill('SIGTERM'))
}

/**
 * For programs that know nothing of us (Java): a shell holds the program on a leash, whose other end is a pipe from this
 * process. When the pipe closes, be it that we were killed, the shell ends the program.
 */
const leash = `exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3
  kill -TERM $program
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 $program || exit; sleep 0.1; done
  kill -KILL $program
} 2>/dev/null &
reader=$!
wait $program
code=$?
kill $reader
exit $code`

export async function startLeashed(
  options: Pick<NodeChildOptions, 'name' | 'environment' | 'logFile' | 'cwd'> & { readonly command: readonly string[] },
): Promise<Child> {
  const child = launch('/bin/sh', ['-c', leash, options.name, ...options.command], options, log => ['pipe', log, log], {
    ...options.environment,
  })
  child.once('exit', () => child.stdin?.destroy())
  return watched(options.name, child, () => child.stdin?.end())
}

/** In a process group of its own: Ctrl-C on the terminal reaches only us, and we stop the children in order. */
function launch(
  command: string,
  args: readonly string[],
  { logFile, cwd }: Pick<NodeChildOptions, 'logFile' | 'cwd'>,
  stdio: (log: number) => StdioOptions,
  env: Record<string, string>,
): ChildProcess {
  mkdirSync(dirname(logFile), { recursive: true })
  const log = openSync(logFile, 'a')
  try {
    return spawn(command, args, { cwd: cwd ?? process.cwd(), env, stdio: stdio(log), detached: true })
  } finally {
    closeSync(log)
  }
}

async function watched(name: string, child: ChildProcess, askToEnd: () => void): Promise<Child> {
  const ended = new Promise<string>(resolve => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal))
  })
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  // After the start, errors are failed signals and sends to a child that is just ending: `ended` tells that.
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    onMessage: listener => void child.on('message', listener),
    async stop(graceMillis = 5_000) {
      if (child.exitCode !== null || child.signalCode !== null) return
      askToEnd()
      const grace = new AbortController()
      await Promise.race([ended, sleep(graceMillis, undefined, { signal: grace.signal }).catch(() => undefined)])
      grace.abort()
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port ?? 0
}

/** Several at once, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      server =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen({ port: 0, host: '127.0.0.1' }, () => {
            const address = server.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

export const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** Also somebody else's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
