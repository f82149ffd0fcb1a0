/** One lane of `bench lanes`: makes a flow, says that it is ready, applies it when told, says that it is done. */
import { wordsOf } from '#domain/trading/messages.ts'
import { accountsOf, EngineRun, messagesOf, prefilled } from './engine-run.ts'
import { makeFlow } from './flows.ts'

const flow = makeFlow('nq', 1, Number(process.argv[2]), 12_345)
const accounts = accountsOf(flow)
const { words, from, end } = messagesOf(new EngineRun({ ...flow, accounts }), flow)
const engine = prefilled(flow, accounts, { words, from, end })
process.once('message', () => {
  for (let at = from; at < end; at += wordsOf(words[at] as number)) {
    engine.apply(words, at)
    engine.told.clear()
  }
  process.send?.('done')
})
process.send?.('ready')
