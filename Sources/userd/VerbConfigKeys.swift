// `userd config keys`: every setting, how to give it, and what it is if nobody does.

import Codecs

extension Verb {
  static let configKeys = Verb(
    words: ["config", "keys"], summary: "every setting with its flag, variable, kind, default and meaning",
    details: ["A flag wins over the environment, the environment over the default."], flags: [.json], settings: []
  ) { invocation, surroundings throws(CommandError) in
    if invocation.switches.contains("json") {
      try surroundings.answer(settingsAsJSON())
    } else {
      for setting in Setting.all {
        try surroundings.answer(
          """
          \(setting.key)
            --\(setting.shownFlag), \(setting.variable)
            \(setting.form), default: \(setting.fallback)
            \(setting.meaning)

          """)
      }
    }
    return .success
  }
}

private func settingsAsJSON() -> String {
  var json = JSONWriter(ByteBuffer(capacity: 8192))
  json.beginArray()
  for setting in Setting.all {
    json.beginObject()
    for (name, value) in [
      ("key", setting.key), ("flag", "--\(setting.shownFlag)"), ("variable", setting.variable), ("type", setting.form),
      ("default", setting.fallback), ("meaning", setting.meaning),
    ] {
      json.key(utf8: name)
      json.string(value)
    }
    json.endObject()
  }
  json.endArray()
  return json.finish().text() + "\n"
}
