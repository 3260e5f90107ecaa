"""Lock files, frozen runs and ranks that agree."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from helion_autotune import (
    Chooser,
    LockedResult,
    LockFile,
    LockFileError,
    NotTunedError,
    Point,
    PowerOfTwo,
    Question,
    RanksDisagreeError,
    Space,
)
from helion_autotune.choosing import agreement
from helion_autotune.similar_keys import key_difference

SPACE = Space({"BLOCK": PowerOfTwo(16, 128), "num_warps": PowerOfTwo(1, 8)})
KEY = json.dumps({"device": "H200", "sizes": [64, 128]}, sort_keys=True)
QUESTION = Question("matmul", KEY, SPACE)
POINT = SPACE.point({"BLOCK": 64})


class Asked:
    """Counts what it is asked; knows one stored point, or none."""

    def __init__(self, stored=None):
        self.point, self.tunings = stored, 0

    def stored(self):
        return self.point

    def tuned(self):
        self.tunings += 1
        return LockedResult("matmul", KEY, POINT, 0.123456789)


def choose(chooser, asked, question=QUESTION):
    return chooser.choose(question, stored=asked.stored, tuned=asked.tuned)


@pytest.fixture
def lock(tmp_path):
    return LockFile(tmp_path / "deep" / "tuned.lock.json")


# -- lock files ---------------------------------------------------------------------------------


def test_a_lock_file_is_sorted_and_readable(lock):
    lock.add(LockedResult("softmax", "plain key", Point({"BLOCK": 32})))
    lock.add(LockedResult("matmul", KEY, POINT, 0.123456789))
    assert lock.path.read_text() == textwrap.dedent("""\
        {
         "format": 1,
         "results": [
          {
           "kernel": "matmul",
           "key": {"device": "H200", "sizes": [64, 128]},
           "point": {"BLOCK": 64, "num_warps": 1},
           "milliseconds": 0.12346
          },
          {
           "kernel": "softmax",
           "key": "plain key",
           "point": {"BLOCK": 32}
          }
         ]
        }
    """)
    assert lock.find("matmul", KEY).point == POINT
    assert lock.find("softmax", "plain key").milliseconds is None
    assert lock.find("matmul", "plain key") is None
    assert [one.kernel for one in lock.results()] == ["matmul", "softmax"]


def test_a_key_is_found_however_it_is_spaced(lock):
    lock.add(LockedResult("matmul", KEY, POINT))
    assert lock.find("matmul", KEY.replace(" ", "")) is not None


def test_an_entry_is_replaced_and_the_order_of_writing_does_not_show(lock, tmp_path):
    other = LockFile(tmp_path / "other.json")
    entries = [LockedResult(f"k{number}", KEY, POINT, 1.0) for number in range(5)]
    for entry in entries:
        lock.add(entry)
    for entry in [LockedResult("k3", KEY, POINT, 9.0), *reversed(entries)]:
        other.add(entry)
    assert lock.path.read_bytes() == other.path.read_bytes()
    assert [path.name for path in other.path.parent.iterdir() if path.is_file()] == ["other.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 1}', "<<<<<<< HEAD", '{"format": 1, "results": [{}]}']
)
def test_a_file_of_something_else_is_refused_and_left_alone(lock, text):
    lock.path.parent.mkdir()
    lock.path.write_text(text)
    with pytest.raises(LockFileError, match="is no lock file"):
        lock.add(LockedResult("matmul", KEY, POINT))
    assert lock.path.read_text() == text


def test_another_format_is_refused(lock):
    lock.path.parent.mkdir()
    lock.path.write_text('{"format": 9, "results": []}')
    with pytest.raises(LockFileError, match="has format 9"):
        lock.results()


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LockFileError, match=r"cannot write .*file/tuned.lock.json"):
        LockFile(tmp_path / "file" / "tuned.lock.json").add(LockedResult("k", KEY, POINT))


def test_processes_share_a_lock_file(tmp_path):
    path = tmp_path / "tuned.lock.json"
    script = (
        "import sys; from helion_autotune import *\n"
        "for i in range(10):\n"
        "    LockFile(sys.argv[1]).add(LockedResult(f'k{sys.argv[2]}-{i}', 'key', Point({'a': i})))\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(number)])
        for number in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0] * 3
    assert len(LockFile(path).results()) == 30


# -- choosing -----------------------------------------------------------------------------------


def test_what_was_tuned_is_locked_and_found_again(lock):
    asked = Asked()
    assert choose(Chooser(lock), asked) == POINT
    assert lock.find("matmul", KEY).milliseconds == 0.12346
    assert choose(Chooser(lock), asked) == choose(Chooser(lock, frozen=True), asked) == POINT
    assert asked.tunings == 1


def test_a_stored_point_is_taken_and_locked(lock):
    asked = Asked(SPACE.point({"BLOCK": 128}))
    assert choose(Chooser(lock), asked)["BLOCK"] == 128
    assert lock.find("matmul", KEY).point["BLOCK"] == 128
    assert asked.tunings == 0


def test_a_frozen_run_takes_nothing_but_the_lock_file_where_there_is_one(lock):
    asked = Asked(POINT)
    with pytest.raises(NotTunedError) as caught:
        choose(Chooser(lock, frozen=True), asked)
    for part in ("has no entry for matmul under", "H200", "HELION_AUTOTUNE_FROZEN=0", "commit"):
        assert part in str(caught.value)
    assert choose(Chooser(frozen=True), asked) == POINT
    with pytest.raises(NotTunedError, match="nothing is stored for matmul"):
        choose(Chooser(frozen=True), Asked())
    assert asked.tunings == 0
    assert not lock.path.exists()


def test_a_frozen_run_says_what_the_nearest_entry_lacks(lock):
    lock.add(LockedResult("matmul", KEY, POINT))
    lock.add(LockedResult("matmul", KEY.replace("64", "4096").replace("H200", "A100"), POINT))
    with pytest.raises(NotTunedError, match=r"2 other entries .* differs in sizes \(\[64, 128\]"):
        choose(
            Chooser(lock, frozen=True), Asked(), Question("matmul", KEY.replace("64", "65"), SPACE)
        )
    assert key_difference("a", "b") == "the key: a"


@pytest.mark.parametrize(
    ("point", "reason"),
    [({"BLOCK": 256}, "256 is not a power of two from 16"), ({"GONE": 1}, "GONE")],
)
def test_an_entry_that_no_longer_fits_is_tuned_anew_or_said(lock, point, reason):
    lock.add(LockedResult("matmul", KEY, Point({**POINT, **point})))
    with pytest.raises(NotTunedError, match=f"no longer fits: .*{reason}"):
        choose(Chooser(lock, frozen=True), Asked())
    assert choose(Chooser(lock), Asked()) == POINT
    assert choose(Chooser(lock, frozen=True), Asked()) == POINT


def test_the_environment_stands_in_for_what_is_not_said(tmp_path):
    environment = {
        "HELION_AUTOTUNE_LOCK": str(tmp_path / "l.json"),
        "HELION_AUTOTUNE_FROZEN": "1",
        "HELION_AUTOTUNE_AGREE": "on",
    }
    told = Chooser.of(environment=environment)
    assert told == Chooser(LockFile(tmp_path / "l.json"), frozen=True, agree=True)
    said = Chooser.of("mine.json", frozen=False, agree=False, environment=environment)
    assert said == Chooser(LockFile("mine.json"))
    assert Chooser.of(environment={}) == Chooser()
    with pytest.raises(ValueError, match="HELION_AUTOTUNE_FROZEN='maybe'"):
        Chooser.of(environment={"HELION_AUTOTUNE_FROZEN": "maybe"})


# -- ranks --------------------------------------------------------------------------------------


class Job:
    """What ``torch.distributed`` is to one rank, with an answer that is already there."""

    def __init__(self, rank, answer=None):
        self.rank, self.answer = rank, answer

    def get_world_size(self, group):
        return 2

    def get_rank(self):
        return self.rank

    def broadcast_object_list(self, objects, src, group):
        if self.rank == src:
            self.answer = objects[0]
        else:
            objects[0] = self.answer


def test_alone_a_rank_just_decides():
    assert choose(Chooser(agree=True), Asked()) == POINT


def test_the_others_receive_what_rank_0_decided(monkeypatch):
    first = Job(0)
    monkeypatch.setattr(agreement, "_distributed", lambda: first)
    assert choose(Chooser(agree=True), Asked()) == POINT
    monkeypatch.setattr(agreement, "_distributed", lambda: Job(1, first.answer))
    asked = Asked()
    assert choose(Chooser(agree=True), asked) == POINT
    assert asked.tunings == 0
    with pytest.raises(RanksDisagreeError, match=r"rank 1 needs a config for softmax .* matmul"):
        choose(Chooser(agree=True), asked, Question("softmax", KEY, SPACE))


def test_the_others_hear_that_rank_0_failed(monkeypatch):
    first = Job(0)
    monkeypatch.setattr(agreement, "_distributed", lambda: first)
    with pytest.raises(NotTunedError):
        choose(Chooser(frozen=True, agree=True), Asked())
    monkeypatch.setattr(agreement, "_distributed", lambda: Job(1, first.answer))
    with pytest.raises(
        RanksDisagreeError, match=r"rank 0 could not choose .*NotTunedError: this run"
    ):
        choose(Chooser(agree=True), Asked())


RANK = """
import sys
import torch.distributed as dist
from helion_autotune import *
rank, place = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{place}/meeting", rank=rank, world_size=2)
space = Space({"BLOCK": PowerOfTwo(16, 128)})
def tuned():
    assert rank == 0, "only rank 0 tunes"
    return LockedResult("matmul", "key", space.point({"BLOCK": 64}), 1.0)
chooser = Chooser.of(f"{place}/tuned.lock.json", agree=True)
for _ in range(2):
    point = chooser.choose(Question("matmul", "key", space), stored=lambda: None, tuned=tuned)
    assert point["BLOCK"] == 64
try:
    chooser.choose(Question(f"kernel of {rank}", "key", space), stored=lambda: None, tuned=tuned)
except RanksDisagreeError as error:
    assert rank == 1 and "kernel of 0" in str(error), error
else:
    assert rank == 0
dist.destroy_process_group()
print("agreed")
"""


def test_two_processes_agree(tmp_path):
    pytest.importorskip("torch", reason="a job of torch.distributed needs torch")
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank in range(2)
    ]
    outputs = [rank.communicate(timeout=120)[0] for rank in ranks]
    assert [output.splitlines()[-1] for output in outputs] == ["agreed"] * 2, outputs
