import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { scratchFolder } from '#local/scratch.ts'

const parent = mkdtempSync(join(tmpdir(), 'scratch-'))
afterAll(() => rmSync(parent, { recursive: true, force: true }))

test('what killed processes left for the same purpose goes, and nothing else', () => {
  const { pid: dead = 0 } = spawnSync(process.execPath, ['-e', ''])
  const [leftOver, ...kept] = [
    `exchange-assembly-${dead}-left`,
    // Of the living: ourselves, and the first process of all, which is another user's where we are not root.
    `exchange-assembly-${process.pid}-mine`,
    'exchange-assembly-1-theirs',
    // For something else, or of nobody that could be asked for.
    `exchange-images-${dead}-left`,
    `assembly-${dead}-left`,
    'exchange-assembly-notes',
  ]
  for (const name of [leftOver, ...kept]) {
    mkdirSync(join(parent, name ?? '', 'within'), { recursive: true })
    writeFileSync(join(parent, name ?? '', 'within', 'file'), '')
  }
  const made = scratchFolder(parent, 'assembly')
  expect(made.startsWith(join(parent, `exchange-assembly-${process.pid}-`))).toBe(true)
  expect([existsSync(made), existsSync(join(parent, leftOver ?? ''))]).toEqual([true, false])
  expect(readdirSync(parent)).toEqual(expect.arrayContaining(kept))
})
