/**
 * Jest makes the world of a test file out of a Proxy, which is then asked for each `Math` and each `Array` that any code in
 * it names: a million of them take seconds instead of a hundredth. All that it notes there is what to clear when the file
 * has ended, which goes with its world anyway.
 */
import { types } from 'node:util'
import vm from 'node:vm'

/** From then on a context that would be made of a Proxy has a global object of its own, as Node itself has. */
export const makePlainContexts = (): void => {
  const { createContext, constants } = vm
  // Before Node 22.8 there are none.
  if (constants.DONT_CONTEXTIFY === undefined) return
  const createPlainContext: typeof createContext = (given, options) =>
    createContext(types.isProxy(given) ? constants.DONT_CONTEXTIFY : given, options)
  Object.assign(vm, { createContext: createPlainContext })
}
