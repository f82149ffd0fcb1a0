import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseJson } from '#lambdas/shell/json.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('parseJson', () => {
  test('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), text => {
        fc.pre(!text.includes('__proto__'))
        expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) })
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[{"a":{"b":1,"c":[],"b":2}}]',
    '{"a":{"x":1},"b":{"x":1},"a":3}',
    '{"a\\"":1,"a\\"":1}',
  ])('refuses the key that appears twice in %s', text => {
    expect(parseJson(text)).toMatchObject({ ok: false, detail: expect.stringContaining('appears twice') })
  })

  test.each(['{"a":{"x":1},"b":{"x":1}}', '[{"a":1},{"a":1}]', '{"a":"a","b":"a"}', '{"a":["a","a"],"b":"\\\\"}'])(
    'takes %s, whose keys are different',
    text => {
      expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) })
    },
  )

  test.each(['{"__proto__":{}}', '{"a":[{"__proto__":1}]}', '{"\\u005f_proto__":1}', '{"__pro\\u0074o__":1}'])(
    'refuses __proto__ in %s',
    text => {
      expect(parseJson(text)).toMatchObject({ ok: false, detail: expect.stringContaining('__proto__') })
    },
  )

  test('nests 32 levels and no more', () => {
    expect(parseJson(nested(32)).ok).toBe(true)
    expect(parseJson(nested(33))).toMatchObject({ ok: false, detail: expect.stringContaining('deeper') })
    expect(parseJson(nested(30_000)).ok).toBe(false)
    expect(parseJson(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`).ok).toBe(false)
  })

  test.each(['', ' ', '{', '{a:1}', "{'a':1}", '{"a":NaN}', '{"a":1,}', '01', '[1 2]', '\ufeff{}', 'undefined'])(
    'refuses %j, which is no JSON',
    text => {
      expect(parseJson(text)).toEqual({ ok: false, detail: 'The body is not a JSON document.' })
    },
  )
})
