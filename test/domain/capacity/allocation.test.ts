import { expect, test } from '@jest/globals'
import { type AllocationState, allocationStates, isBooked, isOpen, mayBecome } from '#domain/capacity/allocation.ts'

const next = (from: AllocationState): readonly AllocationState[] => allocationStates.filter(to => mayBecome(from, to))

test('an allocation goes through its states, and none of the final ones is left', () => {
  expect(Object.fromEntries(allocationStates.map(state => [state, next(state)]))).toEqual({
    requested: ['planned', 'unmet', 'cancelled'],
    planned: ['requested', 'bidding', 'reserved', 'unmet'],
    bidding: ['requested', 'reserved', 'cancelled'],
    reserved: ['active', 'cancelled', 'preempted'],
    active: ['completed', 'cancelled', 'preempted'],
    completed: [],
    unmet: ['planned', 'cancelled'],
    cancelled: [],
    preempted: [],
  })
})

test('what is reserved never becomes open again: only its account or its provider ends it', () => {
  expect(allocationStates.filter(isBooked)).toEqual(['reserved', 'active'])
  for (const state of allocationStates.filter(isBooked)) expect(next(state).some(isOpen)).toBe(false)
})
