#!/usr/bin/env python3
"""Writes Sources/Crypto/PasswordBlocklistText.swift from the frequency lists of zxcvbn (MIT License).

    pip install zxcvbn==4.5.0
    python3 Tests/CryptoTests/PasswordBlocklist/generate.py > Sources/Crypto/PasswordBlocklistText.swift

The lists are the 30,000 most frequent passwords of leaked collections, and words of the English Wikipedia, of television and
of given names and surnames. Each word stands only in the list where it ranks best, so all are needed: "william" is a name there. All
passwords are taken, the short ones because longer ones are made of them. Of the other lists the front is taken in words of four letters
and more, and further down in those of eight and more, which are long enough to be set as they are.

What PasswordBlocklist finds by its rules (an ending taken off, digits read as letters) is left out. The rest is sorted and front coded:
a capital letter says how many characters an entry shares with the one before (A none, Z 25), then come its own. Nothing listed
holds a capital, because letters are folded. Every 32nd entry shares nothing, so that a search can begin there.
"""

import sys

from zxcvbn.frequency_lists import FREQUENCY_LISTS

ENDINGS = ["1", "12", "123", "1234", "12345", "123456", "!", "1!", "123!"]
MIN_STEM = 4
MAX_BYTES = 32
RESTART = 32
# How many of each list, which are ordered by frequency: words of four letters and more, words of eight and more.
FRONTS = {
    "english_wikipedia": (4500, 27000), "us_tv_and_film": (3000, 13000), "female_names": (3712, 3712), "male_names": (983, 983),
    "surnames": (2000, 10000),
}
LINE = 540


def readings(text):
    """The two ways in which digits and signs are read as letters; only `1` has two."""
    for one in "il":
        yield text.translate(str.maketrans("@40315$7!", "aaoe" + one + "ssti"))


def is_plain(text):
    return len(text) <= MAX_BYTES and all(33 <= ord(c) < 127 and not c.isupper() for c in text)


def chosen():
    entries = {text for text in FREQUENCY_LISTS["passwords"] if is_plain(text)}
    for name, (short, long) in FRONTS.items():
        words = FREQUENCY_LISTS[name]
        entries |= {text for text in words[:short] if len(text) >= MIN_STEM and is_plain(text)}
        entries |= {text for text in words[:long] if len(text) >= 8 and is_plain(text)}
    return entries


def is_derived(text, entries):
    if any(reading != text and reading in entries for reading in readings(text)) and any(c.isalpha() for c in text):
        return True
    stems = [text[:-len(ending)] for ending in ENDINGS if text.endswith(ending)]
    return any(len(stem) >= MIN_STEM and any(c.isalpha() for c in stem) and stem in entries for stem in stems)


def front_coded(entries):
    previous, pieces = "", []
    for index, text in enumerate(entries):
        shared = 0
        while index % RESTART and shared < min(25, len(previous), len(text) - 1) and previous[shared] == text[shared]:
            shared += 1
        pieces.append(chr(ord("A") + shared) + text[shared:])
        previous = text
    return "".join(pieces)


def main():
    entries = chosen()
    # Shortest and plainest first, so that what an entry is derived from stays.
    kept = set()
    for text in sorted(entries, key=lambda text: (len(text), sum(not c.isalpha() for c in text), text)):
        if not is_derived(text, kept):
            kept.add(text)
    text = front_coded(sorted(kept))
    long = sum(len(entry) >= 8 for entry in kept)
    print("// The most common passwords, front coded; made by Tests/CryptoTests/PasswordBlocklist/generate.py, not by hand.")
    print()
    print("// From the frequency lists of zxcvbn 4.5.0, which are")
    print("//   Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.; Copyright (c) 2016 Daniel Wolf")
    print("// and used under the MIT License:")
    for line in LICENCE.strip().split("\n"):
        print(("//   " + line).rstrip())
    print()
    print("extension PasswordBlocklist {")
    print("  /// %s entries, %s of them with eight characters or more." % (f"{len(kept):,}", f"{long:,}"))
    print('  static let text: StaticString = #"""')
    for start in range(0, len(text), LINE):
        end = "" if start + LINE >= len(text) else "\\#"
        print("    " + text[start:start + LINE] + end)
    print('    """#')
    print("}")
    whole = {stem + ending for stem in kept for ending in [""] + ENDINGS if not ending or len(stem) >= MIN_STEM}
    print("%d listed, %d of 8 characters and more; %d of those with their endings; %d bytes" % (
        len(kept), long, sum(len(entry) >= 8 for entry in whole), len(text)), file=sys.stderr)


LICENCE = """
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files
(the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

main()
