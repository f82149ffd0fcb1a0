import * as z from 'zod'
import type { Resource } from './component.ts'

/** The properties as the schema types them; an unknown or unsupported one stops the start by its name. */
export function propertiesOf<Schema extends z.ZodType>(resource: Resource, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(resource.properties)
  if (parsed.success) return parsed.data
  throw new Error(
    `${resource.type} ${resource.stack}/${resource.logicalId} cannot run locally: ${describeIssues(parsed.error)}`,
  )
}

export function describeIssues(error: z.ZodError): string {
  return error.issues.map(issue => `${issue.path.map(String).join('.') || 'it'}: ${issue.message}`).join('; ')
}

/** Text that is JSON, parsed. */
export const json = z.string().transform((value, context): unknown => {
  try {
    return JSON.parse(value)
  } catch (error) {
    context.addIssue(String(error))
    return z.NEVER
  }
})
