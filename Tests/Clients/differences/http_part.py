"""HTTP beside nginx and Go's server: each generated request on a fresh connection to all of them, each difference with its reason."""
import collections, concurrent.futures, contextlib, random

import cases, peers, reading, rules


def compare(exe, folder, seed, count, report):
    """What was sent and seen, the reasons with how often each was one, and how many differences have none."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(peers.userd(exe, folder))
        others = {"nginx": stack.enter_context(peers.nginx(folder))}
        if peers.go_tool():
            others["go"] = stack.enter_context(peers.go(folder))
        reasons, differences, refused, wrong = collections.Counter(), collections.Counter(), 0, 0

        def play(number):
            data = cases.generate(random.Random(f"{seed} http {number}"))
            is_head = data.lstrip(b"\r\n").startswith(b"HEAD ")
            sent = data + cases.MARKER
            return number, data, peers.verdict(ours, sent, is_head, True), {name: peers.verdict(port, sent, is_head, False) for name, port in others.items()}

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for number, data, (verdict, statuses), theirs in pool.map(play, range(count)):
                features = reading.features(data, len(cases.MARKER))
                is_refused = verdict.startswith("refused")
                refused += is_refused
                if is_refused != rules.must_refuse(features) or verdict == "nothing" or "bare" in verdict:
                    wrong += 1
                    report(f"http {number}: {verdict} {statuses}, by {sorted(features)}: {data[:400]!r}")
                for name, (other, said) in theirs.items():
                    # A name that was bent is not told again.
                    left, right = (text.replace("read nameless", "read") for text in (verdict, other))
                    if left == right:
                        continue
                    differences[name] += 1
                    found = rules.explain(features, left, right, name)
                    reasons.update((name, one) for one in found)
                    if not found:
                        wrong += 1
                        report(f"http {number}: userd {left} {statuses}, {name} {right} {said}, by {sorted(features)}: {data[:400]!r}")
    told = ", ".join(f"{name} differs in {differences[name]}" for name in others)
    return f"http: {count} requests, {refused} refused; {told}", reasons, wrong, "go" in others
