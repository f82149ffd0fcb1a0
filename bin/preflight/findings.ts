/** What became of one look: `fine`, something `lacks`, or it is `unknown` because nobody was allowed to look. */
export interface Finding {
  readonly name: string
  readonly need: string
  readonly has: string
  readonly verdict: 'fine' | 'lacks' | 'unknown' | 'not asked'
  readonly note?: string
  /** To paste. */
  readonly remedy?: string
}

export const isInOrder = (findings: readonly Finding[]): boolean =>
  findings.every(({ verdict }) => verdict === 'fine' || verdict === 'not asked')

/** Columns as wide as what is in them, then the notes, then what to ask for. */
export const renderFindings = (findings: readonly Finding[]): string => {
  const rows = [
    ['', 'need', 'has', 'verdict'],
    ...findings.map(({ name, need, has, verdict }) => [name, need, has, verdict]),
  ]
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const table = rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const notes = findings.flatMap(({ name, note }) => (note === undefined ? [] : [`  ${name}: ${note}`]))
  const remedies = [
    ...new Set(
      findings.flatMap(({ verdict, remedy }) => (verdict === 'fine' || remedy === undefined ? [] : [`  ${remedy}`])),
    ),
  ]
  return [
    ...table,
    ...(notes.length === 0 ? [] : ['', ...notes]),
    ...(remedies.length === 0 ? [] : ['', 'To ask for, or to check by hand:', ...remedies]),
  ].join('\n')
}
