// SIGHUP: the configuration read again, taken over as a whole or not at all.

import Auth
import Codecs
import HTTP

/// What a reload works with. The main thread has it.
struct Reload: ~Copyable {
  private let invocation: Invocation
  private let surroundings: Surroundings
  /// What settings that are not hot have, for the life of the process.
  let atStart: Configuration
  /// What hot settings have now.
  var current: Configuration

  init(_ invocation: Invocation, _ surroundings: Surroundings, _ configuration: Configuration) {
    self.invocation = invocation
    self.surroundings = surroundings
    atStart = configuration
    current = configuration
  }

  /// Flags and environment as they were at the start, over the file as it is now.
  func read() throws(CommandError) -> Configuration { try surroundings.configuration(for: invocation) }
}

extension ServerProcess {
  /// Takes over what the file says now. After a mistake anywhere in it, or in a file that it names, everything stays as it was.
  func reload(_ reload: inout Reload) {
    do throws(CommandError) {
      let live = try LiveSettings(try reload.read(), log)
      let changed = live.configuration.changes(from: reload.current).hot
      let waiting = live.configuration.changes(from: reload.atStart).cold
      use(live, changed)
      reload.current = live.configuration
      reloads.succeeded(file: live.configuration.file, waiting: waiting)
      log.write(
        .info, "userd", "the configuration was reloaded", .text("file", live.configuration.file ?? ""),
        .text("changed", changed.joined(separator: ",")))
      if !waiting.isEmpty {
        log.write(.warn, "userd", "changed settings wait for the next start", .text("keys", waiting.joined(separator: ",")))
      }
    } catch {
      reloads.failed("\(error)")
      log.write(.error, "userd", "the configuration was not reloaded; the one before counts", .text("error", "\(error)"))
    }
  }

  /// Gives every hot setting to whoever reads it. Nothing here can fail.
  private func use(_ live: LiveSettings, _ changed: [String]) {
    log.use(live.configuration.logLevel, live.configuration.logFormat, sample: live.configuration.logSample)
    limiter.setLimit(live.anonymousLimit)
    // Also for a list of refused passwords with the same name and other words in it.
    store.sessions.use(live.session)
    store.accounts.use(live.session.passwordPolicy)
    if changed.contains(where: { $0.hasPrefix("http.") }) {
      server.replace(trustedProxies: live.trustedProxies, allowedOrigins: live.allowedOrigins)
    }
    if changed.contains(where: { $0.hasPrefix("delivery.") }) {
      store.outbox.use(live.delivery)
      courier.use(live.channel)
      log.announceDelivery(live.configuration.deliveryChannel)
    }
  }
}
