/** Objects as S3 keeps them, whole or not. */
import {
  type GetObjectRequest,
  type ListObjectsV2Request,
  type PutObjectRequest,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import type { CallFault } from './faults.ts'
import type { Random } from './random.ts'
import type { SimProcess } from './scheduler.ts'

export type ObjectWatcher = (key: string, bytes: Uint8Array | undefined, by: SimProcess | undefined) => void

const $metadata = {}
const failure = (name: string, $fault: 'client' | 'server', message: string): S3ServiceException =>
  new S3ServiceException({ name, $fault, $metadata, message })

export class SimObjects {
  /** By key, of all buckets: the world has one. The store's own. */
  readonly objects = new Map<string, Uint8Array>()
  private readonly random: Random
  private readonly watchers: ObjectWatcher[] = []
  /** Of one page of a list. */
  private readonly mostKeys: number

  constructor(random: Random, mostKeys = 1_000) {
    this.random = random
    this.mostKeys = mostKeys
  }

  clear(): void {
    this.objects.clear()
    this.watchers.length = 0
  }

  watch(watcher: ObjectWatcher): void {
    this.watchers.push(watcher)
  }

  put(
    { Key = '', Body, IfNoneMatch }: PutObjectRequestOf,
    by: SimProcess | undefined,
    fault: CallFault | undefined,
  ): object {
    if (fault === 'disk-full') throw failure('InsufficientStorage', 'server', 'no space left on device')
    if (IfNoneMatch === '*' && this.objects.has(Key))
      throw failure('PreconditionFailed', 'client', 'At least one of the pre-conditions you specified did not hold')
    if (!(Body instanceof Uint8Array) && typeof Body !== 'string')
      throw new TypeError('only bytes and text are simulated')
    const given = typeof Body === 'string' ? Buffer.from(Body) : new Uint8Array(Body)
    // Of what is loaded again there are older ones to fall back to; for the rest the store's own checksums are trusted.
    const stored = fault === undefined || !Key.includes('/snapshots/') ? given : damaged(given, fault, this.random)
    this.objects.set(Key, stored)
    for (const watcher of this.watchers) watcher(Key, stored, by)
    return {}
  }

  get({ Key = '' }: GetObjectRequest, fault: CallFault | undefined): object {
    const stored = this.objects.get(Key)
    if (stored === undefined) throw failure('NoSuchKey', 'client', 'The specified key does not exist.')
    const kind = this.random.pick(['stored-flipped', 'stored-cut', 'stored-altered'] as const)
    const bytes = fault === 'read-damaged' ? damaged(stored, kind, this.random) : new Uint8Array(stored)
    return {
      ContentLength: bytes.length,
      Body: {
        transformToByteArray: async () => bytes,
        transformToString: async () => Buffer.from(bytes).toString('utf8'),
      },
    }
  }

  list({ Prefix = '', ContinuationToken = '', MaxKeys = this.mostKeys }: ListObjectsV2Request): object {
    const keys = [...this.objects.keys()].filter(key => key.startsWith(Prefix) && key > ContinuationToken).sort()
    const page = keys.slice(0, Math.min(MaxKeys, this.mostKeys))
    return {
      Contents: page.map(Key => ({ Key, Size: this.objects.get(Key)?.length ?? 0 })),
      ...(page.length < keys.length ? { NextContinuationToken: page.at(-1), IsTruncated: true } : {}),
    }
  }

  delete({ Key = '' }: { readonly Key?: string | undefined }, by: SimProcess | undefined): object {
    this.objects.delete(Key)
    for (const watcher of this.watchers) watcher(Key, undefined, by)
    return {}
  }
}

type PutObjectRequestOf = Omit<PutObjectRequest, 'Body'> & { readonly Body?: unknown }

/** A copy that is not what it was; of an empty one nothing can be damaged. */
export const damaged = (bytes: Uint8Array, how: CallFault, random: Random): Uint8Array => {
  const copy = new Uint8Array(bytes)
  if (copy.length === 0) return copy
  switch (how) {
    case 'stored-flipped': {
      const at = random.below(copy.length)
      copy[at] = (copy[at] as number) ^ (1 << random.below(8))
      return copy
    }
    case 'stored-cut':
      return copy.subarray(0, random.below(copy.length))
    case 'stored-altered': {
      // Another digit in the place of a digit: JSON stays JSON, and a hash text stays one.
      const start = random.below(copy.length)
      for (let i = 0; i < copy.length; i++) {
        const at = (start + i) % copy.length
        const digit = (copy[at] as number) - 48
        if (digit < 1 || digit > 9) continue
        copy[at] = 48 + (digit % 9) + 1
        return copy
      }
      return copy
    }
    default:
      return copy
  }
}
