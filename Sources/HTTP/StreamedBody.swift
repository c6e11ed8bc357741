// Bodies that are made while they are sent, piece by piece, as fast as their reader takes them.

package import Codecs
import Platform
import Synchronization

/// Makes a body of any length in steps, so that it is never in memory as a whole.
package struct BodySource: Sendable {
  /// What a step says of those after it.
  package enum Step: Sendable {
    case more, last
  }

  /// How much a step appends at best: less costs more steps, more keeps more in memory for a reader that is slow.
  package static let pieceByteCount = 32 * 1024

  /// Appends the next piece to an empty buffer.
  ///
  /// It is called again once the peer has taken the piece before, never twice at the same time and not always on the same thread. When
  /// the body is whole, has failed or has lost its reader, the closure is released, once, with all that it holds on to.
  /// - Throws: what goes wrong midway, for the log; the client sees a body that was cut off. `.needsWorker` on a loop runs the step again on
  ///   the disk pool, and all that follow there too.
  package typealias Fill = @Sendable (inout ByteBuffer) throws(Problem) -> Step

  let executor: Route.Executor
  let fill: Fill
}

extension Response {
  /// Makes the body one that is written step by step, after the head has been sent. Whoever calls this sets `contentType`.
  ///
  /// HTTP/1.1 gets it in chunks, HTTP/1.0 up to the end of the connection, HEAD not at all. It takes the place of `body`.
  /// - Parameter executor: where the steps run: the disk pool, unless none of them ever waits.
  package mutating func stream(on executor: Route.Executor = .diskPool, _ fill: @escaping BodySource.Fill) {
    precondition(executor != .hashPool, "a body is made on a loop or on the disk pool")
    source = BodySource(executor: executor, fill: fill)
  }
}

/// A producer on its way through a pool and back, with the piece that it made last. One thread at a time has it, as with a job.
final class StreamedBody: @unchecked Sendable {
  enum Outcome: Sendable {
    case made(BodySource.Step)
    case failed(Problem)
  }

  let connection: ConnectionToken
  private(set) var piece = ByteBuffer(capacity: BodySource.pieceByteCount)
  private(set) var outcome = Outcome.made(.more)
  /// Where the next step runs.
  var executor: Route.Executor
  private let fill: BodySource.Fill
  private let mailbox: Mailbox
  /// Set by the loop, read by the worker before it begins.
  private let isAbandoned = Atomic<Bool>(false)

  init(_ source: BodySource, for connection: ConnectionToken, to mailbox: Mailbox) {
    executor = source.executor
    fill = source.fill
    self.connection = connection
    self.mailbox = mailbox
  }

  /// Says that nobody waits for the next piece.
  func abandon() { isAbandoned.store(true, ordering: .relaxed) }

  /// Makes the next piece on this thread.
  func makePiece() {
    piece.removeAll()
    do throws(Problem) {
      outcome = .made(try fill(&piece))
    } catch {
      piece.removeAll()
      outcome = .failed(error)
    }
  }

  /// Makes the next piece on a worker's thread and sends it home.
  func run() {
    if isAbandoned.load(ordering: .relaxed) { return }
    makePiece()
    mailbox.deliver(.body(self))
  }
}
