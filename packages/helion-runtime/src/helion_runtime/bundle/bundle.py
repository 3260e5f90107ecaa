"""A loaded bundle: its ops as callables."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from helion_runtime.bundle.miss_handling import MissHandling, refuse_unknown_source
from helion_runtime.bundle.reading import VerifiedContent, read_verified
from helion_runtime.bundle.signatures import fingerprint
from helion_runtime.bundle.trust import trusted_public_keys
from helion_runtime.collection_pause import collection_pause
from helion_runtime.default_driver import default_driver
from helion_runtime.dispatch import Dispatcher
from helion_runtime.errors import ArchitectureError
from helion_runtime.modules import KernelImage, ModuleLoader

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from helion_runtime.bundle.manifest import Manifest
    from helion_runtime.bundle.miss_handling import OnMiss
    from helion_runtime.bundle.trust import Key
    from helion_runtime.driver import Driver


def load(
    path: str | os.PathLike[str],
    pin: str | None = None,
    *,
    trusted_keys: Iterable[Key] | None = None,
    on_miss: OnMiss = None,
    driver: Driver | None = None,
) -> Bundle:
    """Open the bundle at ``path``, a directory or a zip file, and verify all of it. Needs no GPU.

    ``pin`` is the id (64 hex digits) the bundle must have. ``trusted_keys`` are public keys (ed25519), of which one
    must have signed it: paths of PEM files, or their content as bytes; by default those that ``HELION_TRUSTED_KEYS``
    names, and without it nothing is asked. ``on_miss`` says what to do where no variant serves
    a call: ``"jit"`` compiles the bundle's source with Triton, where it takes such arguments; a mapping gives that, or
    a function that is called with the op's arguments, for each op that it names. Each signature is logged once, as a
    warning. Other ops raise. Since ``"jit"`` runs source that the bundle holds, it takes a pin or a trusted signature.
    ``driver`` replaces the CUDA driver, for tests.
    Raises a :class:`BundleError`, or :class:`KeyFileError` for a key. Modules are loaded when an op first runs on a
    device, or by :meth:`Bundle.warm`.
    """
    with collection_pause():
        trusted = trusted_public_keys(trusted_keys)
        refuse_unknown_source(on_miss, str(path), trusted=pin is not None or trusted is not None)
        return Bundle(read_verified(Path(path), pin, trusted), driver, on_miss)


class Bundle:
    """Ops from one verified file: ``bundle.matmul(x, y)``, or ``bundle.ops["matmul"](x, y)``.

    An op named like a method or property of this class is reached through :attr:`ops`. Safe to use
    from any thread.
    """

    def __init__(
        self,
        content: VerifiedContent,
        driver: Driver | None = None,
        on_miss: OnMiss = None,
    ) -> None:
        self._content = content
        manifest = content.manifest
        find_driver = default_driver if driver is None else lambda: driver
        self._loader = ModuleLoader(find_driver, manifest.requires.cuda_driver)
        images = {
            entry.name: KernelImage(entry, content.files[manifest.blob_name(entry)])
            for entry in manifest.kernels
        }
        handling = MissHandling.of(on_miss, content, self._loader)
        ops = {
            op.name: Dispatcher.of_op(
                op, images, self._loader, handling.reference(op), handling.recompile(op)
            )
            for op in manifest.ops
        }
        self._ops = MappingProxyType(ops)
        reserved = dir(type(self))
        self.__dict__.update({name: op for name, op in ops.items() if name not in reserved})

    def __repr__(self) -> str:
        return f"<helion bundle {self.id[:12]} at {self.path}: {', '.join(self._ops)}>"

    def __getattr__(self, name: str) -> Dispatcher:
        ops = self.__dict__.get("_ops", {})
        raise AttributeError(
            f"the bundle has no op {name!r}; it has {', '.join(ops) or 'none'}", name=name, obj=self
        )

    @property
    def id(self) -> str:
        """The sha256 of the manifest: what to pin."""
        return self._content.id

    @property
    def signed_by(self) -> tuple[str, ...]:
        """The fingerprints of the trusted keys that have signed it; empty where no keys were given to trust."""
        return tuple(sorted(map(fingerprint, self._content.trusted or ())))

    @property
    def path(self) -> Path:
        """Where it was loaded from."""
        return self._content.path

    @property
    def manifest(self) -> Manifest:
        """Everything the bundle says of itself."""
        return self._content.manifest

    @property
    def ops(self) -> Mapping[str, Dispatcher]:
        """The ops by name."""
        return self._ops

    def register(self, namespace: str) -> None:
        """Make every op an operator of torch's, ``torch.ops.<namespace>.<op>``, so that calls can be traced.

        Raises:
            RegistrationError: an op cannot be one; see :meth:`Dispatcher.register`, which registers one at a time.
        """
        for op in self._ops.values():
            op.register(namespace)

    def warm(self, device: int | None = None) -> tuple[str, ...]:
        """Load every kernel that can run on ``device`` (the current one by default); returns the
        kernels' names.

        Call it before capturing a graph. Raises :class:`ArchitectureError` naming the ops of which
        no variant can run.
        """
        index = self._loader.driver.current_device() if device is None else device
        loaded: dict[str, None] = {}
        failures = []
        for op in self._ops.values():
            try:
                loaded.update(dict.fromkeys(op.warm(index)))
            except ArchitectureError as error:
                failures.append(f"  {op.name}: {error}")
        if failures:
            raise ArchitectureError("\n".join(("no variant of these ops can run:", *failures)))
        return tuple(loaded)
