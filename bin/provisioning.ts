/** `npm run provisioning -- <delivery, instrument or all> <behaviour,…>`: what the stand-in of the provisioning service does. */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { readScript, script, scriptFile } from './provisioning/on-the-bus.ts'
import { behaviours } from './provisioning/stand-in.ts'
import { exchangeUrl } from './running.ts'

const usage = `npm run provisioning -- <delivery_id | instrument_name | all> <behaviour,…>

The first behaviour is that of the first attempt, and so on; the last also of those after it. Behaviours:
${behaviours.join(', ')}.
`

const { positionals } = parseArgs({ allowPositionals: true, options: {} })
const [about, told] = positionals
const parsed = script.safeParse({ [about ?? '']: (told ?? '').split(',') })
if (about === undefined || told === undefined || !parsed.success) {
  process.stderr.write(usage)
  process.exit(1)
}
const status: unknown = await (await fetch(`${exchangeUrl()}/_local/status`)).json()
const { dataDir } = z.object({ dataDir: z.string() }).parse(status)
writeFileSync(scriptFile(dataDir), JSON.stringify({ ...readScript(dataDir), ...parsed.data }, undefined, 2))
process.stdout.write(`${about}: ${told}\n`)
