import type * as z from 'zod'
import type { Resource } from './component.ts'

/** Reads a resource's properties by a strict schema, so that a property nobody handles stops the start by its name. */
export function readProperties<Properties>(resource: Resource, schema: z.ZodType<Properties>): Properties {
  const read = schema.safeParse(resource.properties)
  if (read.success) return read.data
  const faults = read.error.issues.map(
    issue => `${issue.path.map(step => `${String(step)}: `).join('')}${issue.message}`,
  )
  throw new Error(`${resource.stack}/${resource.logicalId} (${resource.type}): ${faults.join('; ')}`)
}
