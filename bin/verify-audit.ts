/** `npm run verify-audit -- <folder>`: reads the audit trail's objects and says which record is not as it was chained. */
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeVerifier, parseSegmentName, type Verification } from '#domain/compliance/audit-chain.ts'
import { objectMark, read } from '#local/s3.ts'

const usage = `usage: npm run verify-audit -- <folder> [--after <hash>] [--through <hash>]

The folder holds the objects of the tenant's audit bucket, under their names (2026-07-21/000000000001-….jsonl):

  aws s3 sync s3://<audit bucket> audit/          all of it; the bucket is in the outputs of the Data stack
  npm run verify-audit -- audit/

Of a local exchange it is <data directory>/s3/<audit bucket>; <data directory> alone will do.

  --after <hash>    the hash that the first record must follow, where the folder begins later than the exchange did
  --through <hash>  the hash that the last record must have (GET /api/v1/audit tells it): without it nobody can tell
                    that the newest objects are missing
`

const hash = /^[0-9a-f]{64}$/

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}

async function main(): Promise<number> {
  const { folder, after, through } = readArguments()
  const names = segmentsIn(folder)
  if (names.length === 0) throw new Error(`${folder} holds no audit records\n\n${usage}`)
  const verifier = makeVerifier(after === undefined ? {} : { after })
  for (const { file, ...named } of names) {
    const text = await contentOf(join(folder, file))
    verifier.segment({ ...named, lines: text.split('\n').filter(line => line !== '') })
  }
  return tell(verifier.finish(through))
}

function tell({ records, days, faults, end }: Verification): number {
  for (const { kind, says } of faults) console.log(`${kind}: ${says}`)
  console.log(`${records} records of ${days} days checked, ${faults.length} faults`)
  console.log(`last: record ${end.number} of ${end.date}, hash ${end.hash}`)
  return faults.length === 0 ? 0 : 1
}

function readArguments(): { folder: string; after: string | undefined; through: string | undefined } {
  const { values, positionals } = parseArgs({
    options: { after: { type: 'string' }, through: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  })
  const [folder, ...others] = positionals
  if (values.help || folder === undefined || others.length > 0) throw new Error(usage)
  for (const given of [values.after, values.through])
    if (given !== undefined && !hash.test(given)) throw new Error(`${given} is no hash: 64 hexadecimal digits`)
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`)
  return { folder: resolve(folder), after: values.after, through: values.through }
}

/** In the order of the chain. Other files, and other buckets of a data directory, are passed over. */
function segmentsIn(folder: string) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .flatMap(entry => {
      const file = relative(folder, join(entry.parentPath, entry.name))
      const named = parseSegmentName(file.replaceAll('\\', '/').replace(objectMark, ''))
      return named === undefined ? [] : [{ file, ...named }]
    })
    .sort((one, other) => (one.date === other.date ? one.first - other.first : one.date < other.date ? -1 : 1))
}

/** The local exchange keeps what it knows of an object in the object's file. */
async function contentOf(file: string): Promise<string> {
  return file.endsWith(objectMark) ? (await read(file)).body.toString() : await readFile(file, 'utf8')
}
