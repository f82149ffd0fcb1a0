/**
 * What the parts of the local runtime owe one another. The runtime reads the synthesized template and starts, for each
 * resource in it, the embedded component that stands for the AWS service. It knows no trading.
 */

/** A resource of the template, its intrinsic functions already resolved. */
export interface Resource {
  readonly stack: string
  readonly logicalId: string
  readonly type: string
  readonly properties: Readonly<Record<string, unknown>>
  /** What `Ref` gives: a table's or stream's name, a queue's URL, a state machine's ARN… */
  readonly physicalId: string
  readonly arn: string
}

/** The one clock: real time plus an offset that `npm run clock` moves forward. */
export interface Clock {
  now(): number
  /** Milliseconds that have really passed since an instant of this clock: what it was moved by since then is left out. */
  passedSince(instantMillis: number): number
  /** Shared with worker threads: cell 0 is the offset in milliseconds (Float64Array over this buffer). */
  readonly offset: SharedArrayBuffer
  forward(millis: number): void
  /** Resolves when the clock has reached the instant, by passing time or by being moved. */
  until(instantMillis: number, signal?: AbortSignal): Promise<void>
  onMoved(listener: (offsetMillis: number) => void): () => void
}

export interface Surroundings {
  readonly account: string
  readonly region: string
  readonly resources: readonly Resource[]
  readonly clock: Clock
  /** Exists always; a temporary folder unless the state is to be kept. */
  readonly dataDir: string
  /** Folder of the cloud assembly that holds the resource's stack: asset paths are relative to it. */
  assetPath(stack: string, assetHash: string): string
  /** AWS_REGION, dummy credentials and every AWS_ENDPOINT_URL_*: what each Lambda, task and client is given. */
  readonly awsEnvironment: Readonly<Record<string, string>>
  /** Where the calls of functions and tasks are recorded; without it they are not. */
  readonly callsFile?: string
  /** Whatever a function or the gateway writes into its log: one line or several. */
  logged?(logGroup: string, logStream: string, text: string): void
  /** One line of progress for the person at the terminal. */
  say(line: string): void
  /** Something went wrong in the background: told on the terminal and in the log, never swallowed. */
  complain(where: string, error: unknown): void
}

export interface Component {
  stop(): Promise<void>
}

export type Invocation =
  | { readonly ok: true; readonly payload: unknown }
  | {
      readonly ok: false
      /** Unhandled: thrown by the handler; Timeout, OutOfMemory, Exit: by the host. */
      readonly kind: 'Unhandled' | 'Timeout' | 'OutOfMemory' | 'Exit'
      readonly error: { readonly errorType: string; readonly errorMessage: string; readonly trace?: readonly string[] }
    }

/** Invokes a function by its ARN (an alias or version suffix is accepted) and waits for its answer. */
export type Invoke = (functionArn: string, event: unknown) => Promise<Invocation>
