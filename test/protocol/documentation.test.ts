import { expect, test } from '@jest/globals'
import { documentationPage } from '#protocol/documentation.ts'
import { operations } from '#protocol/operations/registry.ts'

const page = documentationPage()

test('every operation is there, under its name', () => {
  for (const { name, method, path } of operations) {
    expect([name, page.includes(`<article id="${name}">`)]).toEqual([name, true])
    expect([name, page.includes(`<b>${method}</b> <code>${path}</code>`)]).toEqual([name, true])
  }
})

test('every link inside the page leads somewhere, and every place has one name', () => {
  const places = [...page.matchAll(/ id="([^"]+)"/g)].map(([, place]) => place)
  expect(new Set(places).size).toBe(places.length)
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, link]) => link)
  expect(links.length).toBeGreaterThan(100)
  expect(links.filter(link => !places.includes(link))).toEqual([])
})

test('it needs nothing from elsewhere', () => {
  expect(page).toMatch(/^<!doctype html>/)
  expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(|https?:\/\//)
  expect([...page.matchAll(/href="(?!#)([^"]+)"/g)].map(([, link]) => link)).toEqual(['/openapi.json'])
})

test('what the schemas say is told as text', () => {
  expect(page).toContain('wait=&#60;seconds&#62;')
  expect(page).not.toContain('wait=<seconds>')
  expect(page).not.toContain('[object Object]')
  expect(page).not.toContain('undefined')
})
