/** How far the lane's checkpoint is known to have come, and who waits for it. */
export interface Progress {
  reached(outSeq: number): void
  outSeq(): number
  /** Resolves when the checkpoint is at that number or beyond. */
  until(outSeq: number): Promise<void>
}

export const createProgress = (from: number): Progress => {
  let reached = from
  let waiters: { readonly outSeq: number; resolve(): void }[] = []
  const settle = () => {
    const due = waiters.filter(({ outSeq }) => outSeq <= reached)
    waiters = waiters.filter(each => !due.includes(each))
    for (const { resolve } of due) resolve()
  }
  return {
    reached(outSeq) {
      reached = Math.max(reached, outSeq)
      settle()
    },
    outSeq: () => reached,
    until: outSeq =>
      new Promise(resolve => {
        waiters.push({ outSeq, resolve })
        settle()
      }),
  }
}
