import { putCommands } from '#adapters/streams/orders.ts'
import type { Command } from '#domain/trading/commands.ts'
import { pollUntil } from './wait.ts'

/** The first time; an engine that has not answered by then is asked again by whoever waits, after a pause. */
const answersWithinMillis = 5_000
const repeatedWithinMillis = 250

/** By how often it was asked before. */
export const answerWithinMillis = (polls: number): number => (polls === 0 ? answersWithinMillis : repeatedWithinMillis)

/**
 * What came of a command, sent where nobody knows yet: the engine takes it once, however often it is sent. Undefined while
 * there is no answer.
 */
export const sendOnce = async <Answer>(
  lane: number,
  command: Command,
  readAnswer: () => Promise<Answer | undefined>,
  withinMillis: number,
): Promise<Answer | undefined> => {
  const known = await readAnswer()
  if (known !== undefined) return known
  await putCommands(lane, [command])
  return pollUntil(readAnswer, performance.now() + withinMillis)
}
