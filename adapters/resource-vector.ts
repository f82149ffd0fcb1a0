import type { ResourceVector } from '#domain/partners/catalogue.ts'

/** Memory, storage and shared GPUs come in fractions, and items hold whole numbers only: a vector is kept as text. */
export const vectorText = ({ gpus, vcpus, memoryGib, storageTib }: ResourceVector): string =>
  JSON.stringify([gpus, vcpus, memoryGib, storageTib])

export const vectorOfText = (written: string): ResourceVector => {
  const read: unknown = JSON.parse(written)
  if (!Array.isArray(read) || read.length !== 4) throw new Error(`${written} is no resource vector`)
  const numbers = read.map((each: unknown) => {
    if (typeof each !== 'number' || !Number.isFinite(each)) throw new Error(`${written} is no resource vector`)
    return each
  })
  const [gpus = 0, vcpus = 0, memoryGib = 0, storageTib = 0] = numbers
  return { gpus, vcpus, memoryGib, storageTib }
}
