/** Runs the template's Fargate tasks: the container's command out of a folder made as its Dockerfile says. */

import { existsSync, rmSync } from 'node:fs'
import { cp, mkdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, posix } from 'node:path'
import * as z from 'zod'
import { callerEnvironment } from './aws-calls.ts'
import { type Child, type NodeChildOptions, startNodeChild } from './children.ts'
import type { Component, Resource, Surroundings } from './component.ts'
import { pause } from './pause.ts'
import { propertiesOf } from './resource-properties.ts'
import { scratchFolder } from './scratch.ts'

const firstRestartMillis = 500
/** Lower where tasks are killed on purpose, one after the other. */
const longestRestartMillis = Number(process.env['LONGEST_RESTART_MILLIS'] ?? 30_000)
/** A task that ran this long had started well: its next restart is a first one again. */
const healthyMillis = 60_000
const longestStopSeconds = 10

const container = z.object({
  Image: z.string(),
  Command: z.array(z.string()).optional(),
  EntryPoint: z.array(z.string()).optional(),
  Environment: z.array(z.object({ Name: z.string(), Value: z.coerce.string() })).default([]),
  StopTimeout: z.coerce.number().default(30),
})
const taskProperties = z.object({ ContainerDefinitions: z.tuple([container]) })
const serviceProperties = z.object({ TaskDefinition: z.string(), DesiredCount: z.coerce.number().default(1) })

export interface RunningTask {
  readonly service: string
  readonly pid: number
}

/** What a Dockerfile says, of the few instructions that make a Node program's image. */
export interface Image {
  readonly copies: readonly (readonly [from: string, to: string])[]
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory: string
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
}

export async function startEcs(s: Surroundings): Promise<Component & { tasks(): readonly RunningTask[] }> {
  // Not in the data folder: no node_modules of ours may lie above it.
  const root = scratchFolder(tmpdir(), 'task-images')
  const removeRoot = () => rmSync(root, { recursive: true, force: true })
  process.once('exit', removeRoot)
  const running = new Map<Child, string>()
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    await Promise.all(stops.map(each => each()))
    removeRoot()
    process.off('exit', removeRoot)
  }

  async function startService(service: Resource): Promise<void> {
    const { TaskDefinition, DesiredCount } = propertiesOf(service, serviceProperties)
    const definition = s.resources.find(({ physicalId }) => physicalId === TaskDefinition)
    if (definition === undefined) throw new Error(`${service.stack}/${service.logicalId} runs no task of the templates`)
    const [task] = propertiesOf(definition, taskProperties).ContainerDefinitions
    const context = s.assetPath(definition.stack, task.Image.replace(/^.*:/, ''))
    const image = parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8'))
    const [program = '', ...args] = [...(task.EntryPoint ?? image.entryPoint), ...(task.Command ?? image.command)]
    if (basename(program) !== 'node') throw new Error(`${context}/Dockerfile runs ${program}: only node runs locally`)
    const name = service.physicalId.replace(/^.*\//, '')
    for (let index = 1; index <= DesiredCount; index++) {
      const folder = join(root, `${name}-${index}`)
      await makeFolder(context, image, folder)
      const inFolder = (each: string) =>
        isAbsolute(each) && existsSync(join(folder, each)) ? join(folder, each) : each
      const child: NodeChildOptions = {
        name,
        args: args.map(inFolder),
        cwd: join(folder, image.workingDirectory),
        environment: {
          PATH: process.env['PATH'] ?? '',
          HOME: folder,
          TZ: 'UTC',
          ...image.environment,
          ...Object.fromEntries(task.Environment.map(({ Name, Value }) => [Name, Value])),
          ...callerEnvironment(s, definition),
        },
        clock: s.clock,
        logFile: join(s.dataDir, 'logs', index === 1 ? `${name}.log` : `${name}-${index}.log`),
      }
      const graceMillis = Math.min(task.StopTimeout, longestStopSeconds) * 1_000
      stops.push(await keepRunning(child, graceMillis, running, s.complain))
    }
  }

  try {
    for (const each of s.resources) if (each.type === 'AWS::ECS::Service') await startService(each)
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, tasks: () => [...running].map(([{ pid }, service]) => ({ service, pid })) }
}

/** Starts the task, and again whenever it ends by itself; answers how to stop that. */
async function keepRunning(
  options: NodeChildOptions,
  graceMillis: number,
  running: Map<Child, string>,
  complain: Surroundings['complain'],
): Promise<() => Promise<void>> {
  const { name, logFile } = options
  const stopping = new AbortController()
  let restartMillis = firstRestartMillis
  const start = async () => {
    const child = await startNodeChild(options)
    running.set(child, name)
    return child
  }
  const watch = async (child: Child): Promise<void> => {
    const startedMillis = performance.now()
    const stop = () => void child.stop(graceMillis)
    stopping.signal.addEventListener('abort', stop, { once: true })
    if (stopping.signal.aborted) stop()
    const how = await child.ended
    stopping.signal.removeEventListener('abort', stop)
    running.delete(child)
    if (stopping.signal.aborted) return
    if (performance.now() - startedMillis > healthyMillis) restartMillis = firstRestartMillis
    complain(name, new Error(`the task ended (${how}); starting it again in ${restartMillis} ms: see ${logFile}`))
    await pause(restartMillis, stopping.signal)
    restartMillis = Math.min(restartMillis * 2, longestRestartMillis)
    if (!stopping.signal.aborted) await watch(await start())
  }
  const watching = watch(await start()).catch(error => complain(name, error))
  return () => {
    stopping.abort()
    return watching
  }
}

async function makeFolder(context: string, image: Image, folder: string): Promise<void> {
  await mkdir(join(folder, image.workingDirectory), { recursive: true })
  for (const [from, to] of image.copies) {
    const source = join(context, from)
    const target = join(folder, to)
    // A folder's contents are copied; a file goes by its own name into a folder.
    const isFile = (await stat(source)).isFile()
    const intoFolder = isFile && (to.endsWith('/') || (existsSync(target) && (await stat(target)).isDirectory()))
    await cp(source, intoFolder ? join(target, basename(from)) : target, { recursive: true })
  }
}

/** Instructions of the machine that runs an image, not of its program. */
const ofTheMachine = ['FROM', 'USER', 'EXPOSE', 'LABEL', 'HEALTHCHECK', 'STOPSIGNAL']
const assignment = /(\w+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))/g

export function parseDockerfile(text: string): Image {
  const copies: [string, string][] = []
  const environment: Record<string, string> = {}
  const commands: Record<string, readonly string[]> = {}
  let workingDirectory = '/'
  for (const line of text
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')) {
    const [, word = '', argument = ''] = /^\s*(\w+)\s+(.*?)\s*$/.exec(line) ?? []
    const instruction = word.toUpperCase()
    if (line.trim() === '' || ofTheMachine.includes(instruction)) continue
    if (instruction === 'WORKDIR') workingDirectory = posix.resolve(workingDirectory, argument)
    else if (instruction === 'ENV' && argument.includes('=')) {
      for (const [, name = '', double, single, bare] of argument.matchAll(assignment)) {
        environment[name] = double ?? single ?? bare ?? ''
      }
    } else if (instruction === 'COPY' && !/[*?[]|--(?!ch(own|mod)=)/.test(argument)) {
      const paths = argument.split(/\s+/).filter(path => !path.startsWith('--'))
      const to = paths.pop() ?? ''
      const target = posix.resolve(workingDirectory, to) + (to.endsWith('/') ? '/' : '')
      for (const from of paths) copies.push([from, target])
    } else if (/^(CMD|ENTRYPOINT)$/.test(instruction) && argument.startsWith('[')) {
      // Only the exec form: the shell form would need the image's shell.
      commands[instruction] = z.array(z.string()).parse(JSON.parse(argument))
    } else throw new Error(`the local runtime does not know this line of a Dockerfile: ${line.trim()}`)
  }
  const { ENTRYPOINT = [], CMD = [] } = commands
  return { copies, environment, workingDirectory, entryPoint: ENTRYPOINT, command: CMD }
}
