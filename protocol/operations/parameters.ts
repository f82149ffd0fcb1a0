import * as z from 'zod'
import { instant } from '../values.ts'

/** What all parameters that people set have in common, whatever their terms are. */

/** As they are shown. */
export const parameterVersion = {
  version: z.number().int().nonnegative().meta({ description: '0: as the exchange comes, nobody has set any' }),
  effective_from: instant.nullable(),
  set_by: z.string().nullable(),
}

/** Of those that each underlying may have of its own. */
export const versionByUnderlying = {
  underlying: z.string().nullable().meta({ description: 'null: of every underlying without its own' }),
  ...parameterVersion,
}

/** What one person has asked for that protects less, and another one is to approve. */
export const parameterRequest = z
  .object({
    request_id: z.string(),
    parameters: z.enum(['risk', 'limit-scaling']),
    underlying: z.string().nullable().meta({ description: 'null: of every underlying without its own' }),
    effective_from: instant.nullable().meta({ description: 'null: from its approval on' }),
    changes: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
    request_state: z.enum(['awaiting_approval', 'lapsed', 'approved']),
    requested_by: z.string(),
    requested_at: instant,
    approved_by: z.string().nullable(),
    approved_at: instant.nullable(),
    approve_before: instant,
  })
  .meta({ id: 'ParameterRequest' })

export const readAt = z.iso.datetime().optional().meta({ description: 'As they hold at that instant; now unless told' })

export const effectiveFrom = z.iso.datetime().optional().meta({ description: 'Now unless told; not in the past' })
