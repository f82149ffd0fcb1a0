import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { type RejectionCode, rejectionCodes } from '#domain/outcome.ts'
import { writeCommand } from '#domain/trading/command-messages.ts'
import {
  commandIdOf,
  orderTypes,
  selfTradePreventions,
  settlementKinds,
  timesInForce,
} from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { cancelReasons, paymentKinds, stateCauses } from '#domain/trading/events.ts'
import { tradingStates } from '#domain/trading/market-controls.ts'
import { commandTypes, eventTypes, wordsOf } from '#domain/trading/messages.ts'
import { rememberedCommands } from '#domain/trading/recent-commands.ts'
import { Tape } from '#domain/trading/tape.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'

/** What takes thousands of orders, instruments, accounts or holds, or all that can be counted: see engine.test.ts, lane-margin.test.ts. */
const limits: readonly RejectionCode[] = [
  'open-order-limit',
  'account-limit',
  'instrument-limit',
  'exposure-too-large',
  'hold-limit',
]
/** An encoding of its own, not a command or event of its own; and what the matcher says, not its engine. */
const encodings = [
  'place-order-with-instructions',
  'order-accepted-with-instructions',
  'order-rejected-with-instructions',
  'frame-poisoned',
  'epoch-started',
  'list-contract',
  'contract-listed',
]

/** In a process of its own: under jest it would take twice the time. */
const fuzz = (commands: number, seed: number) => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['bin/fuzz.ts', '--json', '--commands', String(commands), '--seed', String(seed)],
    { encoding: 'utf8' },
  )
  if (stdout === '') throw new Error(stderr)
  const said: {
    readonly commands: number
    readonly events: number
    readonly difference: { readonly what: string; readonly tape: string } | null
    readonly coverage: Readonly<Record<string, number>>
  } = JSON.parse(stdout)
  return said
}

/** The second book knows one lane only: lane-credit.test.ts has two engines, and counts what they may do together. */
const betweenLanes =
  /^command:(join-lane|(grant|tell|ask|need)-budget|(send|receive|confirm)-cash|join-liquidation)$|^event:(lane-joined|budget-\w+|cash-\w+|liquidation-joined)$|^rejection:(lane-(not-joined|already-joined|limit)|budget-outdated|cash-.+)$/

test('the engine says what the naive exchange says, however it is framed, repeated and restored', () => {
  const { difference, coverage, commands, events } = fuzz(100_000, 20_261_122)

  expect(difference === null ? '' : `${difference.what}\n${difference.tape}`).toBe('')
  expect(commands).toBe(100_000)
  expect(events).toBeGreaterThan(commands)
  const expected = [
    ...commandTypes.filter(type => !encodings.includes(type)).map(type => `command:${type}`),
    ...eventTypes.filter(type => !encodings.includes(type)).map(type => `event:${type}`),
    ...rejectionCodes.filter(code => !limits.includes(code)).map(code => `rejection:${code}`),
    ...cancelReasons.map(reason => `cancel:${reason}`),
    ...tradingStates.map(state => `state:${state}`),
    ...stateCauses.filter(cause => cause !== 'expiration').map(cause => `cause:${cause}`),
    ...orderTypes.map(type => `order:${type}`),
    ...timesInForce.map(time => `time:${time}`),
    ...selfTradePreventions.map(prevention => `prevention:${prevention}`),
    ...settlementKinds.map(kind => `settlement:${kind}`),
    ...paymentKinds.map(kind => `payment:${kind}`),
  ]
  expect(expected.filter(name => coverage[name] === undefined && !betweenLanes.test(name))).toEqual([])
})

test('each command is taken once, and a second time changes nothing', () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const source = createCommandSource(createRandom(seed))
    const engine = createEngine(1)
    const entered = Array.from({ length: 200 }, () => {
      const timed = source.next()
      source.heard(engine.enter(timed.command, timed.atMillis))
      return timed
    })
    const before = JSON.stringify(engine.snapshot())
    for (const { command, atMillis } of entered)
      expect(engine.enter(command, atMillis)).toEqual([{ type: 'command-duplicated', commandId: commandIdOf(command) }])
    expect(JSON.stringify(engine.snapshot())).toBe(before)
  }
})

test('frames that reach over the end of a generation of remembered commands lead to the same as single commands', () => {
  const cancel = new Tape()
  const nothing = '01900000-0000-7000-8000-000000000000'
  writeCommand(cancel, { type: 'cancel-order', commandId: nothing, accountId: 1, orderId: nothing })
  /** Commands with these numbers as their ids, made so many in a millisecond. */
  const cancels = (numbers: readonly number[]): Tape => {
    const tape = new Tape()
    for (const number of numbers) {
      const at = tape.add(cancel.words[0] ?? 0, cancel.length)
      for (let word = 1; word < cancel.length; word += 1) tape.words[at + word] = cancel.words[word] ?? 0
      tape.words[at + 2] = number >>> 6
      tape.words[at + 5] = number
    }
    return tape
  }
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n)
  const [single, framed] = [createEngine(1), createEngine(1)]
  const enter = (commands: Tape): void => {
    single.told.clear()
    framed.told.clear()
    framed.applyAll(commands.words, 0, commands.count)
    for (let at = 0; at < commands.length; at += wordsOf(commands.words[at] ?? 0)) single.apply(commands.words, at)
  }
  enter(cancels(numbers(1, rememberedCommands - 41)))
  single.enter({ type: 'open-account', commandId: nothing, account: 'ann', firm: '' }, 0)
  framed.enter({ type: 'open-account', commandId: nothing, account: 'ann', firm: '' }, 0)
  const later = numbers(rememberedCommands, 120)
  enter(cancels([5, ...later, 5, rememberedCommands + 3, ...later]))

  const duplicates = framed.events().filter(({ type }) => type === 'command-duplicated')
  expect(duplicates).toHaveLength(later.length + 3)
  expect(Buffer.from(framed.told.bytes())).toEqual(Buffer.from(single.told.bytes()))
  const [one, other] = [single, framed].map(engine => JSON.stringify(engine.snapshot()))
  expect(one === other).toBe(true)
})
