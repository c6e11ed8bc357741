// A gate wakes everybody or one, and forgets nobody who came between looking and waiting.

import Platform
import Synchronization
import TestSupport
import Testing

struct GateTests {
  @Test func `who looks before the gate opens does not sleep through it`() {
    let gate = Gate()
    let seen = gate.count
    gate.open()
    gate.wait(while: seen)
    #expect(gate.count == seen &+ 1)
  }

  @Test func `a crowd is let through at once`() {
    let gate = Gate()
    let news = Atomic<Bool>(false)
    let passed = Atomic<Int>(0)
    inParallel(9) { index in
      if index == 0 {
        news.store(true, ordering: .releasing)
        gate.open()
        return
      }
      while true {
        let seen = gate.count
        if news.load(ordering: .acquiring) { break }
        gate.wait(while: seen)
      }
      passed.add(1, ordering: .relaxed)
    }
    #expect(passed.load(ordering: .relaxed) == 8)
  }

  @Test func `opened for one, the gate hands a turn from each to the next`() {
    let gate = Gate()
    let turns = Atomic<Int>(0)
    inParallel(4) { _ in
      while true {
        let seen = gate.count
        let turn = turns.load(ordering: .acquiring)
        if turn >= 1000 { break }
        if turns.compareExchange(expected: turn, desired: turn + 1, ordering: .acquiringAndReleasing).exchanged {
          gate.openForOne()
        } else {
          gate.wait(while: seen)
        }
      }
      gate.open()
    }
    #expect(turns.load(ordering: .relaxed) == 1000)
  }
}
