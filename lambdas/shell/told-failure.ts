import * as z from 'zod'

const longestTold = 500

const cause = z.object({ errorMessage: z.string() })

/** Of what a workflow caught: the name of the error, and what a task said of it. */
export const toldFailure = (name: string, text: string | undefined): string => {
  try {
    const parsed = cause.safeParse(JSON.parse(text ?? ''))
    return (parsed.success ? `${name}: ${parsed.data.errorMessage}` : name).slice(0, longestTold)
  } catch {
    // Not written by a function: a timeout has no cause.
    return name
  }
}
