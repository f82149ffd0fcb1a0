import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createEngine } from '#domain/trading/engine.ts'
import { pruneSnapshots, putSnapshot, loadSnapshot } from '#adapters/snapshots.ts'
import { startSnapshotter } from '#matcher/snapshotter.ts'
import { idOf, opening, order, startSurroundings } from './surroundings.ts'
const s = await startSurroundings('kinesalite')
const e = createEngine(1)
e.advance(Date.now())
e.apply(opening[4]!, 0)
for (let a=1;a<=20;a++) { e.apply({type:'open-account',commandId:idOf(a*10),account:`a${a}`},0); e.apply({type:'deposit',commandId:idOf(a*10+1),accountId:a,amountMicros:1e13},0) }
for (let n=0;n<110_000;n++) { const o:any = order(n); const r = e.apply({...o, orderId: idOf(100_000+n), accountId: 1+n%20, direction: n%2?'buy':'sell', priceTicks: n%2? 100+n%700: 1000+n%700}, 0); if (n<1) console.log(r) }
const st = e.snapshot(); console.log('orders', st.books[0]!.buy.length+st.books[0]!.sell.length, 'recent', st.recentCommands.length)
const log = { info: (m:any,d:any)=>console.log(m,JSON.stringify(d)), warn: console.log, error: console.log }
let n = 0
const snap = startSnapshotter({ lane: 1, epoch: 1, intervalMillis: 1e9, isDue: () => true, capture: () => ({ position: { sequence: '1'.padStart(56,'0'), outSeq: ++n, chain: '' }, laneMillis: 0, state: e.snapshot() }), untilCheckpointed: async () => {}, put: putSnapshot, note: async () => {}, prune: pruneSnapshots, onTaken: () => {}, log })
for (let i=0;i<5;i++) {
  const gaps: number[] = []; let last = performance.now(); let on = true
  const spin = () => { const now = performance.now(); gaps.push(now-last); last = now; if (on) setImmediate(spin) }
  setImmediate(spin)
  const t = performance.now(); await snap.take(); on = false
  console.log('total', Math.round(performance.now()-t), 'longest gaps', gaps.sort((a,b)=>b-a).slice(0,6).map(x=>x.toFixed(1)).join(' '))
}
const t = performance.now()
await loadSnapshot(1, x => x, console.log); console.log('load', Math.round(performance.now()-t))
snap.stop(); await s.stop(); process.exit(0)
