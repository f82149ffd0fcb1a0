import type { ResourceVector } from './catalogue.ts'

/** A family whose machines are named by their number of GPUs (`a3-highgpu-8g`): what there is of each. */
const byGpus: Readonly<
  Record<string, { readonly resourceClass: string; readonly vcpus: number; readonly memoryGib: number }>
> = {
  'a2-highgpu': { resourceClass: 'A100-40GB', vcpus: 12, memoryGib: 85 },
  'a2-ultragpu': { resourceClass: 'A100-80GB', vcpus: 12, memoryGib: 170 },
  'a3-highgpu': { resourceClass: 'H100', vcpus: 26, memoryGib: 234 },
  'a3-megagpu': { resourceClass: 'H100', vcpus: 26, memoryGib: 234 },
}

/** With 16 GPUs it has fewer of the rest for each. */
const a2Mega = { resourceClass: 'A100-40GB', vector: { gpus: 16, vcpus: 96, memoryGib: 1_360, storageTib: 0 } }

/** Families that are named by their number of vCPUs (`n2-standard-8`): GiB for each. */
const memoryByVcpus: Readonly<Record<string, number>> = {
  'c2-standard': 4,
  'c3-standard': 4,
  'e2-standard': 4,
  'n1-standard': 3.75,
  'n2-standard': 4,
}
/** GPUs by vCPUs. */
const l4Machines: Readonly<Record<number, number>> = { 4: 1, 8: 1, 12: 1, 16: 1, 24: 2, 32: 1, 48: 4, 96: 8 }
const vcpusOfRtxPro = 48
const rtxProGibOfVcpu = 3.75

/** What a machine type of GCP has, by its name (cloud.google.com/compute/docs/machine-resource); undefined where it is unknown. */
export const gcpMachine = (
  machineType: string,
): { readonly resourceClass: string; readonly vector: ResourceVector } | undefined => {
  if (machineType === 'a2-megagpu-16g') return a2Mega
  const [, family = '', digits = '', suffix = ''] = /^([a-z][0-9a-z]*-[a-z]+)-([0-9]{1,3})(g?)$/.exec(machineType) ?? []
  const size = Number(digits)
  if (size === 0) return undefined
  if (suffix === 'g') {
    const each = byGpus[family]
    return each === undefined
      ? undefined
      : {
          resourceClass: each.resourceClass,
          vector: { gpus: size, vcpus: size * each.vcpus, memoryGib: size * each.memoryGib, storageTib: 0 },
        }
  }
  if (family === 'g2-standard') {
    const gpus = l4Machines[size]
    return gpus === undefined
      ? undefined
      : { resourceClass: 'L4', vector: { gpus, vcpus: size, memoryGib: 4 * size, storageTib: 0 } }
  }
  if (family === 'g4-standard')
    return {
      resourceClass: 'RTX-PRO-6000',
      vector: { gpus: size / vcpusOfRtxPro, vcpus: size, memoryGib: rtxProGibOfVcpu * size, storageTib: 0 },
    }
  const memory = memoryByVcpus[family]
  return memory === undefined
    ? undefined
    : { resourceClass: 'CPU', vector: { gpus: 0, vcpus: size, memoryGib: memory * size, storageTib: 0 } }
}
