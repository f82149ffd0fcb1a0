/**
 * JSON as a stranger sends it. `JSON.parse` knows the grammar but keeps the last of two equal keys in silence, lets
 * `__proto__` through and nests without bound; what it accepts is scanned once more for those three.
 */
const mostNested = 32

export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly detail: string }

export const parseJson = (text: string): ParsedJson => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { ok: false, detail: 'The body is not a JSON document.' }
  }
  const detail = objection(text)
  return detail === undefined ? { ok: true, value } : { ok: false, detail }
}

/** What is wrong with a text whose grammar is known to be right. */
const objection = (text: string): string | undefined => {
  /** Keys of each object that is open, undefined for an array. */
  const open: (Set<string> | undefined)[] = []
  let keyExpected = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      const end = stringEnd(text, at)
      if (keyExpected) {
        const key: unknown = JSON.parse(text.slice(at, end + 1))
        if (typeof key !== 'string') throw new Error('a JSON key was no string')
        if (key === '__proto__') return 'The key "__proto__" is not permitted.'
        const keys = open.at(-1)
        if (keys?.has(key) === true) return `The key ${JSON.stringify(key.slice(0, 64))} appears twice in one object.`
        keys?.add(key)
        keyExpected = false
      }
      at = end
    } else if (character === '{' || character === '[') {
      if (open.push(character === '{' ? new Set() : undefined) > mostNested)
        return `Nested deeper than ${mostNested} levels.`
      keyExpected = character === '{'
    } else if (character === '}' || character === ']') {
      open.pop()
      keyExpected = false
    } else if (character === ',') keyExpected = open.at(-1) !== undefined
  }
  return undefined
}

const stringEnd = (text: string, start: number): number => {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}
