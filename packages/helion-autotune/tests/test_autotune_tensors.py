"""Copies for workers: the same values in memory of their own."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="tensors need torch, which this environment lacks")
if sys.platform != "linux":
    pytest.skip("isolated measuring needs Linux", allow_module_level=True)

from helion_autotune import NotPortableError  # noqa: E402  # behind the checks
from helion_autotune.blueprint import portable  # noqa: E402  # likewise
from helion_autotune.isolation import tensors  # noqa: E402  # only where it can be
from helion_autotune.isolation.host_memory import available_bytes  # noqa: E402  # likewise
from helion_autotune.isolation.tensors import ALIGNMENT, Packed  # noqa: E402  # likewise


def sent(*values):
    packed = Packed(values)
    return pickle.loads(pickle.dumps(packed))


def test_values_come_out_as_they_went_in():
    transposed = torch.randn(5, 3).t()
    expanded = torch.randn(4, 1).expand(4, 7)
    tensors = [
        torch.randn(17),
        transposed,
        expanded,
        torch.randn(2, 2).bfloat16(),
        torch.tensor(3),
        torch.empty(0, 4),
        torch.arange(7, dtype=torch.uint8),
        torch.randn(3).to(torch.float8_e4m3fn),
        torch.randn(3, dtype=torch.complex64).conj(),
    ]
    found = sent(1, "text", None, *tensors).values
    assert found[:3] == (1, "text", None)
    for before, after in zip(tensors, found[3:], strict=True):
        assert (before.shape, before.dtype) == (after.shape, after.dtype)
        assert before.stride() == after.stride()
        assert torch.equal(
            before.float() if before.dtype.itemsize == 1 else before,
            after.float() if after.dtype.itemsize == 1 else after,
        )


def test_copies_are_copies():
    x = torch.zeros(8)
    copy = sent(x).values[0]
    copy += 1
    assert x.sum() == 0


def test_shared_memory_is_shared_again():
    whole = torch.arange(10)
    first, second, apart, again = sent(whole[:6], whole[4:8], whole[9:], whole[:6]).values
    first.fill_(-1)
    assert second.tolist() == [-1, -1, 6, 7]
    assert apart.tolist() == [9]
    assert again.tolist() == [-1] * 6


@pytest.mark.parametrize("shift", [0, 1, 3, 17])
def test_addresses_keep_their_alignment(shift):
    x = torch.arange(100, dtype=torch.float32)[shift:]
    copy = sent(x).values[0]
    assert torch.equal(copy, x)
    assert copy.data_ptr() % ALIGNMENT == x.data_ptr() % ALIGNMENT


def test_a_stray_write_shows_in_the_checksum():
    unpacked = sent(torch.randn(33), torch.arange(5))
    before = unpacked.checksum()
    assert unpacked.checksum() == before
    unpacked.values[1][2] = 7
    assert unpacked.checksum() != before
    assert unpacked.checksum()[0] == before[0] or unpacked.checksum()[1] == before[1]


def test_another_process_reads_them_too():
    packed = Packed([torch.arange(1000), 5])
    program = (
        "import pickle, sys\n"
        "u = pickle.loads(sys.stdin.buffer.read())\n"
        "print(int(u.values[0].sum()), u.values[1])\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(packed), capture_output=True, check=True
    )
    assert found.stdout.split() == [b"499500", b"5"]


def test_what_the_host_has_no_memory_for_is_refused(monkeypatch):
    monkeypatch.setattr(tensors, "available_bytes", lambda: 7 << 20)
    Packed([torch.empty(3 << 20, dtype=torch.uint8)])
    with pytest.raises(NotPortableError, match=r"of which 0\.0 GiB are left"):
        Packed([torch.empty(4 << 20, dtype=torch.uint8)])


def test_the_memory_left_is_the_least_that_machine_and_group_have(tmp_path):
    assert available_bytes(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    4000 kB\n")
    assert available_bytes(tmp_path) == 4000 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("5\n")
    assert available_bytes(tmp_path) == 4000 * 1024
    (group / "memory.max").write_text("1000\n")
    assert available_bytes(tmp_path) == 995
    assert available_bytes() > 0


def test_what_goes_to_another_host_takes_its_bytes_along():
    whole = torch.arange(40, dtype=torch.float32)
    packed = Packed((whole[3:], 7, whole.view(8, 5).T, torch.empty(0)))
    message = portable(packed, far=True)
    del packed, whole
    arrived = pickle.loads(message)
    near = pickle.loads(pickle.dumps(arrived))
    first, number, second, empty = near.values
    assert number == 7
    assert torch.equal(first, torch.arange(3, 40, dtype=torch.float32))
    assert torch.equal(second, torch.arange(40, dtype=torch.float32).view(8, 5).T)
    assert second.stride() == (1, 5)
    assert empty.numel() == 0
    first[0] = -1.0
    assert second[3, 0] == -1.0, "what shared memory shares it again"
