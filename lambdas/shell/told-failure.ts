import * as z from 'zod'

/** As a workflow caught it. */
export const caughtFailure = z.object({ Error: z.string(), Cause: z.string().optional() })

const longestTold = 500

const cause = z.object({ errorMessage: z.string() })

/** The name of the error, and what a task said of it. */
export const toldFailure = ({ Error: name, Cause: text }: z.infer<typeof caughtFailure>): string => {
  try {
    const parsed = cause.safeParse(JSON.parse(text ?? ''))
    return (parsed.success ? `${name}: ${parsed.data.errorMessage}` : name).slice(0, longestTold)
  } catch {
    // Not written by a function: a timeout has no cause.
    return name
  }
}
