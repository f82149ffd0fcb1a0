import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bundles, bundlesIn, functionEntries } from '#lib/bundles.ts'

/** For templates that are read and not deployed: what is in the bundles does not matter to them. */
export const standInBundles = async (folder: string): Promise<Bundles> => {
  const bundles = bundlesIn(folder)
  for (const { bundle } of functionEntries) {
    await mkdir(bundles.functionFolder(bundle), { recursive: true })
    await writeFile(join(bundles.functionFolder(bundle), 'index.mjs'), 'export const handler = async () => ({})\n')
  }
  await mkdir(bundles.matcherFolder, { recursive: true })
  await writeFile(join(bundles.matcherFolder, 'Dockerfile'), 'FROM scratch\n')
  return bundles
}
