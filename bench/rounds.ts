import { cpus } from 'node:os'

/** CPU seconds, of all threads, that some work takes: what a shared machine disturbs least. */
export const cpuSecondsOf = (work: () => void): number => {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

export interface Spread {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  readonly rounds: number
}

export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [below, above] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return {
    median: ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2,
    lowest: sorted[0] ?? Number.NaN,
    highest: sorted.at(-1) ?? Number.NaN,
    rounds: sorted.length,
  }
}

/** Where it was measured: a figure without it says nothing. */
export const machine = (): string => {
  const processors = cpus()
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}, Node ${process.versions.node}`
}

/** CPU of this thread so far: other processes do not lengthen what lies between two of them. */
export const threadMillis = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
