"""What is done with calls that no variant of a bundle serves: what ``load(on_miss=...)`` says, op by op.

In: ``"jit"``, or functions and ``"jit"`` by op. Out: for each op a function to call in its place, or what compiles a
variant for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from helion_runtime.errors import NoOpError, UntrustedSourceError
from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_runtime.bundle.reading import VerifiedContent
    from helion_runtime.dispatch import Dispatcher
    from helion_runtime.entries import OpEntry
    from helion_runtime.modules import ModuleLoader
    from helion_runtime.recompiling.recompiler import Sources

    OnMiss: TypeAlias = Literal["jit"] | Mapping[str, Callable[..., Any] | Literal["jit"]] | None

JIT = "jit"


def refuse_unknown_source(on_miss: OnMiss, path: str, *, trusted: bool) -> None:
    """Raise :class:`UntrustedSourceError` where source of a bundle may be run that nobody has vouched for."""
    said = (on_miss,) if on_miss is None or isinstance(on_miss, str) else on_miss.values()
    asked = any(what == JIT for what in said)
    if asked and not trusted:
        raise UntrustedSourceError(
            f"{path}: on_miss='jit' runs Python source that the bundle holds; say which bundle that may be: "
            "load(path, pin=ID, ...) or load(path, trusted_keys=[...], ...)"
        )


class MissHandling(Record, eq=False):
    """``by_op`` holds what was said of single ops, ``rest`` of all others."""

    by_op: Mapping[str, Any]
    rest: str | None
    sources: Sources | None
    loader: ModuleLoader

    @classmethod
    def of(cls, on_miss: OnMiss, content: VerifiedContent, loader: ModuleLoader) -> MissHandling:
        """What ``on_miss`` asks for the ops of a bundle.

        Raises:
            NoOpError: it names an op that the bundle does not have.
            TypeError: it is neither ``"jit"`` nor a mapping to functions and ``"jit"``.
        """
        if on_miss is None:
            return cls({}, None, None, loader)
        if isinstance(on_miss, str):
            _check(on_miss, "on_miss")
            return cls({}, JIT, _sources(content), loader)
        by_op = dict(on_miss)
        names = [op.name for op in content.manifest.ops]
        foreign = [name for name in by_op if name not in names]
        if foreign:
            raise NoOpError(
                f"{content.path}: on_miss names {', '.join(foreign)}; the ops are {', '.join(names)}"
            )
        for name, what in by_op.items():
            _check(what, f"on_miss[{name!r}]")
        return cls(by_op, None, _sources(content) if JIT in by_op.values() else None, loader)

    def reference(self, op: OpEntry) -> Callable[..., Any] | None:
        """The function that is called in place of ``op``."""
        found = self.by_op.get(op.name)
        return found if callable(found) else None

    def recompile(
        self, op: OpEntry
    ) -> Callable[[Dispatcher, tuple[Any, ...], int], str | None] | None:
        """What compiles further variants of ``op``."""
        if self.sources is None or self.by_op.get(op.name, self.rest) != JIT:
            return None
        from helion_runtime.recompiling.recompiler import Recompiler  # for those who ask for it

        return Recompiler(op.variants, self.sources, self.loader).serve


def _check(what: object, where: str) -> None:
    if what != JIT and not callable(what):
        raise TypeError(f"{where}: expected 'jit' or a function, found {what!r:.80}")


def _sources(content: VerifiedContent) -> Sources:
    from helion_runtime.recompiling.recompiler import Sources  # as above

    manifest = content.manifest
    texts = {
        kernel.name: content.files[name].decode()
        for kernel in manifest.kernels
        if (name := f"source/{kernel.name}.py") in content.files
    }
    return Sources(
        {kernel.name: kernel for kernel in manifest.kernels},
        texts,
        manifest.built_with.get("triton", ""),
        str(content.path),
    )
