/** What the parts of the matcher need of a logger: Powertools' satisfies it, and so does a test's. */
export interface Log {
  info(message: string, details: Record<string, unknown>): void
  warn(message: string, details: Record<string, unknown>): void
  error(message: string, details: Record<string, unknown>): void
}

/** An error as details of a log line: with its kind and its cause. */
export const told = (error: unknown): Record<string, unknown> =>
  error instanceof Error
    ? {
        error: error.name,
        error_message: error.message,
        ...(error.cause === undefined ? {} : { cause: String(error.cause) }),
      }
    : { error: String(error) }
