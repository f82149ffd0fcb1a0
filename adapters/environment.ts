/** An environment variable that the template always sets; its absence is our bug and ends the cold start. */
export const required = (variable: string): string => {
  const value = process.env[variable]
  if (value === undefined || value === '') throw new Error(`environment variable ${variable} is not set`)
  return value
}
