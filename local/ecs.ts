/** Runs the template's Fargate tasks: the container's command out of a folder made as its Dockerfile says. */

import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, posix } from 'node:path'
import * as z from 'zod'
import { type Child, startNodeChild } from './children.ts'
import type { Component, Resource, Surroundings } from './component.ts'
import { propertiesOf } from './resource-properties.ts'

const firstRestartMillis = 500
const longestRestartMillis = 30_000
/** A task that ran this long had started well: its next restart is a first one again. */
const healthyMillis = 60_000
const longestStopSeconds = 10

const taskProperties = z.looseObject({
  ContainerDefinitions: z
    .array(
      z.looseObject({
        Name: z.string(),
        Image: z.string(),
        Command: z.array(z.string()).optional(),
        EntryPoint: z.array(z.string()).optional(),
        Environment: z.array(z.object({ Name: z.string(), Value: z.coerce.string() })).default([]),
        StopTimeout: z.coerce.number().default(30),
      }),
    )
    .length(1),
})
const serviceProperties = z.looseObject({ TaskDefinition: z.string(), DesiredCount: z.coerce.number().default(1) })

export interface RunningTask {
  readonly service: string
  readonly pid: number
}

/** What a Dockerfile says, of the few instructions that make a Node program's image. */
export interface Image {
  readonly copies: readonly { readonly from: string; readonly to: string }[]
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory: string
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
}

export async function startEcs(s: Surroundings): Promise<Component & { tasks(): readonly RunningTask[] }> {
  const root = await mkdtemp(join(tmpdir(), 'task-images-'))
  const definitions = new Map(
    s.resources.filter(({ type }) => type === 'AWS::ECS::TaskDefinition').map(each => [each.physicalId, each] as const),
  )
  const services = s.resources.filter(({ type }) => type === 'AWS::ECS::Service')
  const stops: (() => Promise<void>)[] = []
  const running = new Map<Child, string>()
  const stop = async () => {
    await Promise.all(stops.map(each => each()))
    await rm(root, { recursive: true, force: true })
  }

  async function startService(service: Resource): Promise<void> {
    const { TaskDefinition, DesiredCount } = propertiesOf(service, serviceProperties)
    const definition = definitions.get(TaskDefinition)
    if (definition === undefined) throw new Error(`${service.stack}/${service.logicalId} runs no task of the templates`)
    const [container] = propertiesOf(definition, taskProperties).ContainerDefinitions
    if (container === undefined) throw new Error(`${definition.stack}/${definition.logicalId} has no container`)
    const context = s.assetPath(definition.stack, container.Image.replace(/^.*:/, ''))
    const image = parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8'))
    const command = [...(container.EntryPoint ?? image.entryPoint), ...(container.Command ?? image.command)]
    if (basename(command[0] ?? '') !== 'node') {
      throw new Error(`the local runtime runs only node in a task, not [${command}] of ${context}/Dockerfile`)
    }
    const name = service.physicalId.replace(/^.*\//, '')
    for (let index = 0; index < DesiredCount; index++) {
      const folder = join(root, name, String(index))
      await makeFolder(context, image, folder)
      stops.push(
        await keepRunning(s, running, {
          name,
          folder,
          workingDirectory: image.workingDirectory,
          args: command.slice(1),
          environment: {
            PATH: process.env['PATH'] ?? '',
            HOME: folder,
            TZ: 'UTC',
            ...image.environment,
            ...Object.fromEntries(container.Environment.map(({ Name, Value }) => [Name, Value])),
            ...s.awsEnvironment,
          },
          graceMillis: Math.min(container.StopTimeout, longestStopSeconds) * 1_000,
          logFile: join(s.dataDir, 'logs', index === 0 ? `${name}.log` : `${name}-${index}.log`),
        }),
      )
    }
  }

  try {
    for (const service of services) await startService(service)
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, tasks: () => [...running].map(([{ pid }, service]) => ({ service, pid })) }
}

interface Task {
  readonly name: string
  readonly folder: string
  readonly workingDirectory: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly graceMillis: number
  readonly logFile: string
}

/** Starts the task, and again whenever it ends by itself; answers how to stop that. */
async function keepRunning(s: Surroundings, running: Map<Child, string>, task: Task): Promise<() => Promise<void>> {
  const cwd = join(task.folder, task.workingDirectory)
  const args = task.args.map(each =>
    isAbsolute(each) && existsSync(join(task.folder, each)) ? join(task.folder, each) : each,
  )
  let stopping = false
  let restart: NodeJS.Timeout | undefined
  let child: Child | undefined
  let restartMillis = firstRestartMillis

  const start = async () => {
    const startedMillis = performance.now()
    const { name, environment, logFile } = task
    const started = await startNodeChild({ name, args, environment, clock: s.clock, logFile, cwd })
    child = started
    running.set(started, name)
    void started.ended.then(how => {
      running.delete(started)
      if (stopping) return
      if (performance.now() - startedMillis > healthyMillis) restartMillis = firstRestartMillis
      s.complain(name, new Error(`the task ended (${how}); starting it again in ${restartMillis} ms: see ${logFile}`))
      restart = setTimeout(() => void start().catch(error => s.complain(name, error)), restartMillis)
      restartMillis = Math.min(restartMillis * 2, longestRestartMillis)
    })
    if (stopping) await started.stop(task.graceMillis)
  }

  await start()
  return async () => {
    stopping = true
    clearTimeout(restart)
    await child?.stop(task.graceMillis)
  }
}

export async function makeFolder(context: string, image: Image, folder: string): Promise<void> {
  await mkdir(join(folder, image.workingDirectory), { recursive: true })
  for (const { from, to } of image.copies) {
    const source = join(context, from)
    const target = join(folder, to)
    // A folder's contents are copied; a file goes by its own name into a folder.
    const isFile = (await stat(source)).isFile()
    const intoFolder = isFile && (to.endsWith('/') || (existsSync(target) && (await stat(target)).isDirectory()))
    await cp(source, intoFolder ? join(target, basename(from)) : target, { recursive: true })
  }
}

const quoted = /"((?:[^"\\]|\\.)*)"|'([^']*)'/

export function parseDockerfile(text: string): Image {
  const copies: Image['copies'][number][] = []
  const environment: Record<string, string> = {}
  let workingDirectory = '/'
  let entryPoint: readonly string[] = []
  let command: readonly string[] = []
  const lines = text
    .replaceAll(/^\s*#.*$/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const notKnown = (line: string) => new Error(`the local runtime does not know this line of a Dockerfile: ${line}`)
  /** Only the exec form: the shell form would need the image's shell. */
  const execForm = (line: string, argument: string): readonly string[] => {
    if (!argument.startsWith('[')) throw notKnown(line)
    return z.array(z.string()).parse(JSON.parse(argument))
  }
  for (const line of lines) {
    const [, instruction = '', argument = ''] = /^(\w+)\s*(.*)$/s.exec(line) ?? []
    switch (instruction.toUpperCase()) {
      case 'WORKDIR':
        workingDirectory = posix.resolve(workingDirectory, argument)
        break
      case 'COPY': {
        const words = argument.startsWith('[')
          ? execForm(line, argument)
          : argument.split(/\s+/).filter(word => !/^--(chown|chmod)=/.test(word))
        const target = words.at(-1)
        const sources = words.slice(0, -1)
        if (target === undefined || sources.length === 0 || words.some(word => /^--|[*?]/.test(word)))
          throw notKnown(line)
        for (const from of sources) {
          copies.push({ from, to: `${posix.resolve(workingDirectory, target)}${target.endsWith('/') ? '/' : ''}` })
        }
        break
      }
      case 'ENV': {
        const pairs = [...argument.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)/g)]
        if (pairs.length === 0) throw notKnown(line)
        for (const [, name = '', value = ''] of pairs) {
          const [, double, single] = quoted.exec(value) ?? []
          environment[name] = double ?? single ?? value
        }
        break
      }
      case 'CMD':
        command = execForm(line, argument)
        break
      case 'ENTRYPOINT':
        entryPoint = execForm(line, argument)
        break
      case 'FROM':
      case 'USER':
      case 'EXPOSE':
      case 'LABEL':
      case 'HEALTHCHECK':
      case 'STOPSIGNAL':
        // Of the machine that runs it, not of the program.
        break
      default:
        throw notKnown(line)
    }
  }
  return { copies, environment, workingDirectory, entryPoint, command }
}
