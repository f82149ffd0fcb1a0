/** For leash.test.ts: starts a leashed program and a Node child, tells their pids, and waits to be killed. */
import { startLeashed, startNodeChild } from '#local/children.ts'
import { createClock } from '#local/clock.ts'

const [logFile = ''] = process.argv.slice(2)
const environment = { PATH: process.env['PATH'] ?? '' }
const command = ['/bin/sh', '-c', 'echo "program $$"; exec sleep 300']
const leashed = await startLeashed({ name: 'program', command, environment, logFile })
const args = ['--eval', 'setInterval(() => undefined, 1000)']
const node = await startNodeChild({ name: 'node', args, environment, clock: createClock(), logFile })
process.stdout.write(`${leashed.pid} ${node.pid}\n`)
setInterval(() => undefined, 1_000)
