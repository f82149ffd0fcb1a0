import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { answererOf, doubtOf, type OracleCase } from './answers.ts'
import { CaseInputs, isValues } from './case-inputs.ts'

/** A folder that cannot be read at all; a file that cannot be is a result like another. */
export class BadFolder extends Error {
  override readonly name = 'BadFolder'
}

interface Verdict {
  readonly id: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped. */
  readonly reason: string
  readonly miss: Miss | undefined
}

/** Of the member of an answer that is farthest from what is expected, in tolerances. */
interface Miss {
  readonly error: number
  readonly tolerance: number
  /** error / tolerance; 0 where there is no error. */
  readonly ratio: number
}

export interface FileResult {
  readonly file: string
  readonly cases: number
  /** What the file itself says that it has. */
  readonly declared: number | null
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** How many cases were skipped for each reason. */
  readonly reasons: Readonly<Record<string, number>>
  readonly worst: (Miss & { readonly id: string }) | null
  readonly failures: readonly { readonly id: string; readonly reason: string }[]
  /** Why it could not be read; null: it could. */
  readonly problem: string | null
}

export interface FolderResult {
  readonly folder: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly files: readonly FileResult[]
}

const largestFileBytes = 256 * 1024 * 1024
const mostFailuresTold = 100

const fileShape = z.object({ count: z.number().optional(), cases: z.array(z.unknown()) })

const caseShape = z.object({
  id: z.string().optional(),
  inputs: z.custom<OracleCase['inputs']>(isValues, 'is no object'),
  expected: z.unknown(),
  tolerance: z.number().nonnegative(),
  note: z.string().catch(''),
  greek: z.string().catch(''),
  greeks: z.custom<NonNullable<OracleCase['greeks']>>(isValues, 'is no object').optional(),
})

/** The names of the files of a folder that may be of the format, by name. */
export const oracleFiles = (folder: string): readonly string[] => {
  try {
    const files = readdirSync(folder).filter(name => name.endsWith('.json'))
    if (files.length === 0) throw new BadFolder(`there is no .json file in ${folder}`)
    return files.sort()
  } catch (error) {
    if (error instanceof BadFolder) throw error
    throw new BadFolder(`${folder} cannot be read as a folder: ${messageOf(error)}`)
  }
}

/** Judges the cases of each file; `onCase` is told how many of all of them are done. */
export const judgeFolder = (
  folder: string,
  onCase: (done: number, all: number) => void = () => undefined,
): FolderResult => {
  const files = oracleFiles(folder).map(file => ({ file, read: readJson(join(folder, file)) }))
  const all = files.reduce((sum, { read }) => sum + (casesOf(read)?.length ?? 0), 0)
  let done = 0
  const results = files.map(({ file, read }) => {
    const data = files.find(other => other.file === `${nameOf(file)}_data.json`)?.read
    const isDataOf = files.find(other => file === `${nameOf(other.file)}_data.json`)?.file
    return judgeFile(file, read, data, isDataOf, () => {
      done += 1
      onCase(done, all)
    })
  })
  const sum = (count: 'passed' | 'failed' | 'skipped') => results.reduce((total, each) => total + each[count], 0)
  return { folder, passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped'), files: results }
}

type Read = { readonly value: unknown } | { readonly problem: string }

const readJson = (path: string): Read => {
  try {
    const { size } = statSync(path)
    if (size > largestFileBytes) return { problem: `is larger than ${largestFileBytes} bytes` }
    return { value: JSON.parse(readFileSync(path, 'utf8')) }
  } catch (error) {
    return { problem: `cannot be read as JSON: ${messageOf(error)}` }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 200)

const nameOf = (file: string): string => basename(file, '.json')

const casesOf = (read: Read): readonly unknown[] | undefined =>
  'value' in read ? fileShape.safeParse(read.value).data?.cases : undefined

const judgeFile = (
  file: string,
  read: Read,
  data: Read | undefined,
  isDataOf: string | undefined,
  onCase: () => void,
): FileResult => {
  if ('problem' in read) return withoutCases(file, 'failed', read.problem)
  const parsed = fileShape.safeParse(read.value)
  if (!parsed.success) {
    if (isDataOf !== undefined && isValues(read.value))
      return withoutCases(file, 'skipped', `what ${isDataOf} refers to`)
    return withoutCases(file, 'failed', 'is not of the format: no object with a list of cases')
  }
  const { cases, count } = parsed.data
  const context = new CaseInputs(data !== undefined && 'value' in data ? data.value : {})
  const verdicts = cases.map((each, index) => {
    const verdict = judge(nameOf(file), each, index, context)
    onCase()
    return verdict
  })
  return { ...summaryOf(file, verdicts), declared: count ?? null }
}

const withoutCases = (file: string, outcome: 'failed' | 'skipped', reason: string): FileResult => ({
  ...summaryOf(file, []),
  failed: outcome === 'failed' ? 1 : 0,
  reasons: outcome === 'skipped' ? { [reason]: 0 } : {},
  problem: outcome === 'failed' ? reason : null,
})

const summaryOf = (file: string, verdicts: readonly Verdict[]): FileResult => {
  const reasons = new Map<string, number>()
  let worst: (Miss & { readonly id: string }) | null = null
  for (const { id, outcome, reason, miss } of verdicts) {
    if (outcome === 'skipped') reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    else if (miss !== undefined && (worst === null || miss.ratio > worst.ratio)) worst = { id, ...miss }
  }
  const failures = verdicts.filter(({ outcome }) => outcome === 'failed').map(({ id, reason }) => ({ id, reason }))
  const skipped = verdicts.filter(({ outcome }) => outcome === 'skipped').length
  return {
    file,
    cases: verdicts.length,
    declared: null,
    passed: verdicts.length - failures.length - skipped,
    failed: failures.length,
    skipped,
    reasons: Object.fromEntries(reasons),
    worst,
    failures: failures.slice(0, mostFailuresTold),
    problem: null,
  }
}

/** One case of a file: met within its tolerance (`null` by a refusal), missed, or skipped with the reason. */
const judge = (name: string, value: unknown, index: number, data: CaseInputs): Verdict => {
  const parsed = caseShape.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const reason = `is not of the format: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim()
    return { id: `${name}[${index}]`, outcome: 'failed', reason, miss: undefined }
  }
  const each: OracleCase = { ...parsed.data, id: parsed.data.id ?? `${name}[${index}]`, greeks: parsed.data.greeks }
  const { id } = each
  try {
    const answerer = answererOf(name)
    const answer = 'skipped' in answerer ? answerer : answerer(new CaseInputs(each.inputs), each, data)
    if ('skipped' in answer) return { id, outcome: 'skipped', reason: answer.skipped, miss: undefined }
    if (!answer.priced) {
      const isExpected = each.expected === null
      return {
        id,
        outcome: isExpected ? 'passed' : 'failed',
        reason: `refused: ${answer.code} ${answer.field}`,
        miss: undefined,
      }
    }
    if (each.expected === null) return { id, outcome: 'failed', reason: 'was not refused', miss: undefined }
    return compared(name, each, answer.value)
  } catch (error) {
    return { id, outcome: 'failed', reason: `the pricer threw: ${messageOf(error)}`, miss: undefined }
  }
}

const compared = (name: string, each: OracleCase, value: unknown): Verdict => {
  const miss = each.greeks === undefined ? missOf(value, each.expected, each.tolerance) : missOfGreeks(each, value)
  if (miss.ratio <= 1) return { id: each.id, outcome: 'passed', reason: '', miss }
  const doubt = doubtOf(name, each)
  if (doubt !== undefined) return { id: each.id, outcome: 'skipped', reason: doubt, miss }
  return { id: each.id, outcome: 'failed', reason: `error ${miss.error}, tolerance ${miss.tolerance}`, miss }
}

/** Greeks stand beside the price without a tolerance of their own: to 1e-9 of their size. */
const missOfGreeks = ({ expected, greeks, tolerance }: OracleCase, value: unknown): Miss => {
  const given = isValues(value) ? value : {}
  const misses = Object.entries(greeks ?? {}).map(([name, member]) =>
    missOf(given[name], member, Math.max(tolerance, 1e-9 * Math.abs(Number(member)))),
  )
  return worstOf([missOf(given['price'], expected, tolerance), ...misses])
}

/** |x − expected| over the tolerance, the worst of an object's or array's members; Infinity where something is missing. */
const missOf = (value: unknown, expected: unknown, tolerance: number): Miss => {
  if (typeof expected === 'number' && typeof value === 'number' && Number.isFinite(value)) {
    const error = Math.abs(value - expected)
    return { error, tolerance, ratio: error === 0 ? 0 : error / tolerance }
  }
  if (typeof expected === 'boolean' && value === expected) return { error: 0, tolerance, ratio: 0 }
  if (typeof expected !== 'object' || expected === null || typeof value !== 'object' || value === null)
    return { error: Infinity, tolerance, ratio: Infinity }
  const given = new Map<string, unknown>(Object.entries(value))
  return worstOf(Object.entries(expected).map(([name, member]) => missOf(given.get(name), member, tolerance)))
}

const worstOf = (misses: readonly Miss[]): Miss =>
  misses.reduce((worst, miss) => (miss.ratio > worst.ratio ? miss : worst), { error: 0, tolerance: 0, ratio: 0 })
