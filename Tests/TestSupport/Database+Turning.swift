// A simulated database whose threads are turned by hand until a call has what it waits for.

package import Storage

extension Database {
  /// Makes a call again after what it waits for was done.
  package func turning<Value>(_ call: () throws(StorageError) -> Value) throws(StorageError) {
    while true {
      do throws(StorageError) {
        _ = try call()
        return
      } catch {
        guard error == .wouldBlock, EngineThread.allCases.contains(where: { turn($0) }) else { throw error }
      }
    }
  }
}
