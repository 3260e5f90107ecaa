"""Files of signatures as an attacker would write them, who has every key but the trusted one.

In: the id of a bundle, a signature of it by the trusted key, and one by that key of another bundle. Out: named files,
none of which may open the bundle for whoever trusts that key alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_runtime.bundle.sign import make_signature
from helion_runtime.bundle.signatures import Signature, signatures_to_file
from helion_runtime.ed25519 import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORDER = 2**252 + 27742317777372353535851937790883648493
_PRIME = 2**255 - 19

SMALL_ORDER = (
    *(number.to_bytes(32, "little") for number in (0, 1, _PRIME - 1, _PRIME, _PRIME + 1)),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
)
"""Points for which some texts count as signed by nobody."""


def hostile_signatures(
    identity: str, sound: Signature, elsewhere: Signature
) -> Iterator[tuple[str, bytes]]:
    """Each under a name that says what is wrong with it."""
    stranger = make_signature(identity, SigningKey.generate())
    for name, signatures in _forged(sound, elsewhere, stranger):
        yield name, signatures_to_file(signatures)
    yield from _texts(signatures_to_file([sound]).decode())


def _forged(
    sound: Signature, elsewhere: Signature, stranger: Signature
) -> Iterator[tuple[str, list[Signature]]]:
    """Files of the right form."""
    key, signature = sound.public_key, sound.signature
    yield "a stranger's", [stranger]
    yield "that of another bundle", [elsewhere]
    yield "a stranger's in the name of the trusted key", [Signature(key, stranger.signature)]
    yield (
        "that of the trusted key in a stranger's name",
        [Signature(stranger.public_key, signature)],
    )
    yield "a stranger's beside that of another bundle", [stranger, elsewhere]
    yield (
        "sound, beside a stranger's that is not",
        [
            sound,
            Signature(stranger.public_key, signature),
        ],
    )
    yield "zeros", [Signature(key, bytes(64))]
    yield "ones", [Signature(key, b"\xff" * 64)]
    yield "halves exchanged", [Signature(key, signature[32:] + signature[:32])]
    scalar = int.from_bytes(signature[32:], "little")
    for times in (1, 2, 7):
        other = (scalar + times * _ORDER) % 2**256
        changed = signature[:32] + other.to_bytes(32, "little")
        yield f"its scalar and {times} times the order", [Signature(key, changed)]
    for bit in range(0, 512, 37):
        flipped = int.from_bytes(signature, "little") ^ 1 << bit
        yield f"bit {bit} flipped", [Signature(key, flipped.to_bytes(64, "little"))]
    for point in SMALL_ORDER:
        for first in SMALL_ORDER:
            yield (
                f"key {point.hex()[:8]} signs {first.hex()[:8]}",
                [Signature(point, first + bytes(32))],
            )
            yield f"the trusted key signs {first.hex()[:8]}", [Signature(key, first + bytes(32))]


def _texts(sound: str) -> Iterator[tuple[str, bytes]]:
    """Files of another form."""
    key, signature = sound.split()
    texts = {
        "nothing": "",
        "a line without a signature": f"{key}\n",
        "no key": f"{signature}\n",
        "no end of the line": sound[:-1],
        "another end of the line": sound.replace("\n", "\r\n"),
        "a blank line": sound + "\n",
        "twice": sound * 2,
        "out of order": f"{'f' * 64} {signature}\n{sound}",
        "capitals": sound.upper(),
        "spaces": sound.replace(" ", "  "),
        "a tab": sound.replace(" ", "\t"),
        "a comment": sound + "# by me\n",
        "a byte-order mark": "\ufeff" + sound,
        "digits of another script": sound.replace("1", "\u0661"),
        "JSON": f'{{"key":"{key}","signature":"{signature}"}}\n',
        "many": sound * 2000,
        "a short key": f"{key[2:]} {signature}\n",
        "a long signature": f"{key} {signature}00\n",
        "PEM": f"-----BEGIN SIGNATURE-----\n{signature}\n-----END SIGNATURE-----\n",
        "NUL": sound + "\0",
    }
    for name, text in texts.items():
        yield name, text.encode()
    yield "bytes", bytes(range(256))
    yield "a megabyte", b"0" * 2**20
