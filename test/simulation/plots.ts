/**
 * Misfortunes that need one another. Drawn each for itself they would come together once in thousands of schedules; here
 * a schedule may have one of them, of which only the moment and the manner are drawn.
 */
import type { Call } from './world/aws.ts'
import type { SimMapping } from './world/mapping.ts'
import type { SimProcess } from './world/scheduler.ts'
import type { StoredRecord } from './world/stream.ts'
import type { World } from './world/world.ts'

const lane = 1
/** However long a leader takes to say it again. */
const longestOutageMillis = 2_500

/** What of a schedule a plot may touch. */
export interface Stage {
  readonly world: World
  readonly mappings: readonly SimMapping[]
  /** Replicas of the matcher. */
  readonly running: () => readonly SimProcess[]
  /** While it is on, clients send nothing new. */
  readonly lull: { isOn: boolean }
  /** A record at which the engine throws. */
  readonly bomb: () => Uint8Array
  readonly say: ((line: string) => void) | undefined
}

const isOfMatcher = ({ caller }: Call): boolean => caller?.kind === 'matcher'
const keyOf = ({ input }: Call): string => ('Key' in input && typeof input.Key === 'string' ? input.Key : '')
const isPutOfSnapshot = (call: Call): boolean =>
  isOfMatcher(call) && call.operation === 'PutObject' && keyOf(call).includes('/snapshots/')
const isLookAtLease = (call: Call): boolean =>
  isOfMatcher(call) && call.operation === 'GetItem' && call.target === 'lanes'

/** Rule 11: somebody has to start from the newest snapshot before there is another one; it may be damaged. */
const startsFromTheNewest = ({ world, running, say }: Stage): void => {
  const { random } = world
  const nth = random.between(1, 3)
  const how = random.pick(['stored-flipped', 'stored-cut', 'stored-altered', 'whole'] as const)
  const isForAll = random.chance(0.7)
  const afterMillis = random.below(200)
  let newest = ''
  world.when({
    moment: 'before',
    nth,
    matches: isPutOfSnapshot,
    act: call => {
      newest = keyOf(call)
      if (how !== 'whole') world.insist(how, each => each === call)
    },
  })
  world.when({
    moment: 'done',
    matches: call => isPutOfSnapshot(call) && keyOf(call) === newest,
    act: ({ caller }) => {
      say?.(`the newest snapshot is stored, ${how}`)
      world.after(afterMillis, () => {
        if (world.faults.calmed) return
        for (const victim of running())
          if (isForAll || victim === caller) {
            say?.(`${victim.name} is killed`)
            world.faults.counts.hit('killed', 'matcher, when a snapshot is stored')
            world.kill(victim)
          }
      })
    },
  })
}

/**
 * Rule 12: deliveries fail from a frame on, until that frame is said once more by a write that lands late; the repeat is
 * applied, so what is missing then lies before the last record that was.
 */
const gapBeforeTheLast = ({ world, mappings, say }: Stage): void => {
  const { random } = world
  const executions = world.executions(lane)
  world.when({
    moment: 'before',
    nth: random.between(2, 6),
    matches: call => isOfMatcher(call) && call.operation === 'PutRecord' && call.target === executions.name,
    act: call => {
      const { input } = call
      if (!('Data' in input && input.Data instanceof Uint8Array)) return
      const bytes = Buffer.from(input.Data)
      world.insist('done-late', each => each === call)
      let from: StoredRecord | undefined
      let until: StoredRecord | undefined
      executions.watch(record => {
        if (until !== undefined || !bytes.equals(record.data)) return
        if (from === undefined) from = record
        else {
          until = record
          say?.(`a frame of ${bytes.length} bytes is said again; what is between was not delivered`)
        }
      })
      for (const mapping of mappings) {
        world.after(longestOutageMillis, () => mapping.passOver(undefined))
        mapping.passOver(
          ({ sequenceNumber }) =>
            from !== undefined &&
            sequenceNumber >= from.sequenceNumber &&
            (until === undefined || sequenceNumber < until.sequenceNumber),
        )
      }
    },
  })
}

/** Rule 4: the engine throws while a standby waits for the lease, so that its snapshot may come due before it ends. */
const throwsWhileWaiting = ({ world, lull, bomb, say }: Stage): void => {
  const { random } = world
  const startMillis = random.between(150, 700)
  const quietMillis = random.between(250, 450)
  world.after(startMillis, () => {
    lull.isOn = true
    say?.('nobody sends anything')
  })
  world.after(startMillis + quietMillis, () => {
    if (world.faults.calmed) return
    world.insist('unanswered', isLookAtLease, 2)
    world.when({
      moment: 'before',
      matches: isLookAtLease,
      act: () => {
        say?.('the engine will throw, and the lease is not answered')
        world.orders(lane).append(bomb(), undefined)
      },
    })
  })
  world.after(startMillis + quietMillis + random.between(600, 1_500), () => {
    lull.isOn = false
  })
}

export const plots = [startsFromTheNewest, gapBeforeTheLast, throwsWhileWaiting] as const
