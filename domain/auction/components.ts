import type { Market } from './allocation.ts'

/** Blocks that share clusters, links or groups, directly or through others: what can be decided by itself. */
export interface Component {
  readonly blocks: readonly number[]
  readonly clusters: readonly number[]
  readonly groups: readonly number[]
}

/** In order of their first block. */
export const componentsOf = ({ book, clusterOf, clusters }: Market): Component[] => {
  const count = book.blocks.length
  const root = Int32Array.from({ length: count + clusters.length }, (_, i) => i)
  const find = (at: number): number => {
    while (root[at] !== at) {
      root[at] = root[root[at] ?? at] ?? at
      at = root[at] ?? at
    }
    return at
  }
  const join = (a: number, b: number): void => {
    const [x, y] = [find(a), find(b)]
    root[Math.max(x, y)] = Math.min(x, y)
  }
  for (const { index, markets, parent } of book.blocks) {
    for (const market of markets) join(index, count + (clusterOf[market] ?? 0))
    if (parent >= 0) join(index, parent)
  }
  for (const group of book.groups) for (const index of group) join(index, group[0] ?? index)
  const clustersBy = Map.groupBy(clusters.keys(), at => find(count + at))
  return [...Map.groupBy(book.blocks.keys(), find)].map(([at, blocks]) => ({
    blocks,
    clusters: clustersBy.get(at) ?? [],
    groups: [...new Set(blocks.flatMap(index => book.blocks[index]?.group ?? []))].filter(group => group >= 0),
  }))
}
