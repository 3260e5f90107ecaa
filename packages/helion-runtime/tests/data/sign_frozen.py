"""Signs the frozen bundle of format 1.2 with a key that everybody knows; its result is committed, as the bundles are.

``signed.helion`` and ``signed.pub.pem``: later versions of the runtime must go on checking this signature.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from helion_runtime.bundle.sign import sign_bundle
from helion_runtime.ed25519 import SigningKey

SECRET = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
"""The first of RFC 8032's vectors."""


def main() -> None:
    folder = Path(__file__).parent
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SECRET)))
    signed = folder / "signed.helion"
    shutil.copy(folder / "format_1_2.helion", signed)
    sign_bundle(signed, key)
    (folder / "signed.pub.pem").write_bytes(key.to_public_pem())


if __name__ == "__main__":
    main()
