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

export const readAt = z.iso.datetime().optional().meta({ description: 'As they hold at that instant; now unless told' })

export const effectiveFrom = z.iso.datetime().optional().meta({ description: 'Now unless told; not in the past' })
