import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Lanes share nothing: what two processes do in the time in which one does its own. */
export interface LanesResult {
  readonly oneLanePerSecond: number
  readonly twoLanesPerSecond: number
  readonly ratio: number
}

/** Each lane in a process of its own; wall time from the moment at which all are ready. */
export const benchLanes = async (commands: number): Promise<LanesResult> => {
  const oneLanePerSecond = await rateOf(1, commands)
  const twoLanesPerSecond = await rateOf(2, commands)
  return { oneLanePerSecond, twoLanesPerSecond, ratio: twoLanesPerSecond / oneLanePerSecond }
}

const rateOf = async (lanes: number, commands: number): Promise<number> => {
  const processes = Array.from({ length: lanes }, () =>
    fork(new URL('lane-process.ts', import.meta.url), [String(commands)]),
  )
  try {
    await Promise.all(processes.map(lane => once(lane, 'message')))
    const start = performance.now()
    const done = processes.map(lane => once(lane, 'message'))
    for (const lane of processes) lane.send('go')
    await Promise.all(done)
    return (lanes * commands * 1_000) / (performance.now() - start)
  } finally {
    for (const lane of processes) lane.kill()
  }
}
