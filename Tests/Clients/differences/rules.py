"""Why userd, nginx and Go differ about a request: every reason, with the section that it rests on. docs/differences.md has this table."""

# What userd refuses: (name in reading.py, section, reason, who reads it all the same).
REFUSED = [
    ("before: more or other empty lines", "RFC 9112 §2.2", "one empty line before a request is skipped, and only one that ends in CRLF", "nginx"),
    ("head: line feed alone", "RFC 9112 §2.2", "a line feed alone may be taken as the end of a line, and need not: two readers of one message must not disagree", "nginx go"),
    ("head: carriage return alone", "RFC 9112 §2.2", "must be refused or replaced", "nginx go"),
    ("request line", "RFC 9112 §3", "method, one space, target, one space, version", "nginx"),
    ("request line: white space", "RFC 9112 §3", "other white space may be taken as a separator, and need not", "nginx"),
    ("request line: control character", "RFC 9112 §3, RFC 9110 §5.6.2", "no part may have one", "nginx"),
    ("request line: no version", "RFC 9112 §2.3", "HTTP/0.9 has gone; nginx answers it, without a head", "nginx"),
    ("version: none", "RFC 9112 §2.3", "`HTTP/` and two digits with a point between them; nginx reads `HTTP/1.10`", "nginx"),
    ("version: another major", "RFC 9110 §15.6.6", "505", ""),
    ("method: no token", "RFC 9110 §9.1", "a method is a token", "nginx"),
    ("method: unknown", "RFC 9110 §15.6.2", "501, and the connection goes on; the peers leave that to the application", "nginx go"),
    ("method: not in capitals", "RFC 9110 §9.1", "methods have one spelling: 501 like any unknown one; nginx takes capitals, `_` and `-` for a method and refuses others", "go"),
    ("target: no form of RFC 9112 section 3.2", "RFC 9112 §3.2", "origin-form or absolute-form", "go"),
    ("target: asterisk", "RFC 9112 §3.2.4", "`*` belongs to OPTIONS", "go"),
    ("target: authority", "RFC 9110 §4.2.1", "an http URI without a host is invalid", "go"),
    ("target: user information", "RFC 9110 §4.2.4", "should be taken as an error", "go"),
    ("target: another scheme", "RFC 9112 §3.3", "this is no server of other schemes", "nginx go"),
    ("target: fragment", "RFC 9112 §3.2", "a fragment is no part of any form", "nginx go"),
    ("target: percent sign", "RFC 3986 §2.1", "two hexadecimal digits follow; in a query the peers do not look", "nginx go"),
    ("target: no ASCII or a control character", "RFC 3986 §2", "a URI is ASCII without controls", "nginx go"),
    ("target: characters outside of RFC 3986", "RFC 3986 §3.3, §3.4", "these stand in no path and no query", "nginx go"),
    ("host: none", "RFC 9112 §3.2", "must be 400 in HTTP/1.1", ""),
    ("host: twice", "RFC 9112 §3.2", "must be 400", ""),
    ("host: empty", "RFC 9110 §4.2.1, §7.2", "an http URI has a host", "go"),
    ("host: value", "RFC 9112 §3.2, RFC 3986 §3.2.2", "an invalid value must be 400", "nginx go"),
    ("host: port", "RFC 3986 §3.2.3, RFC 9293 §3.1", "a port has 16 bits and is not 0", "nginx go"),
    ("host: literal of a future version", "RFC 3986 §3.2.2", "nobody knows what it means", "nginx go"),
    ("field: white space before the colon", "RFC 9112 §5.1", "must be 400", ""),
    ("field: white space before the first", "RFC 9112 §2.2", "must be refused or left out", ""),
    ("field: folded line", "RFC 9112 §5.2", "must be 400 or replaced by spaces; Go replaces", "go"),
    ("field: no colon", "RFC 9112 §5", "is no field; nginx leaves the line out", "nginx"),
    ("field: empty name", "RFC 9110 §5.1", "a name is a token; Go drops the field", "go"),
    ("field: name", "RFC 9110 §5.1", "a name is a token; nginx drops the field", "nginx"),
    ("field: NUL in a value", "RFC 9110 §5.5", "must be refused or replaced", ""),
    ("field: control character in a value", "RFC 9110 §5.5", "is invalid; may be kept where that is safe", "nginx"),
    ("expect: another", "RFC 9110 §10.1.1", "417, which is allowed and not demanded", "nginx go"),
    ("framing: length and coding", "RFC 9112 §6.1, §6.3", "how requests are smuggled: refused and closed. Go takes the coding", "go"),
    ("framing: coding in HTTP/1.0", "RFC 9112 §6.1", "the framing must be taken as faulty; Go passes the coding over and closes", "go"),
    ("framing: control character", "RFC 9110 §5.5", "is invalid; nginx drops a carriage return at the end of a value, Go does not look at a length beside a coding, nor at a coding in HTTP/1.0", "nginx go"),
    ("framing: another coding", "RFC 9112 §6.1", "501 for codings that are unknown, 400 where `chunked` is not the one and last; Go in HTTP/1.0 passes over", "go"),
    ("framing: chunked in another spelling of a list", "RFC 9110 §5.6.1", "empty elements may be passed over; userd takes one spelling", "go"),
    ("framing: length", "RFC 9110 §8.6", "digits; Go does not look at it beside a coding", "go"),
    ("framing: length as a list", "RFC 9112 §6.3", "may be refused even if all are equal", "go"),
    ("framing: length twice", "RFC 9112 §6.3", "the same; Go takes equal ones as one", "go"),
    ("framing: length beyond 63 bits", "RFC 9110 §8.6", "numbers must not wrap around; Go does not look at it beside a coding", "go"),
    ("chunk: size", "RFC 9112 §7.1", "hexadecimal digits and nothing else; Go takes white space behind them away", "go"),
    ("chunk: more than 16 digits", "RFC 9112 §7.1", "a parser must know where its integers end; nginx does not count leading zeros", "nginx"),
    ("chunk: extension", "RFC 9112 §7.1.1", "name, or name and token or quoted string; the peers pass over anything up to the end of the line", "nginx go"),
    ("chunk: line feed alone", "RFC 9112 §7.1", "chunks end in CRLF; what was allowed for heads is not for them", "nginx go"),
    ("chunk: no line end behind the data", "RFC 9112 §7.1", "CRLF; nginx answers before it has read the body and then closes, or takes a line feed", "nginx go"),
    ("trailer: line feed alone", "RFC 9112 §7.1.2", "trailers are read like fields; nginx passes over them unread, Go reads some", "nginx go"),
    ("trailer: carriage return alone", "RFC 9112 §7.1.2", "the same", "nginx"),
    ("trailer: white space before the colon", "RFC 9112 §7.1.2", "the same", "nginx go"),
    ("trailer: white space before the first", "RFC 9112 §7.1.2", "the same", "nginx"),
    ("trailer: folded line", "RFC 9112 §7.1.2", "the same", "nginx go"),
    ("trailer: no colon", "RFC 9112 §7.1.2", "the same", "nginx"),
    ("trailer: empty name", "RFC 9112 §7.1.2", "the same", "nginx go"),
    ("trailer: name", "RFC 9112 §7.1.2", "the same", "nginx go"),
    ("trailer: NUL in a value", "RFC 9112 §7.1.2", "the same", "nginx go"),
    ("trailer: control character in a value", "RFC 9112 §7.1.2", "the same", "nginx go"),
    ("limit: number of fields", "RFC 9110 §5.4", "100 fields, then 431", "nginx go"),
    ("limit: head", "RFC 9110 §5.4", "16 KiB, then 431; both peers were given limits near it", "nginx go"),
    ("limit: request line", "RFC 9112 §3", "8 KiB, then 414", "go"),
    ("limit: extension", "RFC 9112 §7.1.1", "4 KiB of them in a body", "nginx go"),
    ("limit: body", "RFC 9110 §15.5.14", "64 KiB, then 413", "go"),
    ("limit: chunk", "RFC 9110 §15.5.14", "the same, by the sizes of chunks", "go"),
    ("cut off: head", "RFC 9112 §8", "400, said to a client that has ended its direction; the peers say nothing", ""),
    ("cut off: body for good", "RFC 9112 §8", "400; nginx has answered before", "nginx"),
    ("cut off: chunks", "RFC 9112 §8", "400: what follows is taken for a chunk and is none. nginx has answered before, Go does not read a body beside faulty framing in HTTP/1.0", "nginx go"),
    ("cut off: trailers", "RFC 9112 §8", "400; nginx has answered before", "nginx"),
]

# What userd reads and somebody refuses.
READ = [
    ("before: one empty line", "RFC 9112 §2.2", "should be passed over", "go"),
    ("host: unusual", "RFC 3986 §3.2.2", "a reg-name may have these characters and may be `.`; nginx has rules of its own", "nginx"),
    ("target: zero byte, or dots that lead out of the root", "RFC 3986 §6.2.2", "a path is matched byte for byte and is not a file's: 404. nginx decodes and resolves it", "nginx"),
    ("field: tab beside a value", "RFC 9110 §5.5, §5.6.3", "a tab is white space as well and no part of the value; nginx takes spaces away alone", "nginx"),
    ("conditional", "RFC 9110 §13.2.1", "no condition is asked before it is known that there is something; nginx says 412", "nginx"),
    ("expect: twice", "RFC 9110 §10.1.1", "a list, whose members may come in lines of their own; nginx takes one", "nginx"),
    ("limit: a line of nginx", "RFC 9110 §5.4", "a line may fill the whole head; nginx has 8 KiB for each", "nginx"),
    ("trailer: long", "RFC 9112 §7.1.2", "trailers may be as long as heads; Go has a limit of its own", "go"),
    ("field: unusual name", "RFC 9110 §5.1", "a token; nginx drops names with other signs than letters, digits and `-`, and so another framing field may be gone", "nginx"),
]

# Both refuse, with statuses of different classes: somebody says 501 or 505 where somebody else sees a mistake first.
STATUS = [
    ("method: unknown", "RFC 9110 §15.6.2", "501; nginx 405 or 400", "nginx go"),
    ("method: not in capitals", "RFC 9110 §15.6.2", "501; nginx 400", "nginx go"),
    ("version: another major", "RFC 9110 §15.6.6", "505; Go 505 from HTTP/2 on, nginx 400 below 1", "nginx go"),
    ("version: none", "RFC 9110 §15.6.6", "400, or 505 for `HTTP/3.0x`; nginx takes `HTTP/11` for a version", "nginx go"),
    ("framing: control character", "RFC 9112 §6.1", "400; with it the peers do not know the coding", "nginx go"),
    ("framing: another coding", "RFC 9112 §6.1", "400 where `chunked` is in it, but not alone; the peers 501", "nginx go"),
    ("framing: chunked in another spelling of a list", "RFC 9112 §6.1", "the same", "nginx go"),
    ("field: tab beside a value", "RFC 9110 §5.5", "what else is wrong is 400; nginx does not know the coding", "nginx"),
]

# Both read the request, and then differ: about the connection, or about what follows.
AFTER = [
    ("connection: nearly close", "RFC 9110 §7.6.1", "`closed`, `\"close\"`, `close;q=1`, `close x` are not `close`; nginx looks for the letters, Go for a word", "nginx go"),
    ("connection: close", "RFC 9112 §9.3", "`close` beside `keep-alive` closes; nginx keeps the connection where `keep-alive` comes last, Go one of HTTP/1.0", "nginx go"),
    ("behind: other bytes", "RFC 9110 §9.1", "bytes behind the body begin the next request, whose method is then an odd one", "nginx go"),
    ("behind: an empty line", "RFC 9112 §2.2", "passed over; Go refuses it", "go"),
    ("cut off: body", "RFC 9112 §8", "what follows completes it, and what is left is the next request: userd says 501 to its method; nginx answers before the body has come", "nginx go"),
]

NAMES = {name for table in (REFUSED, READ, STATUS, AFTER) for name, *_ in table}


def reasons(table, peer):
    return {name for name, _, _, who in table if peer in who.split()}


def explain(features, ours, theirs, peer):
    """The names that explain a difference; empty where nothing does. Verdicts are those of peers.verdict."""
    we, they = ours.split()[0], theirs.split()[0]
    if we == "refused" and they != "refused":
        if they == "nothing":
            return {name for name in features if name.startswith("cut off")}
        if they == "bare":
            # HTTP/0.9 has no head to look at.
            return features & {"request line: no version"}
        # Whoever reads a request has borne everything that is wrong with it.
        wrong = features & {name for name, *_ in REFUSED}
        if peer == "go" and "framing: coding in HTTP/1.0" in wrong:
            # It looks at no framing then, so nothing behind the head counts.
            wrong = {name for name in wrong if not name.startswith(("chunk", "trailer", "cut off", "limit: chunk"))}
        return wrong if wrong and wrong <= reasons(REFUSED, peer) else set()
    if we == "refused":
        return features & reasons(STATUS, peer)
    if they != "read":
        return features & reasons(READ, peer)
    return features & reasons(AFTER, peer)


def must_refuse(features):
    return bool(features & {name for name, *_ in REFUSED})
