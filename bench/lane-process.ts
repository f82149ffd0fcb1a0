/** One lane of `bench lanes`: makes a flow, says that it is ready, applies it when told, says that it is done. */
import { accountsOf, EngineRun, messagesOf, prefilled } from './engine-run.ts'
import { makeFlow } from './flows.ts'

const commandsOfFrame = 500
const flow = makeFlow('nq', 1, Number(process.argv[2]), 12_345)
const accounts = accountsOf(flow)
const { words, from, end } = messagesOf(new EngineRun({ ...flow, accounts }), flow)
const engine = prefilled(flow, accounts, { words, from, end })
process.once('message', () => {
  let at = from
  for (let left = flow.commands; left > 0; left -= commandsOfFrame) {
    at = engine.applyAll(words, at, Math.min(left, commandsOfFrame))
    engine.told.clear()
  }
  process.send?.('done')
})
process.send?.('ready')
