/** Why a lane may not go on by itself. The name is what alarms and runbooks look for. */
export type HaltReason =
  /** Another leader has taken over. */
  | 'fenced'
  /** Somebody has found the lane to be in two minds: nobody leads it before it is looked at. */
  | 'lane-halted'
  /** What the engine says now is not what was published. */
  | 'divergence'
  /** The order stream no longer holds records that must be replayed. */
  | 'records-missing'
  | 'stream-not-single'
  | 'stream-replaced'
  | 'checkpoint-ahead'
  /** The engine threw: our bug. */
  | 'engine-failed'
  /** The stream asks for rules that this image does not carry. */
  | 'engine-version-unknown'
  | 'publishing-refused'

export class LaneHalted extends Error {
  override readonly name = 'LaneHalted'
  readonly reason: HaltReason
  readonly details: Readonly<Record<string, unknown>>
  constructor(reason: HaltReason, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
    this.details = details
  }
}
