/**
 * `npm run costs`: what an idle month costs for each tenant of cdk.json, counted in their templates; `-- --write` puts it
 * into docs/operations.md.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { parseTenant } from '#lib/tenant.ts'
import { type CountedTenant, idleMonth } from './costs/idle-month.ts'
import { contextOfCdkJson } from './exchange.ts'
import { assemblyOf } from './preflight/assembly.ts'
import { countsOf } from './preflight/counts.ts'

const page = resolve(import.meta.dirname, '../docs/operations.md')
const between = /(?<=<!-- npm run costs -->\n\n)[\s\S]*?(?=\n\n<!-- end -->)/

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const tenants = (await contextOfCdkJson())['tenants']
const counted: CountedTenant[] = []
for (const name of Object.keys(z.record(z.string(), z.unknown()).parse(tenants)))
  counted.push({ tenant: parseTenant(tenants, name), counts: countsOf(await assemblyOf(name)) })
const table = idleMonth(counted)
if (values.write) {
  const text = await readFile(page, 'utf8')
  if (!between.test(text)) throw new Error(`${page} has no place for the costs`)
  await writeFile(
    page,
    text.replace(between, () => table),
  )
} else {
  console.log(table)
}
