/**
 * Jest gives each test file a world of its own, in which it compiles the same packages again: for most files that is what
 * they cost. Within a worker, what V8 made of a source text is kept in memory and handed back for the very same text.
 */
import vm from 'node:vm'

declare module 'node:vm' {
  /** @types/node has it of scripts only. */
  interface SourceTextModule {
    createCachedData(): Buffer
  }
}

interface Compiled {
  readonly parameters: string
  readonly data: Buffer | undefined
}

/** From then on, for all that this process compiles by `node:vm`. */
export const compileOnce = (): void => {
  const { compileFunction, SourceTextModule } = vm
  // By the whole text: V8 itself holds a cache only against its length.
  const functions = new Map<string, Compiled>()
  const modules = new Map<string, Buffer>()

  const compileFunctionOnce: typeof compileFunction = (code, params = [], options = {}) => {
    const parameters = params.join()
    const known = functions.get(code)
    if (known?.data !== undefined && known.parameters === parameters)
      return compileFunction(code, params, { ...options, cachedData: known.data })
    const compiled = compileFunction(code, params, { ...options, produceCachedData: true })
    functions.set(code, { parameters, data: compiled.cachedData })
    return compiled
  }

  class ModuleCompiledOnce extends SourceTextModule {
    constructor(code: string, options: vm.SourceTextModuleOptions = {}) {
      const cachedData = modules.get(code)
      super(code, cachedData === undefined ? options : { ...options, cachedData })
      // Only a module that has not been evaluated yet can tell it.
      if (cachedData === undefined) modules.set(code, this.createCachedData())
    }
  }

  Object.assign(vm, { compileFunction: compileFunctionOnce, SourceTextModule: ModuleCompiledOnce })
}
