// How long the tests may take: `USERD_TEST_SCALE` multiplies the rounds of the heavy ones.

import Platform

/// The factor for the number of rounds, 1 unless `USERD_TEST_SCALE` says more.
package let testScale = max(1, Int(clamping: environmentNumber("USERD_TEST_SCALE") ?? 1))

/// The environment variable `name` as a number; a value that is no number stops the tests instead of being ignored.
package func environmentNumber(_ name: String) -> UInt64? {
  guard let text = environmentVariables().first(where: { $0.name == name })?.value else { return nil }
  guard let number = UInt64(text) else { fatalError("\(name) is \(text), which is no number") }
  return number
}
