/** An item as the document client gives and takes it. Rows are made of items attribute by attribute, never by cast. */
export type Item = Readonly<Record<string, unknown>>

/** An item that is not what its table's adapter writes: ours is the only writer, so this is our bug. */
class MalformedItem extends Error {
  override readonly name = 'MalformedItem'
}

const malformed = (item: Item, name: string, expected: string): MalformedItem =>
  new MalformedItem(`attribute ${name} is not ${expected} in item with ${Object.keys(item).join(', ')}`)

export const text = (item: Item, name: string): string => {
  const value = item[name]
  if (typeof value !== 'string') throw malformed(item, name, 'text')
  return value
}

/** Amounts never pass through floats: what is not a safe integer does not come in. */
export const integer = (item: Item, name: string): number => {
  const value = item[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw malformed(item, name, 'a safe integer')
  return value
}

/** Of any size, as text: what is added up over time outgrows a safe integer. */
export const whole = (item: Item, name: string): bigint => {
  const value = text(item, name)
  if (!/^[0-9]+$/.test(value)) throw malformed(item, name, 'a whole number as text')
  return BigInt(value)
}

export const bytes = (item: Item, name: string): Uint8Array => {
  const value = item[name]
  if (!(value instanceof Uint8Array)) throw malformed(item, name, 'bytes')
  return value
}

export const truth = (item: Item, name: string): boolean => {
  const value = item[name]
  if (typeof value !== 'boolean') throw malformed(item, name, 'true or false')
  return value
}

export const oneOf = <const Choice extends string>(item: Item, name: string, choices: readonly Choice[]): Choice => {
  const value = item[name]
  const chosen = choices.find(choice => choice === value)
  if (chosen === undefined) throw malformed(item, name, `one of ${choices.join(', ')}`)
  return chosen
}

export const listOf = (item: Item, name: string): readonly unknown[] => {
  const value = item[name]
  if (!Array.isArray(value)) throw malformed(item, name, 'a list')
  return value
}

export const texts = (item: Item, name: string): readonly string[] =>
  listOf(item, name).map(each => {
    if (typeof each !== 'string') throw malformed(item, name, 'a list of texts')
    return each
  })

export const itemsOf = (item: Item, name: string): readonly Item[] =>
  listOf(item, name).map(each => {
    if (typeof each !== 'object' || each === null) throw malformed(item, name, 'a list of items')
    return { ...each }
  })

/** One within the other. */
export const itemIn = (item: Item, name: string): Item => {
  const value = item[name]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(item, name, 'an item')
  return { ...value }
}

/** `{ [property]: read(item, name) }`, or nothing where the item has no such attribute. */
export const optional = <const Property extends string, Value>(
  property: Property,
  item: Item,
  name: string,
  read: (item: Item, name: string) => Value,
): { readonly [Each in Property]?: Value } => {
  const found: { [Each in Property]?: Value } = {}
  if (item[name] !== undefined) found[property] = read(item, name)
  return found
}
