// The settings that a reload changes in a server that runs: readied first, which may fail, then taken over, which cannot.

import Auth
import HTTP
import Platform

/// Everything that hot settings stand for, made of one configuration. Whoever reads a setting while requests are served has a way to be told a
/// new value that cannot fail: a `use` method over atomics, a mutex or `Published`. It is called in `ServerProcess.use`.
struct LiveSettings: Sendable {
  let configuration: Configuration
  let session: SessionOptions
  let delivery: DeliveryOptions
  let channel: DeliveryChannel?
  let trustedProxies: [AddressPrefix]
  let allowedOrigins: [WebOrigin]
  /// Requests in a minute; 0 is no limit.
  let anonymousLimit: Int

  /// Reads the files that settings name.
  ///
  /// - Throws: exit code 66, 74, 77 or 78, as a start would.
  init(_ configuration: Configuration, _ log: Log) throws(CommandError) {
    try configuration.checkBackups()
    self.configuration = configuration
    session = configuration.sessionOptions(try configuration.passwordPolicy())
    channel = try configuration.channel(log)
    delivery = configuration.deliveryOptions
    trustedProxies = configuration.trustedProxies
    allowedOrigins = configuration.allowedOrigins
    anonymousLimit = configuration.anonymousLimit
  }
}

extension Configuration {
  /// Requests of one client in a minute that bring no valid token; 0 is no limit.
  var anonymousLimit: Int { throttleEnabled ? throttleIPPerMinute : 0 }

  /// The keys of settings that differ from `other`: those that a reload changes, and those that only a start does.
  func changes(from other: Configuration) -> (hot: [String], cold: [String]) {
    var (hot, cold): ([String], [String]) = ([], [])
    for (index, setting) in Setting.all.enumerated() where texts(of: index) != other.texts(of: index) {
      if setting.isHot { hot.append(setting.key) } else { cold.append(setting.key) }
    }
    return (hot, cold)
  }
}
