/**
 * Bugs planted on purpose: a text of the product's source, and what takes its place when the module is loaded. There is no
 * switch in the product; only the simulation, started with `mutate.ts`, knows them.
 */
export interface Mutant {
  readonly name: string
  /** Of the protocol (docs/decisions/0010), by their numbers there. */
  readonly rule: number
  readonly changes: readonly {
    readonly file: string
    readonly find: string
    readonly replace: string
  }[]
}

const one = (name: string, rule: number, file: string, find: string, replace: string): Mutant => ({
  name,
  rule,
  changes: [{ file, find, replace }],
})

export const mutants: readonly Mutant[] = [
  one('time is the wall clock', 2, 'matcher/lane.ts', 'engine.advance(arrivalMillis)', 'engine.advance(Date.now())'),
  one(
    'time goes back with a stamp',
    2,
    'domain/trading/trading-floor.ts',
    'if (atMillis <= this.laneMillis) return',
    'if (atMillis === this.laneMillis) return',
  ),
  one(
    'acknowledged before the stream has it',
    3,
    'lambdas/trading/place-order.ts',
    'await putCommands(promised.lane, [placement.command])',
    'void putCommands(promised.lane, [placement.command]).catch(() => undefined)',
  ),
  one(
    'a name is not promised first',
    3,
    'lambdas/trading/place-order.ts',
    'const stored = await promise(promised)',
    'const stored: Awaited<ReturnType<typeof promise>> = { first: true }',
  ),
  one(
    'no dedupe',
    3,
    'domain/trading/recent-commands.ts',
    'if (this.younger.find(hash, words, at) !== 0 || this.older.find(hash, words, at) !== 0) return false',
    '',
  ),
  one(
    'dedupe is not in the snapshot',
    3,
    'domain/trading/engine.ts',
    'this.recent.restore({ older: wordsOfHex(older), younger: wordsOfHex(younger) })',
    'void [older, younger, wordsOfHex]',
  ),
  one(
    'poison says nothing',
    4,
    'matcher/lane.ts',
    "if (content.kind === 'poison') writeEvent(tape, content.event)\n      else if",
    "if (content.kind === 'poison') return 0\n      else if",
  ),
  one(
    'the bytes of poison are not waited for',
    4,
    'matcher/checkpointer.ts',
    'if (kept === undefined && keeping === 0) return aim(end)',
    'if (keeping === 0) return aim(end)',
  ),
  one(
    'what the engine throws on is not passed over',
    4,
    'matcher/replica.ts',
    'if (!(await putSkip(lane, leading.epoch, skip))) return',
    'if (!(await putSkip(lane, -1, skip))) return',
  ),
  one(
    'a standby that cannot go on does not wait',
    4,
    'matcher/replica.ts',
    'const waitBefore = failing !== undefined && !skips.has(failing) ? failing : undefined',
    'const waitBefore = failing === "" ? failing : undefined',
  ),
  one(
    'an engine that has thrown is kept',
    4,
    'matcher/lane.ts',
    'isVerified: () => isVerified && !isBroken,',
    'isVerified: () => isVerified,',
  ),
  one(
    'the engine goes on after it has thrown',
    4,
    'matcher/lane.ts',
    "const { event } = poisonOf('engine-failed', data)\n      throw new LaneHalted(",
    "const { event } = poisonOf('engine-failed', data)\n      if (event.bytes > 0) {\n        tape.clear()\n        writeEvent(tape, event)\n        return 0\n      }\n      throw new LaneHalted(",
  ),
  one(
    'numbers are not dense',
    5,
    'matcher/lane.ts',
    'outSeq: position.outSeq + tape.count,',
    'outSeq: position.outSeq + tape.count + (tape.count > 5 ? 1 : 0),',
  ),
  one(
    'a frame that failed is left out',
    6,
    'matcher/execution-publisher.ts',
    'await pause(backoffMillis(attempt, 50), stopping.signal)',
    "await pause(backoffMillis(attempt, 50), stopping.signal)\n        if (attempt > 0) return lastSequenceNumber ?? ''",
  ),
  one(
    'checkpoint before publishing',
    7,
    'matcher/execution-publisher.ts',
    'const sequenceNumber = await putUntilAcknowledged(frame)',
    'onPublished(taken.flatMap(({ end }) => (end === undefined ? [] : [end])))\n      const sequenceNumber = await putUntilAcknowledged(frame)',
  ),
  one(
    'an unfenced checkpoint',
    7,
    'adapters/tables/lanes.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a source
    'ConditionExpression: `epoch = :epoch AND attribute_not_exists(halted)${condition}`',
    'ConditionExpression: `epoch >= :epoch AND attribute_not_exists(halted)`',
  ),
  one(
    'an epoch that does not grow',
    8,
    'adapters/tables/lanes.ts',
    "':next': epoch + 1,",
    "':next': Math.max(1, epoch),",
  ),
  one(
    'a lease that nobody renews is nobody’s for ever',
    8,
    'matcher/replica.ts',
    'performance.now() - sinceMillis >= leaseMillis',
    'performance.now() - sinceMillis >= leaseMillis * 1e6',
  ),
  one(
    'a late beginning counts',
    9,
    'matcher/lane.ts',
    'if (epoch <= position.epoch) return',
    'if (epoch === position.epoch) return',
  ),
  one(
    'what is said depends on who says it',
    9,
    'matcher/lane.ts',
    'sectionsOf(position.chain, sequence, engine.laneMillis, tape)',
    'sectionsOf(position.chain, sequence, engine.laneMillis + (millisBehindLatest > 0 ? 1 : 0), tape)',
  ),
  one('the standby keeps nothing', 10, 'matcher/outbox.ts', 'by.offer(kept)', 'by.offer([])'),
  one(
    'the standby forgets too much',
    10,
    'matcher/outbox.ts',
    'if (each.firstOutSeq + each.count - 1 > outSeq) break',
    'if (each.firstOutSeq + each.count - 1 > outSeq + 3) break',
  ),
  {
    name: 'snapshots beyond the checkpoint are taken and used',
    rule: 11,
    changes: [
      {
        file: 'matcher/snapshotter.ts',
        find: 'await untilCheckpointed(position.outSeq)',
        replace: 'void untilCheckpointed',
      },
      {
        file: 'matcher/replica.ts',
        find: 'if (outSeq > lease.outSeq) throw new Error(',
        replace: 'if (outSeq < 0) throw new Error(',
      },
      {
        file: 'matcher/replica.ts',
        find: 'if (inputSequence >= sequence && (outSeq',
        replace: 'if (inputSequence === sequence && (outSeq',
      },
      {
        file: 'matcher/lane.ts',
        find: 'const isMet = sequence === published.sequence || sequence === start.position?.sequence\n',
        replace:
          'const isMet = true\n    if (sequence === start.position?.sequence) return void (isVerified = wasVerified = true)\n',
      },
    ],
  },
  one(
    'a damaged snapshot is used',
    11,
    'adapters/snapshots.ts',
    'if (sha256 !== sealed) throw',
    'if (sealed === "") throw',
  ),
  one(
    'no older snapshot is tried',
    11,
    'adapters/snapshots.ts',
    'passedOver(key, error)\n    }',
    'passedOver(key, error)\n      throw error\n    }',
  ),
  one(
    'a snapshot of what is not archived',
    11,
    'matcher/snapshotter.ts',
    'await archive(position.sequence)',
    'void archive(position.sequence).catch(() => undefined)',
  ),
  one(
    'a projector applies beyond a gap',
    12,
    'lambdas/shell/projection.ts',
    'if (placed.outSeq > outSeq + 1) return { events, gap: record }\n      if (placed.outSeq <= outSeq) continue',
    'if (placed.outSeq <= outSeq) continue',
  ),
  {
    name: 'a projector leaves a gap out',
    rule: 12,
    changes: [
      {
        file: 'lambdas/shell/projection.ts',
        find: 'if (placed.outSeq > outSeq + 1) return { events, gap: record }\n      if (placed.outSeq <= outSeq) continue',
        replace: 'if (placed.outSeq <= outSeq) continue',
      },
      {
        file: 'lambdas/shell/projection.ts',
        find: 'if (placed.outSeq !== reached.outSeq + 1) continue',
        replace: 'if (placed.outSeq <= reached.outSeq) continue',
      },
    ],
  },
  one(
    'a watermark without a condition',
    12,
    'adapters/tables/watermarks.ts',
    'onlyIf: { out_seq: from.outSeq === 0 ? undefined : from.outSeq },',
    '...(from.outSeq < 0 ? { onlyIf: {} } : {}),',
  ),
  {
    name: 'a projector applies what it has applied',
    rule: 12,
    changes: [
      {
        file: 'lambdas/shell/projection.ts',
        find: 'if (placed.outSeq <= outSeq) continue',
        replace: '',
      },
      {
        file: 'lambdas/shell/projection.ts',
        find: 'if (placed.outSeq !== reached.outSeq + 1) continue',
        replace: 'if (placed.outSeq > reached.outSeq + 1) continue',
      },
    ],
  },
  one(
    'a gap is not healed',
    12,
    'lambdas/shell/projection.ts',
    'await heal(lane, missingBefore)',
    "throw new EventsMissing('a gap')",
  ),
  one(
    'a gap is looked for after the last record only',
    12,
    'lambdas/shell/projection.ts',
    '(start.recordSequence !== undefined && (await reread(lane, missingBefore, undefined)))',
    'start.outSeq < 0',
  ),
]
