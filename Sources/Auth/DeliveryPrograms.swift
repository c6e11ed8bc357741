// Channels that are other programs: a mail program, and a command that takes JSON.

package import Codecs
package import Platform

extension DeliveryChannel {
  package static let sendmailPath = "/usr/sbin/sendmail"
  /// How long a program may take.
  private static let programMilliseconds = 30_000
  /// "Try again later" of sysexits(3).
  private static let temporaryFailure: Int32 = 75

  /// Gives each message to `sendmail -t -i`, which finds the recipient in the message itself. No shell has a part in it.
  package static func sendmail(
    path: String = sendmailPath, from: MailAddress, clock: any Clock
  ) -> DeliveryChannel {
    DeliveryChannel(name: "sendmail") { message, isWanted in
      guard let to = MailAddress(message.address) else { return .refused("the address cannot stand in a message") }
      let mail = MailMessage(
        id: message.id.description, date: message.writtenAt, from: from, to: to, subject: message.subject, text: message.text)
      // Wrong input, unknown user, unknown host: it will be so tomorrow.
      return run(
        ChildProgram(path: path, arguments: ["-t", "-i"]), mail.encoded(), clock, isWanted,
        isFinal: { [65, 67, 68].contains($0) })
    }
  }

  /// Gives each message as one JSON object to a program's standard input: exit code 0 is delivered, 75 is later, any other is never.
  package static func command(path: String, from: MailAddress?, clock: any Clock) -> DeliveryChannel {
    DeliveryChannel(name: "command") { message, isWanted in
      run(ChildProgram(path: path), message.json(from: from), clock, isWanted, isFinal: { $0 != temporaryFailure })
    }
  }

  private static func run(
    _ program: ChildProgram, _ input: [UInt8], _ clock: any Clock, _ isWanted: () -> Bool, isFinal: (Int32) -> Bool
  ) -> DeliveryOutcome {
    var program = program
    program.milliseconds = programMilliseconds
    // What it says may have the address in it, so it is read and forgotten.
    program.maxOutputByteCount = 0
    let outcome: ChildOutcome
    do throws(Errno) {
      outcome = try program.run(input: input.span, clock: clock, while: isWanted)
    } catch { return .failed("cannot be started: \(error)") }
    switch outcome.ending {
    case .exited(0): return .delivered
    case .exited(let code): return isFinal(code) ? .refused("exit code \(code)") : .failed("exit code \(code)")
    case .signalled(let number): return .failed("ended by signal \(number)")
    case .cutOff: return .failed("cut off")
    }
  }
}

extension Message {
  /// What `command` and `webhook` get.
  package func json(from: MailAddress?) -> [UInt8] {
    var json = JSONWriter(ByteBuffer(capacity: 1024))
    json.beginObject()
    json.key("id")
    json.uuid(id)
    json.key("type")
    json.string(kind.rawValue)
    json.key("to")
    json.string(address)
    json.key("from")
    if let from { json.string(from.text) } else { json.null() }
    json.key("subject")
    json.string(subject)
    json.key("text")
    json.string(text)
    json.key("code")
    if let code { json.string(code) } else { json.null() }
    json.key("url")
    if let link { json.string(link) } else { json.null() }
    json.key("createdAt")
    json.timestamp(milliseconds: writtenAt)
    json.key("expiresAt")
    json.timestamp(milliseconds: expiresAt)
    json.endObject()
    return json.finish().bytes()
  }
}
