/** Kills and freezes what the exchange must do without, one after the other, and looks how long it takes to go on. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '#test/support/random-commands.ts'
import type { Lease, Stores } from './evidence.ts'
import type { Exchange } from './exchange.ts'

const kinds = [
  'kill-leader',
  'freeze-leader',
  'stall-leader',
  'kill-standby',
  'freeze-standby',
  'kill-both',
  'kill-projector',
  'freeze-projector',
] as const
export type Fault = (typeof kinds)[number]

/** Out of all that strike at random. */
const shares: Readonly<Record<Fault, number>> = {
  'kill-leader': 36,
  // For longer than the lease: it wakes up as a leader that is none any more.
  'freeze-leader': 10,
  // For less: it goes on as if nothing had been.
  'stall-leader': 6,
  'kill-standby': 14,
  'freeze-standby': 6,
  'kill-both': 4,
  'kill-projector': 14,
  'freeze-projector': 10,
}

const projectors = ['Orders', 'Positions', 'Instruments', 'MarketData', 'MarketMaking'].map(
  name => `Project${name}Function`,
)

export interface Failover {
  readonly fault: Fault
  /** A standby was ready: it had come to the state that was published. */
  readonly hadStandby: boolean
  /** Until another has the lease and begins to publish, by its own log. */
  readonly leadingMillis: number
  /** Until an order that was placed right after the fault had an outcome that its client could see. */
  readonly visibleMillis: number
}

export interface Striker {
  /** Undefined where the exchange did not get ready for the next fault in time. */
  strike(fault?: Fault): Promise<Fault | undefined>
  readonly counts: Readonly<Record<Fault, number>>
  readonly failovers: readonly Failover[]
  readonly violations: readonly string[]
  /** How often a matcher has said that it stops, by the reason. */
  readonly stops: Readonly<Record<string, number>>
  /** What it said of each divergence. */
  readonly divergences: readonly string[]
  kills(): number
  /** Lets go of whatever is frozen, and reads the last of the logs. */
  stop(): Promise<void>
}

interface StrikerOptions {
  readonly exchange: Exchange
  readonly stores: Stores
  readonly random: Random
  readonly probe: (signal: AbortSignal) => Promise<number>
}

const leaseMillis = 3_000
const readyLimitMillis = 120_000
const failoverLimitMillis = 120_000

export const createStriker = ({ exchange, stores, random, probe }: StrikerOptions): Striker => {
  const counts = Object.fromEntries(kinds.map(kind => [kind, 0])) as Record<Fault, number>
  const failovers: Failover[] = []
  const violations: string[] = []
  const logs = matcherLogs(join(exchange.dataDir, 'logs'))
  const frozen = new Set<number>()
  let before: Lease | undefined

  const release = (pid: number) => {
    if (frozen.delete(pid)) signal(pid, 'SIGCONT')
  }
  const releaseAll = () => {
    for (const pid of [...frozen]) release(pid)
  }
  process.once('exit', releaseAll)

  /** Of the lane; what it says must never go back. */
  const lease = async (): Promise<Lease> => {
    const now = await stores.lease()
    if (before !== undefined && (now.epoch < before.epoch || now.outSeq < before.outSeq))
      violations.push(
        `the checkpoint went back: epoch ${before.epoch} to ${now.epoch}, ${before.outSeq} to ${now.outSeq}`,
      )
    if (now.halted !== undefined && before?.halted === undefined) violations.push(`the lane is halted: ${now.halted}`)
    before = now
    return now
  }

  const until = async <Value>(read: () => Promise<Value | undefined>, limitMillis: number) => {
    for (const startedMillis = performance.now(); performance.now() - startedMillis < limitMillis; await sleep(100)) {
      const value = await read()
      if (value !== undefined) return value
    }
    return undefined
  }

  /** Both pids, once one of them leads; and the standby has caught up, unless nobody waits for that. */
  const pair = (isPatient: boolean) =>
    until(async () => {
      const pids = await exchange.matchers()
      const { owner, epoch } = await lease()
      const leader = Number(owner.split('/')[1])
      const [standby, ...others] = pids.filter(pid => pid !== leader)
      if (!pids.includes(leader) || standby === undefined || others.length > 0) return undefined
      const hadStandby = logs.isStandbyReady()
      if (logs.epoch() !== epoch) return undefined
      return hadStandby || !isPatient ? { leader, standby, epoch, hadStandby } : undefined
    }, readyLimitMillis)

  /** From now until somebody else leads, and until an order has an outcome again. */
  const failover = async (fault: Fault, epoch: number, hadStandby: boolean, struckMillis: number) => {
    const limit = AbortSignal.timeout(failoverLimitMillis)
    const visible = probe(limit)
    visible.catch(() => undefined)
    const begun = await until(async () => logs.leadingSince(epoch), failoverLimitMillis)
    if (begun === undefined) {
      violations.push(`nobody has led for ${failoverLimitMillis / 1_000} s after ${fault} in epoch ${epoch}`)
      return
    }
    try {
      const visibleMillis = await visible
      const leadingMillis = begun - exchange.clockOffsetMillis - struckMillis
      failovers.push({ fault, hadStandby, leadingMillis, visibleMillis })
    } catch (error) {
      violations.push(`after ${fault}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const kill = (pid: number) => {
    signal(pid, 'SIGKILL')
    logs.killed(pid)
  }
  const freeze = async (pid: number, millis: number) => {
    frozen.add(pid)
    signal(pid, 'SIGSTOP')
    await sleep(millis)
    // Some never wake up.
    if (random.chance(0.2)) {
      frozen.delete(pid)
      kill(pid)
    } else release(pid)
  }

  const act = async (fault: Fault): Promise<boolean> => {
    if (fault === 'kill-projector' || fault === 'freeze-projector') {
      const millis = fault === 'freeze-projector' ? [random.between(200, 6_000)] : []
      // One that was killed a moment ago may not have begun again.
      const struck = await until(
        async () => (await exchange.strike(random.pick(projectors), ...millis)) || undefined,
        readyLimitMillis,
      )
      return struck === true
    }
    const found = await pair(!random.chance(0.1))
    if (found === undefined) {
      violations.push(`leader and standby were not there within ${readyLimitMillis / 1_000} s`)
      return false
    }
    const { leader, standby, epoch, hadStandby } = found
    logs.isLedBy(leader)
    const struckMillis = Date.now()
    switch (fault) {
      case 'kill-leader':
        kill(leader)
        await failover(fault, epoch, hadStandby, struckMillis)
        break
      case 'kill-both':
        kill(standby)
        kill(leader)
        await failover(fault, epoch, false, struckMillis)
        break
      case 'freeze-leader': {
        const awake = freeze(leader, random.between(leaseMillis + 1_500, leaseMillis * 3))
        logs.killed(leader)
        await failover(fault, epoch, hadStandby, struckMillis)
        await awake
        break
      }
      case 'stall-leader':
        await freeze(leader, random.between(100, leaseMillis / 2))
        break
      case 'kill-standby':
        kill(standby)
        break
      case 'freeze-standby':
        await freeze(standby, random.between(500, leaseMillis * 2))
    }
    return true
  }

  const pick = (): Fault => {
    let left = random.below(Object.values(shares).reduce((sum, share) => sum + share, 0))
    for (const kind of kinds) {
      left -= shares[kind]
      if (left < 0) return kind
    }
    return 'kill-leader'
  }

  return {
    counts,
    failovers,
    violations,
    stops: logs.stops,
    divergences: logs.divergences,
    kills: () =>
      kinds.reduce((sum, kind) => (kind.startsWith('kill-') ? sum + counts[kind] : sum), counts['kill-both']),
    async strike(fault = pick()) {
      if (!(await act(fault))) return undefined
      counts[fault] += 1
      return fault
    },
    async stop() {
      releaseAll()
      process.off('exit', releaseAll)
      await lease()
      logs.read()
    },
  }
}

/** Only what is still there, and then exactly that. */
const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

interface LogFile {
  readonly path: string
  offset: number
  rest: string
  /** Of the last leader that has written here. */
  pid: number
  epoch: number
  leadingAtMillis: number
  isUpToDate: boolean
}

/** The matchers' logs, a file for each task: sooner than any table tells who leads, and who is ready to. */
const matcherLogs = (folder: string) => {
  const files: LogFile[] = readdirSync(folder)
    .filter(name => /Matcher.*\.log$/.test(name))
    .map(name => ({
      ...{ path: join(folder, name), offset: 0, rest: '', pid: 0 },
      ...{ epoch: 0, leadingAtMillis: 0, isUpToDate: false },
    }))
  const stops: Record<string, number> = {}
  const divergences: string[] = []
  /** Those that are there already are nobody's work here. */
  let isFirst = true

  const take = (file: LogFile, line: string) => {
    if (!line.startsWith('{')) return
    const said = saidIn(line)
    const message = String(said['message'])
    if (message === 'leading') {
      file.epoch = Number(said['epoch'])
      file.pid = Number(String(said['owner']).split('/')[1])
      file.leadingAtMillis = Date.parse(String(said['timestamp']))
    } else if (message === 'the lane is up to date') file.isUpToDate = true
    else if (/^lane (stopped|halted): /.test(message)) {
      file.isUpToDate = false
      const reason = String(said['reason'])
      if (isFirst) return
      stops[reason] = (stops[reason] ?? 0) + 1
      if (reason === 'divergence') divergences.push(line)
    }
  }

  const read = () => {
    for (const file of files) {
      const lines = (file.rest + textFrom(file)).split('\n')
      file.rest = lines.pop() ?? ''
      for (const line of lines) take(file, line)
    }
    isFirst = false
  }
  const leading = () => files.reduce((first, file) => (file.epoch > first.epoch ? file : first))
  read()

  return {
    stops,
    divergences,
    read,
    epoch: () => leading().epoch,
    isStandbyReady(): boolean {
      read()
      const leader = leading()
      return files.some(file => file !== leader && file.isUpToDate)
    },
    /** Its pid is known to nobody but the lease, where it led already before this process looked. */
    isLedBy(pid: number) {
      leading().pid = pid
    },
    /** As a standby it is ready when it says so anew, be it another process. */
    killed(pid: number) {
      read()
      const leader = leading()
      const file = leader.pid === pid ? leader : files.find(each => each !== leader)
      if (file !== undefined) file.isUpToDate = false
    },
    /** When a leader of a later epoch has begun, by its clock. */
    leadingSince(epoch: number): number | undefined {
      read()
      return files.find(file => file.epoch > epoch)?.leadingAtMillis
    },
  }
}

/** Nothing where whoever wrote it was killed in the middle of it. */
const saidIn = (line: string): Readonly<Record<string, unknown>> => {
  try {
    return JSON.parse(line)
  } catch {
    return {}
  }
}

const textFrom = (file: LogFile): string => {
  const descriptor = openSync(file.path, 'r')
  try {
    const parts: Buffer[] = []
    for (;;) {
      const part = Buffer.alloc(65_536)
      const length = readSync(descriptor, part, 0, part.length, file.offset)
      if (length === 0) break
      parts.push(part.subarray(0, length))
      file.offset += length
    }
    return Buffer.concat(parts).toString()
  } finally {
    closeSync(descriptor)
  }
}
