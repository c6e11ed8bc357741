// The search itself, on a model whose states can be counted by hand.

import Testing

@Suite struct `The search of models` {
  /// A counter that can be doubled or raised by one.
  struct Counter: ProtocolModel {
    var forbidden: Int?
    var start: Int { 1 }

    func addSteps(from state: Int, to steps: inout Steps<Int>) {
      if state == forbidden { return steps.fail("\(state) is reached") }
      if state * 2 <= 100 { steps.add("double", state * 2) }
      if state + 1 <= 100 { steps.add("add one", state + 1) }
    }
  }

  @Test func `all states are visited once`() {
    let outcome = Counter().search()
    #expect(outcome.states == 100)
    #expect(outcome.isWhole)
    #expect(outcome.violation == nil)
  }

  @Test func `the trace to a violation is as short as can be`() {
    let outcome = Counter(forbidden: 11).search()
    #expect(outcome.violation == "11 is reached")
    #expect(outcome.trace.count == 5)
    #expect(!outcome.isWhole)
  }

  @Test func `a search that meets its bound does not claim to be whole`() {
    #expect(Counter().search(maxStates: 100).isWhole)
    let cut = Counter().search(maxStates: 99)
    #expect(!cut.isWhole)
    #expect(cut.states == 99)
  }
}
