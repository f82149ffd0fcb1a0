import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { busEvents } from '#protocol/events.ts'

/** `WRITE_SCHEMAS=1 npm test -- test/protocol/events.test.ts` writes the files anew. */
const folder = join(import.meta.dirname, '../../docs/protocol/events')
// As a consumer must take it: fields may be added, so none is forbidden.
const schemas = Object.entries(busEvents).map(([name, schema]): [string, object] => [
  `${name}.json`,
  z.toJSONSchema(schema, { io: 'input' }),
])

if (process.env['WRITE_SCHEMAS'] === '1') {
  mkdirSync(folder, { recursive: true })
  for (const [file, schema] of schemas) writeFileSync(join(folder, file), `${JSON.stringify(schema, null, 2)}\n`)
}

describe('the JSON schemas of the bus events', () => {
  test('are those that docs/protocol/events/ tells, and no others are there', () => {
    expect(readdirSync(folder).sort()).toEqual(schemas.map(([file]) => file).sort())
    for (const [file, schema] of schemas) expect(JSON.parse(readFileSync(join(folder, file), 'utf8'))).toEqual(schema)
  })
})
