"""Dispatch: from a call's arguments to a prepared launch, remembered by signature.

In: variants with their kernels' binaries, added at any time, from a bundle or from a compiler. Out:
a :class:`Dispatcher` that is called with tensors and numbers. What a signature decides is computed
once; a repeated call builds its key, looks it up and runs one straight-line function.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from helion_runtime.choosing import Chooser
from helion_runtime.default_driver import default_driver
from helion_runtime.entry_check import check_kernel, check_names, check_variant
from helion_runtime.errors import ArchitectureError, CallError, NoVariantError, RegistrationError
from helion_runtime.generate import Entrance
from helion_runtime.installed import Installed, PreparedCall, install, run_elsewhere
from helion_runtime.misses import Rejection
from helion_runtime.modules import KernelImage, ModuleLoader
from helion_runtime.run_maker import RunMaker
from helion_runtime.signature import (
    argument_kinds,
    describe,
    is_wrapped,
    misaligned,
)
from helion_runtime.signature_key import argument_fields, generate_call
from helion_runtime.torch_op import register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_runtime.driver import Driver
    from helion_runtime.entries import OpEntry, VariantEntry
    from helion_runtime.errors import ReadingError
    from helion_runtime.signature_key import ArgumentKind
    from helion_runtime.torch_op import TorchOp

_log = logging.getLogger("helion_runtime")

__all__ = ["Dispatcher", "KernelImage", "PreparedCall"]

MAX_SIGNATURES = 1024
"""Signatures a dispatcher remembers; beyond it forgets the oldest."""


class Dispatcher:
    """An op that is called with tensors and numbers, positionally.

    ``arguments`` are the names of its arguments. ``on_miss(args)``, if given, is called for
    arguments that no variant serves; it may add one, or return why it did not, and the call is tried once more.
    Without it, or if nothing fits even then, ``reference(*args)`` is called instead, which is logged
    once per signature, and without that :class:`NoVariantError` (or :class:`ArchitectureError`) is
    raised. ``traced(*args)`` is called with tensors that are fake or traced, as long as the op is no operator of
    torch's. Every method may be called from any thread.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        on_miss: Callable[[tuple[Any, ...]], str | None] | None = None,
        *,
        driver: Driver | None = None,
        loader: ModuleLoader | None = None,
        reference: Callable[..., Any] | None = None,
        traced: Callable[..., Any] | None = None,
    ) -> None:
        check_names(name, arguments)
        self.name = name
        self.arguments = tuple(arguments)
        self._on_miss = on_miss
        if loader is None:
            loader = ModuleLoader(default_driver if driver is None else lambda: driver)
        self._loader = loader
        self._chooser = Chooser(name, self.arguments, loader)
        self._reference = reference
        self._traced = traced
        self._installed: tuple[Installed, ...] = ()
        self._kinds: tuple[ArgumentKind, ...] = ()
        self._memo: dict[Any, Callable[..., Any]] = {}
        self._fallbacks: dict[Any, Callable[..., Any]] = {}
        self._lock = threading.RLock()
        self._direct: Callable[..., Any] | None = None
        self._torch_op: TorchOp | None = None
        self._call: Callable[..., Any] = self._first_call

    @classmethod
    def of_op(
        cls,
        op: OpEntry,
        kernels: Mapping[str, KernelImage],
        loader: ModuleLoader,
        reference: Callable[..., Any] | None = None,
        recompile: Callable[[Dispatcher, tuple[Any, ...], int], str | None] | None = None,
    ) -> Dispatcher:
        """The dispatcher of an op that has been checked, with its kernels, as those of a bundle are when it is
        opened. ``recompile(op, args, device)`` is asked for a variant on a miss."""
        made = cls(op.name, op.arguments, loader=loader, reference=reference)
        if recompile is not None:
            made._on_miss = lambda args: recompile(made, args, made._chooser.device(args))
        made._installed = tuple(install(variant, kernels) for variant in op.variants)
        return made

    def __call__(self, *args: object) -> Any:
        """Run the op on the current stream. Returns a tensor, or whatever tree the op's outputs
        are.

        Raises a :class:`CallError` for arguments it does not take and a :class:`DeviceError` where
        the machine fails.
        """
        return self._call(*args)

    def __repr__(self) -> str:
        names = ", ".join(self.arguments)
        return f"<helion op {self.name}({names}), {len(self._installed)} variant(s)>"

    @property
    def variants(self) -> tuple[VariantEntry, ...]:
        """The variants, in the order they are tried."""
        return tuple(item.variant for item in self._installed)

    def add(
        self,
        variant: VariantEntry,
        kernels: Mapping[str, KernelImage],
        *,
        first: bool = False,
        note: str = "",
    ) -> None:
        """Add a variant behind the others, or before them all. ``kernels`` holds those it launches, by name. ``note``
        is logged as a warning whenever a signature is first served by it.

        Raises :class:`SchemaError` for a variant or kernel that is malformed or does not fit the
        op.
        """
        item = install(variant, kernels, note)
        for image in item.images.values():
            check_kernel(image.entry)
        entries = {name: image.entry for name, image in item.images.items()}
        check_variant(variant, len(self.arguments), entries, f"op {self.name!r}, added variant")
        with self._lock:
            self._installed = (item, *self._installed) if first else (*self._installed, item)
            kinds = argument_kinds(self.variants, len(self.arguments))
            if first or kinds != self._kinds:
                self._call = self._first_call

    def clear(self) -> None:
        """Forget every variant and every prepared call."""
        with self._lock:
            self._installed = ()
            self._call = self._first_call

    def register(
        self,
        namespace: str,
        *,
        name: str | None = None,
        backward: Callable[..., Any] | None = None,
        setup_context: Callable[..., Any] | None = None,
    ) -> Any:
        """Make the op ``torch.ops.<namespace>.<name>``, the op's own name by default, and return that operator.

        From then on calls of the op itself are traced, too: by ``torch.compile``, ``torch.export``, ``make_fx`` and
        under fake tensors. The variants there are now decide what the operator takes and returns. ``backward`` and
        ``setup_context`` are those of :func:`torch.library.register_autograd`; with them, calls with tensors that
        require gradients are recorded.

        Raises:
            RegistrationError: it cannot be one, or was registered before.
        """
        with self._lock:
            if self._torch_op is not None:
                raise RegistrationError(
                    f"op {self.name!r} is registered: {self._torch_op.operator}"
                )
            self._entrance()
            made = register(
                namespace, name or self.name, self.arguments, self.variants, self._run_directly
            )
            if backward is not None:
                made.record_gradients(backward, setup_context)
            self._torch_op = made
            self._call = self._first_call
            self._entrance()
            return made.operator

    @property
    def torch_op(self) -> TorchOp | None:
        """The operator of torch's that the op was registered as."""
        return self._torch_op

    def prepare(self, args: Sequence[Any], variant: VariantEntry | None = None) -> PreparedCall:
        """Prepare a call with ``args`` without running it, by the variant that serves it or by the
        one given.

        The given variant must have been added. Loads its modules. Raises what a call would raise.
        """
        self._entrance()
        device = self._chooser.device(args)
        if variant is None:
            return self._prepare(self._chooser.choose(args, device, self._installed), args, device)
        for item in self._installed:
            if item.variant is variant or item.variant == variant:
                rejection = self._chooser.reject(item, args, device)
                if rejection is not None:
                    raise self._chooser.error(args, [rejection])
                return self._prepare(item, args, device, alone=True)
        raise CallError(f"op {self.name!r}: that variant was not added to it")

    def warm(self, device: int) -> tuple[str, ...]:
        """Load the modules of every variant that can run on ``device``; returns the kernels' names.

        Raises :class:`ArchitectureError` or another :class:`DeviceError` if none can.
        """
        loaded: dict[str, None] = {}
        objections = []
        for item in self._installed:
            objection = self._chooser.objection(item, device)
            if objection is not None:
                objections.append(objection)
                continue
            for name, image in item.images.items():
                self._loader.function(image, device)
                loaded[name] = None
        if objections and not loaded:
            raise objections[0]
        return tuple(loaded)

    # ---- off the hot path
    # -----------------------------------------------------------------------------------------

    def _first_call(self, *args: object) -> Any:
        return self._entrance()(*args)

    def _entrance(self) -> Callable[..., Any]:
        """What calls enter, made when there is one: most ops of a bundle may never have any."""
        with self._lock:
            if self._call == self._first_call:
                self._call = self._rebuild()
            return self._call

    def _rebuild(self) -> Callable[..., Any]:
        """A fresh memo, and the entry function for the variants there are now. The caller holds the
        lock."""
        self._kinds = argument_kinds(self.variants, len(self.arguments))
        self._memo, self._fallbacks = {}, {}
        self._direct = generate_call(self._kinds, self._memo, self._miss, self._current_device)
        return self._direct if self._torch_op is None else self._torch_op.around(self._direct)

    def _run_directly(self, *args: object) -> Any:
        """A call that nothing traces."""
        assert self._direct is not None, "made before the op was registered"
        return self._direct(*args)

    def _current_device(self) -> int:
        return self._loader.driver.current_device()

    def _miss(self, *args: Any) -> Callable[..., Any]:
        traced = self._traced if self._torch_op is None else self._torch_op.call
        if traced is not None and any(map(is_wrapped, args)):
            return traced
        device = self._chooser.device(args)
        run, known = self._run_for(args, device, after=None)
        with self._lock:
            if known is self._installed:  # else it may be another's by now
                self._entrance()  # what `on_miss` has added may be keyed otherwise
                _remember(self._memo, self._key(args), run)
        return run

    def _run_for(
        self, args: tuple[Any, ...], device: int, after: Installed | None
    ) -> tuple[Callable[..., Any], tuple[Installed, ...]]:
        """What carries calls like this one out, a variant behind ``after`` or the reference; and the variants that
        were there when it was chosen."""
        known = self._installed
        try:
            chosen, known = self._choose_or_ask(args, device, after)
        except (NoVariantError, ArchitectureError) as error:
            if self._reference is None:
                raise
            _log.warning("op %r calls its reference: %s", self.name, error)
            return self._reference, known
        if chosen.note:
            _log.warning("op %r %s: %s", self.name, chosen.note, ", ".join(map(describe, args)))
        return self._prepare(chosen, args, device).run, known

    def _choose_or_ask(
        self, args: tuple[Any, ...], device: int, after: Installed | None
    ) -> tuple[Installed, tuple[Installed, ...]]:
        """The first variant, behind ``after``, that serves ``args``, of those that are there; ``on_miss`` may add
        it."""
        known = self._installed
        try:
            return self._chooser.choose(args, device, _behind(known, after)), known
        except (NoVariantError, ArchitectureError):
            if self._on_miss is None:
                raise
        reason = self._on_miss(args)
        known = self._installed
        try:
            return self._chooser.choose(args, device, _behind(known, after)), known
        except (NoVariantError, ArchitectureError) as error:
            if reason is not None:
                error.add_note(reason)
            raise

    def _prepare(
        self, item: Installed, args: Sequence[Any], device: int, *, alone: bool = False
    ) -> PreparedCall:
        def unaligned(*passed: object) -> Any:
            if alone:
                reasons = tuple(misaligned(item.variant, self.arguments, passed))
                raise self._chooser.error(passed, [Rejection(item.variant, reasons)])
            return self._run_behind(item, passed, device)

        def unserved(error: ReadingError, passed: tuple[object, ...]) -> Any:
            if alone:
                raise error
            try:
                return self._run_behind(item, passed, device)
            except NoVariantError as failure:
                failure.add_note(str(error))
                raise

        driver = self._loader.driver
        elsewhere = run_elsewhere(driver, device) if driver.device_count() > 1 else None
        maker = RunMaker(
            self.name, self.arguments, item.variant, item.images, self._loader, device, unserved
        )
        plan, run = maker.make(args, Entrance(item.variant.aligned, unaligned, elsewhere))
        return PreparedCall(item.variant, plan, run)

    def _run_behind(self, item: Installed, args: tuple[Any, ...], device: int) -> Any:
        """Serve a call whose tensors are not aligned as ``item`` needs, or hold a number that it was
        not compiled for, by a variant behind it."""
        key = (item, device, self._key(args))
        run = self._fallbacks.get(key)
        if run is None:
            run, _ = self._run_for(args, device, after=item)
            with self._lock:
                _remember(self._fallbacks, key, run)
        return run(*args)

    def _key(self, args: Sequence[Any]) -> tuple[object, ...]:
        """The same key that the generated entry function builds."""
        key = [
            field
            for kind, value in zip(self._kinds, args, strict=True)
            for field in argument_fields(kind, value)
        ]
        return (*key,) if "tensor" in self._kinds else (*key, self._current_device())


def _remember(memo: dict[Any, Callable[..., Any]], key: object, run: Callable[..., Any]) -> None:
    while len(memo) >= MAX_SIGNATURES:
        del memo[next(iter(memo))]
    memo[key] = run


def _behind(installed: tuple[Installed, ...], item: Installed | None) -> tuple[Installed, ...]:
    """The variants behind ``item``; all of them where it is none of them."""
    if item is None or item not in installed:
        return installed
    return installed[installed.index(item) + 1 :]
