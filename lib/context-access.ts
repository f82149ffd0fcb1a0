import type { schedules, streamConsumers, tasks } from '#protocol/functions.ts'
import type { Context } from '#protocol/operation.ts'
import type { Access } from './access.ts'

type Declared = (typeof streamConsumers)[number] | (typeof tasks)[number] | (typeof schedules)[number]
type NamesIn<C extends Context> = Extract<Declared, { readonly context: C }>['name']

export type Grant = (given: Access) => unknown

/** What each function of a context may touch; one that is declared in protocol and missing here does not compile. */
export type ContextAccess<C extends Context> = Readonly<
  Record<'http' | NamesIn<C> | (C extends 'platform' ? 'authorize' : never), Grant>
>

export const grantOf = (access: Readonly<Record<string, Grant>>, name: string): Grant => {
  const grant = access[name]
  if (grant === undefined) throw new Error(`lib/contexts does not say what ${name} may touch`)
  return grant
}
