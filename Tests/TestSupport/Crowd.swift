// Threads that are held at one place until a test has seen what it wanted to see.

import Platform
import Synchronization

/// Holds those who arrive until somebody lets them go.
package final class Crowd: Sendable {
  private let count = Atomic<Int>(0)
  private let isFree = Atomic<Bool>(false)
  private let arrivals = Gate()
  private let release = Gate()

  package init() {}

  package func arrive() {
    count.wrappingAdd(1, ordering: .sequentiallyConsistent)
    arrivals.open()
    while true {
      let seen = release.count
      if isFree.load(ordering: .sequentiallyConsistent) { return }
      release.wait(while: seen)
    }
  }

  package func waitUntil(_ wanted: Int) {
    while true {
      let seen = arrivals.count
      // Whoever let go waits for nobody any more: a test that went another way fails instead of standing still.
      if count.load(ordering: .sequentiallyConsistent) >= wanted || isFree.load(ordering: .sequentiallyConsistent) { return }
      arrivals.wait(while: seen)
    }
  }

  package func letGo() {
    isFree.store(true, ordering: .sequentiallyConsistent)
    release.open()
    arrivals.open()
  }
}
