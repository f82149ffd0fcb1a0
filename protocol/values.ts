import * as z from 'zod'
import { decimalPattern, micros } from '#domain/units.ts'

/** The small schemas that every context's operations are made of. */

/** "0.30" asks for the same as "0.3": in one spelling, a repeated request is known as the same. */
const shortest = (decimal: string): string =>
  decimal.includes('.') ? decimal.replace(/0+$/, '').replace(/\.$/, '') : decimal

export const decimalText = z
  .string()
  .max(28)
  .regex(decimalPattern, 'must be a plain decimal such as "2.55", of at most 15 digits before and 12 after the point')
  .overwrite(shortest)
  .meta({ description: 'Decimal as text', examples: ['2.55'] })

export const positiveDecimalText = decimalText.refine(text => /[1-9]/.test(text), 'must be greater than zero')

/** An amount that a whole number of micros can hold. */
export const usdText = decimalText.refine(
  text => micros(text) !== undefined,
  'must be USD with at most 6 digits after the point, up to 9007199254.740991',
)

/** As it goes out: may be negative. */
export const signedDecimalText = z
  .string()
  .meta({ description: 'Decimal as text, may be negative', examples: ['-2.55'] })

export const instant = z.iso.datetime({ precision: 3 }).meta({ description: 'ISO 8601, UTC' })

const lowerCaseUuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')

export const orderId = lowerCaseUuid

/** Names a command that an answer has told of. */
export const commandId = lowerCaseUuid

/** What became of a command that changes no order and makes no thing of its own. */
export const commandOutcome = z
  .object({
    command_id: commandId,
    operation: z.string().meta({ description: 'The operation that was asked for' }),
    command_state: z.enum(['pending', 'accepted', 'rejected']),
    reject_reason: z.string().nullable(),
    timestamp: instant.nullable().meta({ description: 'Of the outcome' }),
  })
  .meta({ id: 'CommandOutcome' })
export type CommandOutcome = z.infer<typeof commandOutcome>

/** Account names are what credentials carry. */
export const accountName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ @ -')

export const instrumentName = z
  .string()
  .max(64)
  .regex(/^[A-Z0-9][A-Z0-9._]*(?:-[A-Z0-9._]+)*$/, 'must be an instrument name such as H100.USE-27NOV26')

/** The set of books that share one order stream; unless told, the tenant's first. */
export const lane = z.number().int().min(1).max(65_535)

/** A client's own name for a request. */
export const requestName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ : @ / + = -')

export const pageQuery = {
  // Digits only: Number() would also take "0x10", "1e2" and blanks.
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,2}$/, 'must be a whole number from 1 to 500')
    .transform(Number)
    .pipe(z.number().int().min(1, 'must be from 1 to 500').max(500, 'must be from 1 to 500'))
    .optional()
    .meta({ description: 'How many at most on a page; 100 unless told' }),
  cursor: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .meta({ description: 'next_cursor of the previous page, asked for with the same path and filters' }),
}

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    data: z.array(item),
    next_cursor: z.string().nullable().meta({
      description:
        'null at the end. With a filter a page may hold fewer items than asked for, even none, while there are more: go on until null.',
    }),
  })
