/** `node --import ./test/simulation/mutate.ts …` with MUTANT set: the product is loaded with that bug in it. */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { mutants } from './mutants.ts'

const name = process.env['MUTANT']
const mutant = mutants.find(each => each.name === name)
if (mutant === undefined) throw new Error(`no mutant is called ${name}`)
const root = pathToFileURL(`${process.cwd()}/`).href

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const changes = mutant.changes.filter(({ file }) => url === `${root}${file}`)
    if (changes.length === 0) return loaded
    let source = String(loaded.source instanceof Uint8Array ? Buffer.from(loaded.source) : loaded.source)
    for (const { find, replace, file } of changes) {
      if (source.split(find).length !== 2)
        throw new Error(`the mutant "${mutant.name}" does not fit ${file}: ${JSON.stringify(find)}`)
      source = source.replace(find, () => replace)
    }
    return { ...loaded, source }
  },
})
