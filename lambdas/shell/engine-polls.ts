import * as z from 'zod'

/** How often a workflow has asked for the engine's word. */
export const polls = z.int().min(0).default(0)

/** With the pauses between them five minutes. */
const mostPolls = 64
const longestPauseSeconds = 5

export const haveBeenEnough = (asked: number): boolean => asked >= mostPolls

/** What the workflow waits and hands on. */
export const askedOnceMore = (asked: number): { readonly polls: number; readonly wait_seconds: number } => ({
  polls: asked + 1,
  wait_seconds: Math.min(asked + 1, longestPauseSeconds),
})
