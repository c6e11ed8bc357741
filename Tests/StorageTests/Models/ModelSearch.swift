// Searches a small model of a protocol completely: every state that any order of its steps can reach, nearest first.

/// A protocol, made small enough that all of its states can be visited.
protocol ProtocolModel {
  associatedtype State: Hashable

  var start: State { get }

  /// Adds everything that can happen next in `state`, or says what is wrong with it.
  func addSteps(from state: State, to steps: inout Steps<State>)
}

/// What can happen next in one state.
struct Steps<State> {
  private(set) var states: [State] = []
  private(set) var names: [String] = []
  private(set) var violation: String?
  /// Names are made only for the trace at the end: a search takes a million steps.
  private let isNaming: Bool

  init(isNaming: Bool) { self.isNaming = isNaming }

  mutating func add(_ name: @autoclosure () -> String, _ state: State) {
    states.append(state)
    if isNaming { names.append(name()) }
  }

  mutating func add(_ name: @autoclosure () -> String, from state: State, _ change: (inout State) -> Void) {
    var next = state
    change(&next)
    add(name(), next)
  }

  mutating func fail(_ violation: String) {
    if self.violation == nil { self.violation = violation }
  }

  mutating func removeAll() {
    states.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
    violation = nil
  }
}

/// What a search has found.
struct SearchOutcome: CustomStringConvertible {
  var states: Int
  /// Whether nothing was left to visit; false where the bound or a violation ended the search.
  var isWhole: Bool
  var violation: String?
  /// The steps that lead from the start to the violation; no other way to one is shorter.
  var trace: [String]

  var description: String {
    guard let violation else { return "\(states) states\(isWhole ? "" : ", not all")" }
    return (["\(violation), after:"] + trace.map { "  \($0)" }).joined(separator: "\n")
  }
}

extension ProtocolModel {
  /// Visits every state breadth first until one is wrong, none is left, or `maxStates` are known.
  func search(maxStates: Int = 4_000_000) -> SearchOutcome {
    var states = [start], parents: [Int32] = [-1]
    var known: Set<State> = [start]
    var steps = Steps<State>(isNaming: false)
    var index = 0
    while index < states.count {
      steps.removeAll()
      addSteps(from: states[index], to: &steps)
      if let violation = steps.violation {
        return SearchOutcome(states: states.count, isWhole: false, violation: violation, trace: trace(to: index, states, parents))
      }
      for state in steps.states where known.insert(state).inserted {
        guard states.count < maxStates else {
          return SearchOutcome(states: states.count, isWhole: false, violation: nil, trace: [])
        }
        states.append(state)
        parents.append(Int32(index))
      }
      index += 1
    }
    return SearchOutcome(states: states.count, isWhole: true, violation: nil, trace: [])
  }

  /// The names of the steps from the start to one state, found by taking each step again.
  private func trace(to index: Int, _ states: [State], _ parents: [Int32]) -> [String] {
    var names: [String] = []
    var index = index
    while parents[index] >= 0 {
      let parent = Int(parents[index])
      var steps = Steps<State>(isNaming: true)
      addSteps(from: states[parent], to: &steps)
      let step = steps.states.firstIndex(of: states[index])!
      names.append(steps.names[step])
      index = parent
    }
    return names.reversed()
  }
}
