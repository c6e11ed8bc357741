// The connections of one loop by their number.

/// Slots that are used again, each with a generation, so that a late event cannot reach the next connection in its place.
struct ConnectionTable {
  private var connections: [Connection?] = []
  private var generations: [UInt32] = []
  private var free: [Int] = []

  var count: Int { connections.count - free.count }

  /// Makes a connection in a free slot.
  mutating func add(_ make: (ConnectionToken) -> Connection) -> Connection {
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = connections.count
      connections.append(nil)
      generations.append(0)
    }
    let connection = make(ConnectionToken(slot: slot, generation: generations[slot]))
    connections[slot] = connection
    return connection
  }

  subscript(token: ConnectionToken) -> Connection? {
    let slot = Int(token.slot)
    guard slot < connections.count, generations[slot] == token.generation else { return nil }
    return connections[slot]
  }

  subscript(slot slot: Int) -> Connection? { connections[slot] }

  /// Empties a slot and closes what was in it.
  mutating func remove(_ token: ConnectionToken) {
    guard self[token] != nil else { return }
    let slot = Int(token.slot)
    connections[slot] = nil
    // The upper bits of a token tell connections from the loop's own descriptors.
    generations[slot] = (generations[slot] &+ 1) & 0x3fff_ffff
    free.append(slot)
  }

  /// All that are open now.
  var all: [Connection] { connections.compactMap(\.self) }
}
