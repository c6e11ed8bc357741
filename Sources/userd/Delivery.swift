// The way out for messages, put together from the settings.

import Auth
import Codecs
import HTTP
import Platform

/// The ways out for messages that there are.
enum DeliveryChannelName: String, CaseIterable, Sendable {
  case none, log, sendmail, command, webhook
}

extension Configuration {
  /// What the services know of delivery.
  var deliveryOptions: DeliveryOptions {
    var options = DeliveryOptions()
    options.isOn = deliveryChannel != .none
    options.resetLink = deliveryResetLink
    options.verifyLink = deliveryVerifyLink
    return options
  }

  /// - Throws: exit code 78 if a setting is missing that the channel needs.
  func checkDelivery() throws(CommandError) {
    switch deliveryChannel {
    case .none, .log: break
    case .sendmail: if deliveryFrom == nil { throw .missingDelivery("delivery.from", for: .sendmail) }
    case .command: if deliveryCommand.isEmpty { throw .missingDelivery("delivery.command", for: .command) }
    case .webhook: if deliveryWebhook == nil { throw .missingDelivery("delivery.webhook_url", for: .webhook) }
    }
  }

  /// The channel that was asked for; nil for none. Whether it works is another question: a dead one keeps no server from starting.
  ///
  /// - Throws: as `checkDelivery`.
  func channel(_ log: Log, clock: any Clock = SystemClock()) throws(CommandError) -> DeliveryChannel? {
    try checkDelivery()
    switch deliveryChannel {
    case .none: return nil
    case .log: return .log(log)
    case .sendmail: return deliveryFrom.map { .sendmail(from: $0, clock: clock) }
    case .command: return .command(path: deliveryCommand, from: deliveryFrom, clock: clock)
    case .webhook: return deliveryWebhook.map { .webhook(LocalClient($0), from: deliveryFrom, clock: clock) }
    }
  }
}

extension CommandError {
  fileprivate static func missingDelivery(_ key: String, for channel: DeliveryChannelName) -> CommandError {
    .failed("delivery.channel is \(channel.rawValue), which needs \(key)", .configuration)
  }
}

extension DeliveryChannel {
  /// Writes each message with its token into the log. For trying things out: whoever reads the log can use the token.
  fileprivate static func log(_ log: Log) -> DeliveryChannel {
    DeliveryChannel(name: "log") { message, _ in
      log.write(
        .warn, "delivery", "message", .text("id", message.id.description), .text("type", message.kind.rawValue),
        .text("to", message.address), .text("code", message.code ?? ""), .text("url", message.link ?? ""))
      return .delivered
    }
  }

  /// Posts each message to a service on this machine.
  fileprivate static func webhook(_ client: LocalClient, from: MailAddress?, clock: any Clock) -> DeliveryChannel {
    DeliveryChannel(name: "webhook") { message, isWanted in
      let body = message.json(from: from)
      let status: Int
      do throws(LocalClientError) {
        status = try client.post(
          json: body.span, [("Idempotency-Key", message.id.description)], clock: clock, while: isWanted
        ).status
      } catch { return .failed("\(error)") }
      switch status {
      case 200...299: return .delivered
      // The service says that the message is wrong, not the address, the time or itself.
      case 400, 410, 413, 422: return .refused("status \(status)")
      default: return .failed("status \(status)")
      }
    }
  }
}

extension Log {
  /// What an operator learns of delivery. There is no address and no token in it.
  func delivery(_ event: DeliveryEvent) {
    switch event {
    case .failed(let id, let attempt, let reason):
      write(
        .warn, "delivery", "a message could not be delivered", .text("id", id), .number("attempt", attempt),
        .text("error", reason))
    case .refused(let id, let reason):
      write(.error, "delivery", "a message was refused and is gone", .text("id", id), .text("error", reason))
    case .expired(let id, let attempts):
      write(.error, "delivery", "a message was given up", .text("id", id), .number("attempts", attempts))
    case .unreadable(let id):
      write(.error, "delivery", "a message was sealed under another keys/wrap and is gone", .text("id", id))
    case .channelDown(let failures, let seconds):
      write(.error, "delivery", "the channel is down", .number("failures", failures), .number("nextTrySeconds", seconds))
    case .channelUp: write(.info, "delivery", "the channel is back")
    case .storeFailed(let error): write(.error, "delivery", "the outbox cannot be used", .text("error", error))
    }
  }

  /// Says once at the start what is unusual.
  func announceDelivery(_ channel: DeliveryChannelName) {
    switch channel {
    case .none:
      write(.info, "delivery", "no delivery.channel: nothing is sent to people; reset links come from an administrator")
    case .log:
      write(.warn, "delivery", "delivery.channel is log: addresses and codes that open accounts are written to this log")
    case .sendmail, .command, .webhook: break
    }
  }
}
