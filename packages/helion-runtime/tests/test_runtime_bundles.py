from __future__ import annotations

import os
import shutil
import struct
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest
import torch

from helion_runtime import Requirements, load, write_bundle
from helion_runtime.bundle.format import FORMAT_VERSION
from helion_runtime.bundle.manifest import manifest_from_json
from helion_runtime.bundle.needed_version import needed_version
from helion_runtime.bundle.reading import read_verified
from helion_runtime.driver import DeviceProperties
from helion_runtime.errors import (
    ArchitectureError,
    BinaryError,
    BundleExistsError,
    BundleNotFoundError,
    BundleWriteError,
    ContainerError,
    DigestError,
    DriverTooOldError,
    DuplicateNameError,
    FormatVersionError,
    NoOpError,
    NoVariantError,
    PinMismatchError,
    ReadingError,
    SchemaError,
)
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordingDriver

if TYPE_CHECKING:
    from pathlib import Path

    from helion_runtime.bundle.reading import VerifiedContent


@pytest.fixture
def parts(frozen: VerifiedContent) -> dict[str, object]:
    """The frozen bundle's content as arguments of write_bundle."""
    manifest = frozen.manifest
    blobs = {kernel.blob: frozen.files[manifest.blob_name(kernel)] for kernel in manifest.kernels}
    sources = {"add_sm90a": frozen.files["source/add_sm90a.py"].decode()}
    return {
        "ops": manifest.ops,
        "kernels": manifest.kernels,
        "blobs": blobs,
        "sources": sources,
        "built_with": manifest.built_with,
    }


def test_a_bundle_runs(frozen_path: Path, hopper: RecordingDriver) -> None:
    bundle = load(frozen_path, driver=hopper)
    x, y = torch.zeros(30, 10), torch.zeros(30, 10)
    out = bundle.scaled_add(x, y, 2.0)
    assert out.shape == (30, 10)
    launch = hopper.launches[-1]
    assert launch.grid == (2, 1, 1)
    assert [int.from_bytes(raw, "little") for raw in launch.parameters] == [
        x.data_ptr(),
        y.data_ptr(),
        out.data_ptr(),
        300,
        0x40000000,
        0,
        0,
    ]
    assert hopper.loaded[0][2].startswith(b"\x7fELF")
    shifted = torch.zeros(301)[1:].view(30, 10)
    bundle.ops["scaled_add"](x, shifted, 2.0)
    assert hopper.loaded[1][2].startswith(b"//")
    with pytest.raises(NoVariantError, match="scale: expected float, found int 2"):
        bundle.scaled_add(x, y, 2)


def test_another_architecture_takes_the_ptx_or_is_refused(frozen_path: Path) -> None:
    content = load(frozen_path).manifest
    x = torch.zeros(30, 10)
    blackwell = RecordingDriver(
        content.kernels, DeviceProperties("blackwell", (10, 0), 148, 232448)
    )
    bundle = load(frozen_path, driver=blackwell)
    bundle.scaled_add(x, x, 1.0)
    assert blackwell.loaded[0][2].startswith(b"//")
    assert bundle.warm() == ("add_ptx80",)
    turing = RecordingDriver(content.kernels, DeviceProperties("turing", (7, 5), 40, 65536))
    bundle = load(frozen_path, driver=turing)
    with pytest.raises(ArchitectureError, match=r"(?s)for sm_90a, the device is sm_75.*for ptx_80"):
        bundle.scaled_add(x, x, 1.0)
    with pytest.raises(ArchitectureError, match="scaled_add"):
        bundle.warm()


def test_warming_loads_everything_once(frozen_path: Path, hopper: RecordingDriver) -> None:
    bundle = load(frozen_path, driver=hopper)
    assert not hopper.loaded
    assert bundle.warm() == ("add_sm90a", "add_ptx80")
    bundle.warm(-1)
    bundle.scaled_add(torch.zeros(4, 4), torch.zeros(4, 4), 1.0)
    assert len(hopper.loaded) == 2


def test_a_module_is_loaded_once_by_many_threads(
    frozen_path: Path, hopper: RecordingDriver
) -> None:
    bundle = load(frozen_path, driver=hopper)
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        bundle.scaled_add(torch.zeros(4, 4), torch.zeros(4, 4), 1.0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hopper.loaded) == 1
    assert len(hopper.launches) == 8


def test_a_driver_that_is_too_old(
    parts: dict[str, object], tmp_path: Path, hopper: RecordingDriver
) -> None:
    path = tmp_path / "b.helion"
    write_bundle(path, **parts, requires=Requirements(cuda_driver=13020))
    with pytest.raises(DriverTooOldError, match=r"for CUDA 13.2, this one is for 13.1"):
        load(path, driver=hopper).scaled_add(torch.zeros(4, 4), torch.zeros(4, 4), 1.0)
    hopper.device = DeviceProperties("turing", (7, 5), 40, 512)  # neither reason hides the driver's
    with pytest.raises(DriverTooOldError):
        load(path, driver=hopper).scaled_add(torch.zeros(4, 4), torch.zeros(4, 4), 1.0)
    with pytest.raises(DriverTooOldError):
        load(path, driver=hopper).warm()


def test_unknown_ops_and_names_of_the_class_itself(
    parts: dict[str, object], tmp_path: Path, frozen_path: Path
) -> None:
    bundle = load(frozen_path)
    with pytest.raises(AttributeError, match="no op 'matmul'; it has scaled_add"):
        bundle.matmul(1)
    assert list(bundle.ops) == ["scaled_add"]
    assert "scaled_add" in repr(bundle)
    ops = [replace(parts["ops"][0], name="warm")]
    write_bundle(tmp_path / "b.helion", **{**parts, "ops": ops})
    bundle = load(tmp_path / "b.helion")
    assert bundle.ops["warm"].name == "warm"
    assert bundle.warm.__func__ is type(bundle).warm


def test_writing_is_reproducible_in_both_containers(
    parts: dict[str, object], tmp_path: Path, frozen_path: Path, frozen: VerifiedContent
) -> None:
    first = write_bundle(tmp_path / "a.helion", **parts)
    os.utime(tmp_path / "a.helion", (1, 1))
    assert write_bundle(tmp_path / "b.helion", **parts) == first == frozen.id
    assert (tmp_path / "a.helion").read_bytes() == (tmp_path / "b.helion").read_bytes()
    assert (tmp_path / "a.helion").read_bytes() == frozen_path.read_bytes()
    assert write_bundle(tmp_path / "c", **parts, container="directory") == first
    assert load(tmp_path / "c").manifest == load(tmp_path / "a.helion", pin=first).manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.helion", "b.helion", "c"]


def test_a_pin(frozen_path: Path, frozen: VerifiedContent) -> None:
    assert load(frozen_path, pin=frozen.id).id == frozen.id
    assert load(frozen_path, pin="sha256:" + frozen.id.upper()).id == frozen.id
    with pytest.raises(PinMismatchError, match=f"pinned to {'0' * 64}, the bundle is {frozen.id}"):
        load(frozen_path, pin="0" * 64)
    with pytest.raises(PinMismatchError, match="64 hex digits"):
        load(frozen_path, pin="latest")


def test_an_existing_bundle_is_replaced_and_a_directory_is_not(
    parts: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "b.helion"
    path.write_text("an old bundle")
    write_bundle(path, **parts)
    load(path)
    with pytest.raises(BundleExistsError, match="is a file"):
        write_bundle(path, **parts, container="directory")
    (tmp_path / "d").mkdir()
    for container in ("zip", "directory"):
        with pytest.raises(BundleExistsError, match="is a directory"):
            write_bundle(tmp_path / "d", **parts, container=container)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["b.helion", "d"]


def test_a_place_that_cannot_be_written_to(parts: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(BundleWriteError, match="No such file or directory; choose another place"):
        write_bundle(tmp_path / "missing" / "b.helion", **parts)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"blobs": {}}, SchemaError, "blobs holds no binary"),
        ({"ops": ()}, SchemaError, "at least one op"),
        ({"kernels": ()}, SchemaError, "no kernel 'add_sm90a'"),
        ({"sources": {"other": ""}}, SchemaError, "no kernel 'other'"),
    ],
)
def test_content_that_does_not_fit_is_never_written(
    parts: dict[str, object],
    tmp_path: Path,
    change: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        write_bundle(tmp_path / "b.helion", **{**parts, **change})
    assert not list(tmp_path.iterdir())


def test_names_used_twice_and_binaries_that_do_not_fit(
    parts: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "b.helion"
    with pytest.raises(DuplicateNameError, match="ops: used more than once: 'scaled_add'"):
        write_bundle(path, **{**parts, "ops": (*parts["ops"], *parts["ops"])})
    with pytest.raises(DuplicateNameError, match="kernels: used more than once"):
        write_bundle(path, **{**parts, "kernels": (*parts["kernels"], parts["kernels"][0])})
    cubin, text = parts["kernels"]
    with pytest.raises(BinaryError, match="the binary requires"):
        write_bundle(path, **{**parts, "kernels": (replace(cubin, num_warps=2), text)})


def test_paths_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match="No such file or directory"):
        load(tmp_path / "missing.helion")
    (tmp_path / "text").write_text("not a zip file")
    with pytest.raises(ContainerError, match="neither a directory nor a sound zip file"):
        load(tmp_path / "text")
    with pytest.raises(ContainerError, match=r"manifest\.json: cannot be read"):
        load(tmp_path)


def rezip(path: Path, files: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def unzip(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_files_that_are_no_bundles(frozen_path: Path, tmp_path: Path) -> None:
    files = unzip(frozen_path)
    rows = list(files.items())
    blob = next(name for name in files if name.endswith(".cubin"))
    path = tmp_path / "b.helion"
    assert load(rezip(path, rows)).ops
    for name in (
        "../evil",
        "/etc/passwd",
        "blobs/../manifest.json",
        "blobs\\x",
        "notes.txt",
        "source/",
    ):
        with pytest.raises(ContainerError, match="a bundle holds no file named"):
            load(rezip(path, [*rows, (name, b"")]))
    with pytest.raises(ContainerError, match="two files are named"):
        load(rezip(path, [*rows, rows[0]]))
    with pytest.raises(ContainerError, match="compressed"):
        load(rezip(path, rows, zipfile.ZIP_DEFLATED))
    with pytest.raises(
        ContainerError, match=r"holds what its manifest does not list: source/x\.py"
    ):
        load(rezip(path, [*rows, ("source/x.py", b"")]))
    with pytest.raises(ContainerError, match=f"there is no {blob}"):
        load(rezip(path, [row for row in rows if row[0] != blob]))
    for missing in ("manifest.json", "manifest.sha256"):
        with pytest.raises(ContainerError, match=f"there is no {missing}"):
            load(rezip(path, [row for row in rows if row[0] != missing]))


def test_members_that_overlap_are_refused(frozen_path: Path, tmp_path: Path) -> None:
    """The central directory of a zip bomb names the same bytes again and again."""
    raw = frozen_path.read_bytes()
    end = raw.rindex(b"PK\x05\x06")
    start = int.from_bytes(raw[end + 16 : end + 20], "little")
    entry = raw[start : raw.index(b"PK\x01\x02", start + 4)].replace(
        b"manifest.json", b"source/aaa.py"
    )
    clones = b"".join(entry.replace(b"aaa", b"a%02d" % i) for i in range(50))
    count = int.from_bytes(raw[end + 10 : end + 12], "little") + 50
    size = end - start + len(clones)
    tail = (
        raw[end : end + 8]
        + count.to_bytes(2, "little") * 2
        + size.to_bytes(4, "little")
        + raw[end + 16 :]
    )
    path = tmp_path / "bomb.helion"
    path.write_bytes(raw[:end] + clones + tail)
    with pytest.raises(ContainerError, match=r"its files have|zip"):
        load(path)


def test_a_directory_with_a_damaged_or_missing_file(
    parts: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "d"
    write_bundle(path, **parts, container="directory")
    (path / "notes.txt").write_text("harmless")
    load(path)
    blob = next((path / "blobs").glob("*.cubin"))
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + b"\xff")
    with pytest.raises(DigestError, match=f"{blob.name} is damaged or altered"):
        load(path)
    blob.write_bytes(content[:-1])
    with pytest.raises(
        DigestError, match=f"expected {len(content)} bytes, found {len(content) - 1}"
    ):
        load(path)
    blob.unlink()
    with pytest.raises(ContainerError, match="cannot be read: No such file"):
        load(path)
    os.mkfifo(blob)
    with pytest.raises(ContainerError, match="expected a regular file"):
        load(path)
    shutil.rmtree(path)


def test_every_format_version_has_its_frozen_bundle(frozen_path: Path) -> None:
    """A new format version needs a frozen bundle of its own; those of earlier ones must stay readable."""
    major, minor = FORMAT_VERSION
    for version in range(minor + 1):
        path = frozen_path.with_name(f"format_{major}_{version}.helion")
        assert read_verified(path).manifest.format_version == (major, version)


@pytest.mark.parametrize("version", ["1_1", "1_2"])
def test_the_frozen_bundles_of_later_formats_run(frozen_path: Path, version: str) -> None:
    path = frozen_path.with_name(f"format_{version}.helion")
    driver = RecordingDriver(read_verified(path).manifest.kernels)
    bundle = load(path, driver=driver)
    x = torch.zeros(4, 4)
    for total in (3, 0, 7):
        x[0, 0] = total
        found = bundle.computing(x, torch.ones(4, 4), 4.0)
        assert found["out"].shape == (4 + total, 4)
        assert found["sums"].tolist() == [0.0] * 4
        assert found["twice_the_mean"] == 0.0
        assert driver.launches[-1].parameters[4] == struct.pack("=f", 4.0)
    x[0, 0] = -1
    prepared = bundle.computing.prepare((x, x, 1.0), bundle.computing.variants[0])
    with pytest.raises(ReadingError, match=r"host code read -1 .* 0 <= item 6"):
        prepared(x, x, 1.0)


def test_the_lowest_version_that_will_do_is_written(
    parts: dict[str, object], tmp_path: Path, frozen_path: Path
) -> None:
    write_bundle(tmp_path / "old", **parts)
    assert read_verified(tmp_path / "old").manifest.format_version == (1, 0)
    newer = read_verified(frozen_path.with_name("format_1_1.helion")).manifest
    assert needed_version(newer.ops[:1]) == (1, 0)
    assert needed_version(newer.ops) == (1, 1)
    for changed in (
        {"outputs": ("dict", ())},
        {"guard": (("le", ("float", 1), 2),)},
        {"outputs": ("tuple", (("value", ("sqrt", 2)),))},
    ):
        op = newer.ops[0]
        variant = replace(op.variants[0], **changed)
        assert needed_version([replace(op, variants=(variant,))]) == (1, 1)
    with pytest.raises(FormatVersionError, match=r"at least 1\.1"):
        manifest_from_json(replace(newer, format_version=(1, 0)).to_json(), "manifest")


def test_every_variant_says_what_it_writes_or_none(frozen_path: Path) -> None:
    newest = read_verified(frozen_path.with_name("format_1_2.helion")).manifest
    assert needed_version(newest.ops) == (1, 2)
    op, *others = newest.ops
    unsaid = replace(op, variants=(replace(op.variants[0], mutates=None), *op.variants[1:]))
    for ops in ((unsaid, *others), read_verified(frozen_path).manifest.ops):
        changed = replace(newest, ops=ops)
        with pytest.raises(
            SchemaError, match=r"variant 0: missing key\(s\): mutates|launched by no op"
        ):
            manifest_from_json(changed.to_json(), "manifest")
    wrong = replace(op, variants=(replace(op.variants[0], mutates=(2,)), *op.variants[1:]))
    with pytest.raises(SchemaError, match=r"mutates: expected tensor arguments, found \[2\]"):
        manifest_from_json(replace(newest, ops=(wrong, *others)).to_json(), "manifest")


def test_a_reference_takes_calls_that_no_variant_serves(
    frozen_path: Path, hopper: RecordingDriver, caplog: pytest.LogCaptureFixture
) -> None:
    def reference(x: torch.Tensor, y: torch.Tensor, scale: object) -> str:
        return f"{x.dtype} {list(y.shape)} {scale}"

    bundle = load(frozen_path, driver=hopper, on_miss={"scaled_add": reference})
    x, halves = torch.zeros(4, 4), torch.zeros(4, 4, dtype=torch.float16)
    assert isinstance(bundle.scaled_add(x, x, 1.0), torch.Tensor)
    assert caplog.records == []
    for _ in range(3):
        assert bundle.scaled_add(halves, x, 1.0) == "torch.float16 [4, 4] 1.0"
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "op 'scaled_add' calls its reference: op 'scaled_add' has no variant" in record.message
    with pytest.raises(NoVariantError):
        load(frozen_path, driver=hopper).scaled_add(halves, x, 1.0)
    with pytest.raises(NoOpError, match="on_miss names matmul; the ops are scaled_add"):
        load(frozen_path, driver=hopper, on_miss={"matmul": reference})
