// Whole lives of a database on a simulated disk: crashes at any call, and files that rot while nobody looks.

import Storage
import TestSupport

let storageCrashRig = Rig(
  name: "storage-crash", purpose: "a database through work, faults, kills and power cuts, against every version that there was",
  bug: "open reads what a killed process left without making it durable first", smokeEventCount: 400
) { random, subject, course in
  let rig = CrashRig(seed: random.next(), bug: subject == .broken ? .trustUnsyncedBytes : nil)
  rig.drawProfile(upkeep: true)
  if random.once(in: 8) {
    rig.oracle.isDeviceHonest = false
    rig.system.faults.lies = random.number(2..<20)
  }
  do {
    var goesOn = true, left = course.maxStepCount
    for _ in 0..<random.number(1..<5) where goesOn && left > 0 {
      let actions = random.number(5..<80)
      goesOn = try rig.live(actions: min(actions, left))
      left -= actions
    }
    return nil
  } catch {
    return "after \(rig.crashes) crashes: \(error); last calls \(rig.system.trace.suffix(6))"
  }
}

let storageDamageRig = Rig(
  name: "storage-damage", purpose: "files of a database damaged at rest, against every version that there was",
  bug: "everything behind the first bad frame is taken for an unfinished write", smokeEventCount: 200
) { random, subject in
  do {
    let image = try StoredImage(seed: random.next(), commits: random.number(3..<60))
    for _ in 0..<8 {
      let rots = (0..<random.pick([1, 1, 1, 2, 4])).map { _ in Rot.draw(on: image.disk, older: image.older, using: &random) }
      _ = try image.judge(rots, bug: subject == .broken ? .ignoreWitnesses : nil)
    }
    return nil
  } catch {
    return "\(error)"
  }
}
