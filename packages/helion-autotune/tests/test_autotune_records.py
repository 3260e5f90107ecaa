"""Records: round trip, sessions, compression, torn lines, foreign files and formats, full disks, many processes."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from helion_autotune import (
    Boolean,
    Choice,
    Point,
    Records,
    RecordsError,
    Space,
    Status,
    StoredResult,
    Trial,
)

OK = Trial(Point({"b": [1, 2], "a": True}), Status.OK, 0.25, 1.5)
BAD = Trial(Point({"b": [1, 2], "a": False}), Status.COMPILE_ERROR, error="ValueError: ünfit\nx")
RESULT = StoredResult(OK.point, 0.25, 12.0, 64, "the strategy finished")


def make_records(path):
    return Records(path, now=lambda: "2030-01-01T00:00:00.000+00:00")


def test_what_is_written_is_found_again(tmp_path):
    records = make_records(tmp_path / "deep" / "r.jsonl")
    records.prepare()
    records.add_trial("space", "key", OK)
    records.add_trial("space", "key", BAD)
    records.add_trial("space", "other", OK)
    records.add_result("space", "key", RESULT)
    found = Records(records.path)
    assert found.trials("space", "key") == {OK.point: OK, BAD.point: BAD}
    assert found.trials("another", "key") == {}
    assert found.result("space", "key") == RESULT
    assert found.result("space", "other") is None
    assert [line.key for line in found.results()] == ["key"]


def test_a_line_is_plain_json_with_everything_in_it(tmp_path):
    records = make_records(tmp_path / "r.jsonl")
    records.add_trial("space", "key", BAD)
    (line,) = records.path.read_text().splitlines()
    assert json.loads(line) == {
        "format": 1,
        "kind": "trial",
        "space": "space",
        "key": "key",
        "point": {"b": [1, 2], "a": False},
        "status": "compile_error",
        "milliseconds": None,
        "compile_seconds": 0.0,
        "error": "ValueError: ünfit\nx",
        "time": "2030-01-01T00:00:00.000+00:00",
    }


def test_a_session_says_what_its_space_is_once(tmp_path):
    records = make_records(tmp_path / "r.jsonl")
    space = Space({"a": Boolean(), "b": Choice([1, 2], default=2)})
    seed = space.point({"a": True})
    records.add_session(space, "key", [seed])
    records.add_session(space, "other", [])
    assert records.descriptions() == {space.fingerprint: space.describe()}
    first, second = records.sessions()
    assert (first.fingerprint, first.key, first.seeds) == (space.fingerprint, "key", (seed,))
    assert first.default == space.default
    assert (second.key, second.seeds) == ("other", ())
    assert records.trials(space.fingerprint, "key") == {}


def test_compressed_records_are_read_and_not_written(tmp_path):
    records = make_records(tmp_path / "r.jsonl")
    records.add_trial("s", "k", OK)
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(gzip.compress(records.path.read_bytes()))
    assert Records(packed).trials("s", "k") == {OK.point: OK}
    with pytest.raises(RecordsError, match="compressed records are only read"):
        Records(packed).prepare()
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(RecordsError, match=r"cannot read records from .*r\.jsonl\.gz"):
        Records(packed).trials("s", "k")


def test_the_latest_result_counts(tmp_path):
    records = make_records(tmp_path / "r.jsonl")
    records.add_result("s", "k", RESULT)
    newer = StoredResult(BAD.point, 0.125, 1.0, 3, "x")
    records.add_result("s", "k", newer)
    assert records.result("s", "k") == newer


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_line_is_skipped_and_the_next_one_starts_afresh(tmp_path, cut):
    records = make_records(tmp_path / "r.jsonl")
    records.add_trial("s", "k", OK)
    whole = records.path.read_bytes()
    records.path.write_bytes(whole + whole[:cut])
    assert list(records.trials("s", "k")) == [OK.point]
    records.add_trial("s", "k", BAD)
    records.prepare()
    assert list(records.trials("s", "k")) == [OK.point, BAD.point]


@pytest.mark.parametrize("torn", [b"", b'{"f', b'{"format":1,"ki'])
def test_a_file_with_nothing_but_a_torn_line_is_accepted(tmp_path, torn):
    records = make_records(tmp_path / "r.jsonl")
    records.path.write_bytes(torn)
    records.prepare()
    records.add_trial("s", "k", OK)
    assert list(records.trials("s", "k")) == [OK.point]


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(RecordsError, match="not a file of helion-autotune records: no line is"):
        Records(path).prepare()
    assert path.read_text() == "dear diary\n"


def test_a_foreign_format_is_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"format": 99, "kind": "trial"}\n')
    with pytest.raises(
        RecordsError, match=r"line 1: records of format 99.*reads and writes format 1"
    ):
        Records(path).trials("s", "k")


def test_an_unwritable_place_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordsError, match=r"cannot write records to .*Choose a path"):
        Records(tmp_path / "file" / "r.jsonl").prepare()
    with pytest.raises(RecordsError, match="cannot write records"):
        Records(tmp_path).prepare()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full to play a full disk")
def test_a_full_disk_is_named():
    with pytest.raises(RecordsError, match="No space left"):
        Records("/dev/full").add_trial("s", "k", OK)


def test_processes_share_a_file_without_tearing_lines(tmp_path):
    path = tmp_path / "r.jsonl"
    script = (
        "import sys; from helion_autotune import *\n"
        "r = Records(sys.argv[1])\n"
        "for i in range(100):\n"
        "    r.add_trial('s', sys.argv[2], Trial(Point({'i': i}), 'ok', 1.0, error='x' * 500))\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(number)])
        for number in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    records = Records(path)
    assert [len(records.trials("s", str(number))) for number in range(4)] == [100] * 4
    assert len(path.read_text().splitlines()) == 400
