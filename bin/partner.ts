/** `npm run partner`: what the stand-in of a partner's service quotes, what it has promised, and what it does. */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import {
  readReservations,
  readScript,
  type Script,
  script,
  scriptFile,
  standInProvider,
} from './partner/on-the-laptop.ts'
import { acts, behaviours } from './partner/stand-in.ts'
import { exchangeUrl } from './running.ts'

const usage = `npm run partner                                          what it quotes and has promised
npm run partner -- quote <name> <resource_class> <region> <price> <units> [--spot] [--vector <gpus,vcpus,memory_gib,storage_tib>]
npm run partner -- quote <name> none                     no more
npm run partner -- <${[...acts, 'all'].join(' | ')}> <behaviour,…>

The first behaviour is that of the first request for the same thing, and so on; the last also of those after it. Behaviours:
${behaviours.join(', ')}, or a status from 400 to 599.
`

const arguments_ = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { spot: { type: 'boolean', default: false }, vector: { type: 'string', default: '1,26,234,0' } },
    })
  } catch {
    return undefined
  }
}

const changed = (before: Script): unknown => {
  const { values, positionals } = arguments_() ?? {}
  if (values === undefined || positionals === undefined) return undefined
  const [about = '', ...rest] = positionals
  if (about !== 'quote') {
    const [list, ...more] = rest
    const told = list?.split(',').map(each => (/^[0-9]+$/.test(each) ? Number(each) : each))
    // `all` is all of them: what was told of one before is forgotten.
    const others = about === 'all' ? {} : before.behaviours
    return more.length > 0 ? undefined : { ...before, behaviours: { ...others, [about]: told } }
  }
  const [name = '', resource_class, region, price, units, ...more] = rest
  const { [name]: _, ...others } = before.quotes
  if (resource_class === 'none' && region === undefined) return { ...before, quotes: others }
  const [gpus, vcpus, memory_gib, storage_tib, ...none] = values.vector.split(',').map(Number)
  if (more.length > 0 || none.length > 0) return undefined
  const quote = {
    resource_class,
    region,
    pricing: values.spot ? 'spot' : 'on_demand',
    price,
    units: Number(units),
    vector: { gpus, vcpus, memory_gib, storage_tib },
  }
  return { ...before, quotes: { ...others, [name]: quote } }
}

const status: unknown = await (await fetch(`${exchangeUrl()}/_local/status`)).json()
const { dataDir } = z.object({ dataDir: z.string() }).parse(status)
if (process.argv.length > 2) {
  const next = script.safeParse(changed(readScript(dataDir)))
  if (!next.success) {
    process.stderr.write(usage)
    process.exit(1)
  }
  writeFileSync(scriptFile(dataDir), JSON.stringify(next.data, undefined, 2))
}
const { quotes, behaviours: told } = readScript(dataDir)
const lines = [
  ...Object.entries(quotes).map(
    ([name, { resource_class, region, pricing, price, units }]) =>
      `${standInProvider}:quote:${name}: ${units} × ${resource_class} in ${region}, ${pricing} at ${price} USD`,
  ),
  ...Object.entries(told).map(([about, list]) => `${about}: ${list.join(',')}`),
  ...[...readReservations(dataDir)].map(
    ([id, { offer_id, units, starts_at, ends_at }]) =>
      `reserved ${id}: ${units} of ${offer_id}, ${starts_at} to ${ends_at}`,
  ),
]
process.stdout.write(lines.map(line => `${line}\n`).join(''))
