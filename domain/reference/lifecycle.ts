/**
 * How far an instrument has come. Expired and delisted ones wait for their final settlement; a delisted one was closed
 * before its expiration. Settled is the end.
 */
export const lifecycles = ['active', 'expired', 'delisted', 'settled'] as const
export type Lifecycle = (typeof lifecycles)[number]
