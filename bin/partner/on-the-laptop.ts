import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { hourMillis } from '#domain/partners/catalogue.ts'
import {
  acts,
  type Behaviour,
  behaviours,
  type ListeningPartner,
  listen,
  PartnerStandIn,
  remembered,
  type StandInQuote,
} from './stand-in.ts'

/** Whose service it is. */
export const standInProvider = 'gcp'

const amount = z.number().min(0).max(100_000)
/** So many units of one kind at a price, for the next thirty days. */
const told = z.strictObject({
  resource_class: z.string().regex(/^[A-Z0-9][A-Z0-9._-]{0,39}$/),
  region: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/),
  pricing: z.enum(['on_demand', 'spot']),
  price: z.string().regex(/^(?=.*[1-9])(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,6})?$/),
  units: z.int().min(1).max(10_000),
  vector: z.strictObject({ gpus: amount, vcpus: amount, memory_gib: amount, storage_tib: amount }),
})

/** What it quotes, by name, and what it does with the requests of a kind: the first behaviour with the first, the last with all others. */
export const script = z.strictObject({
  quotes: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/), told),
  behaviours: z.partialRecord(
    z.enum([...acts, 'all']),
    z.array(z.union([z.enum(behaviours), z.int().min(400).max(599)])).min(1),
  ),
})
export type Script = z.infer<typeof script>

const usual: Script = {
  quotes: {
    h100: {
      resource_class: 'H100',
      region: 'us-central1',
      pricing: 'on_demand',
      price: '2.4',
      units: 16,
      vector: { gpus: 1, vcpus: 26, memory_gib: 234, storage_tib: 0 },
    },
  },
  behaviours: {},
}

/** Read anew for each request, so that it may be written at any time: `npm run partner`. */
export const scriptFile = (dataDir: string): string => join(dataDir, 'partner.json')
export const readScript = (dataDir: string): Script =>
  existsSync(scriptFile(dataDir)) ? script.parse(JSON.parse(readFileSync(scriptFile(dataDir), 'utf8'))) : usual

const memoryFile = (dataDir: string): string => join(dataDir, 'partner-reservations.jsonl')
const recalled = (dataDir: string) =>
  existsSync(memoryFile(dataDir))
    ? readFileSync(memoryFile(dataDir), 'utf8')
        .split('\n')
        .flatMap(line => (line === '' ? [] : [remembered.parse(JSON.parse(line))]))
    : []

/** What it has promised. */
export const readReservations = (dataDir: string) =>
  new PartnerStandIn({
    now: Date.now,
    quotes: () => [],
    behaviourOf: () => 'succeed',
    recalled: recalled(dataDir),
  }).reserved()

const acceptedForMillis = 15 * 60_000
const quotedForMillis = 30 * 24 * hourMillis

const quotesOf = ({ quotes }: Script, nowMillis: number): readonly StandInQuote[] => {
  const hour = Math.floor(nowMillis / hourMillis) * hourMillis
  return Object.entries(quotes).map(([quote_id, { units, ...quote }]) => ({
    quote_id,
    ...quote,
    available_units: units,
    minimum_units: 1,
    starts_at: new Date(hour).toISOString(),
    ends_at: new Date(hour + quotedForMillis).toISOString(),
    accept_until: new Date(nowMillis + acceptedForMillis).toISOString(),
  }))
}

interface Exchange {
  readonly dataDir: string
  readonly now: () => number
}

/** Its address has to be known before there is an exchange to ask it. */
export const startPartner = (exchange: Promise<Exchange>): Promise<ListeningPartner> => {
  const standIn = exchange.then(({ dataDir, now }) => {
    let counted = new Map<string, number>()
    let last = ''
    return new PartnerStandIn({
      now,
      quotes: () => quotesOf(readScript(dataDir), now()),
      behaviourOf: (act, name): Behaviour => {
        const { behaviours: told } = readScript(dataDir)
        // Counted from when it was told.
        if (JSON.stringify(told) !== last) [last, counted] = [JSON.stringify(told), new Map()]
        const count = counted.get(`${act} ${name}`) ?? 0
        counted.set(`${act} ${name}`, count + 1)
        const own = told[act] ?? told.all ?? []
        return own[Math.min(count, own.length - 1)] ?? 'succeed'
      },
      recalled: recalled(dataDir),
      remember: fact => appendFileSync(memoryFile(dataDir), `${JSON.stringify(fact)}\n`),
    })
  })
  return listen(() => standIn)
}
