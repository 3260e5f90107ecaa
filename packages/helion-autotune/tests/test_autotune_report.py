"""The page about records: what it says, that it needs no network, and that nothing of the user's becomes markup."""

import gzip
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from helion_autotune import Budget, Point, Records, Status, StoredResult, Trial, conformance, tune
from helion_autotune.cli import main
from helion_autotune.report import page, summaries
from helion_autotune.report.importance import importances
from helion_autotune.report.svg import Scale
from helion_autotune.strategies.random import RandomSearch


def fails(point):
    return Status.COMPILE_ERROR if point["depth"] == 6 else None


class Clock:
    """UTC times that tick, for records."""

    def __init__(self, start=0):
        self.seconds = start

    def __call__(self):
        self.seconds += 1
        return f"2030-01-01T00:{self.seconds // 60:02}:{self.seconds % 60:02}.000+00:00"


def make_records(tmp_path, clock=None, evaluations=60):
    records = Records(tmp_path / "bowl.jsonl", now=clock or Clock())
    space = conformance.space()
    tune(
        space,
        conformance.Bowl(fails),
        strategy=RandomSearch(),
        budget=Budget(evaluations=evaluations),
        seeds=[space.point({"block": 16, "depth": 6}), space.point({"block": 32})],
        key='{"device": "<H200>"}',
        records=records,
        finalists=0,
        jobs=1,
    )
    return records


class Tags(HTMLParser):
    """Every tag with its attributes, and a check that they close in order."""

    VOID = ("meta", "circle", "line", "polyline", "rect")

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_a_summary_holds_the_trials_in_order_with_their_seconds(tmp_path):
    (summary,) = summaries([make_records(tmp_path).path])
    assert len(summary.trials) == 60
    seconds = [one.seconds for one in summary.trials]
    assert seconds == sorted(seconds)
    assert seconds[-1] - seconds[0] == 59
    assert summary.best.value == min(one.trial.value for one in summary.worked)
    assert summary.usual.point["block"] == 16
    assert not summary.usual.ok
    assert list(summary.parameters) == list(conformance.space().parameters)


def test_pauses_between_sessions_do_not_count(tmp_path):
    make_records(tmp_path, Clock(), evaluations=20)
    make_records(tmp_path, Clock(start=3000), evaluations=40)
    (summary,) = summaries([tmp_path / "bowl.jsonl"])
    assert len(summary.trials) == 40
    assert summary.trials[-1].seconds < 60


def test_the_chosen_point_counts_as_the_best(tmp_path):
    records = make_records(tmp_path)
    (line, *_) = [line for line in records.trial_lines() if line.trial.ok]
    chosen = StoredResult(line.trial.point, 1.0, 1.0, 60, "")
    records.add_result(line.fingerprint, line.key, chosen)
    (summary,) = summaries([records.path])
    assert summary.best.point == line.trial.point


def test_a_page_needs_no_network_and_closes_its_tags(tmp_path):
    text = page(summaries([make_records(tmp_path).path]))
    tags = Tags(text)
    assert tags.open == []
    assert {tag for tag, _ in tags.found} <= {
        "html", "head", "meta", "title", "style", "body", "main", "section", "div", "h1", "h2", "h3", "p", "span", "b",
        "i", "table", "tr", "td", "th", "details", "summary", "pre", "svg", "line", "circle", "polyline", "rect",
        "text",
    }  # fmt: skip
    assert not [attributes for _, attributes in tags.found if {"src", "href"} & attributes.keys()]
    assert "url(" not in text
    assert "http" not in text


def test_a_page_says_what_won_what_mattered_and_what_failed(tmp_path):
    (summary,) = summaries([make_records(tmp_path).path])
    text = page([summary])
    failed = sum(not one.trial.ok for one in summary.trials)
    assert f"compile error ({failed})" in text
    assert "RuntimeError: does not compile" in text
    assert text.count('class="failed"') == 2 * failed  # a dot in both charts
    assert text.count('class="trial"') == 2 * (60 - failed)
    assert '<tr class="changed"><td>block</td>' in text
    assert text.count('class="thread winner"') == 1
    assert "aria-label=" in text


def test_users_words_do_not_become_markup(tmp_path):
    records = make_records(tmp_path)
    (line, *_) = records.trial_lines()
    evil = "<script>alert('x')</script>"
    records.add_trial(line.fingerprint, line.key, Trial(line.trial.point, "run_error", error=evil))
    text = page(summaries([records.path]), title=evil)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;H200&gt;" in text


def test_several_sessions_get_a_list_and_what_is_not_known_is_said(tmp_path):
    records = make_records(tmp_path)
    for number in range(3):
        point = Point({"x": number})
        records.add_trial("undescribed", "other", Trial(point, Status.OK, 1.0 + number))
    records.add_trial("failing", "third", Trial(Point({"x": 1}), Status.TIMEOUT, error="slow"))
    text = page(summaries([records.path]))
    assert re.findall(r'href="#(s\d)">(bowl #\d)', text) == [
        ("s0", "bowl #1"), ("s1", "bowl #2"), ("s2", "bowl #3"),
    ]  # fmt: skip
    assert "Too little to tell: 3 successes" in text
    assert "nothing worked of 1" in text
    Tags(text)


def test_what_matters_is_found():
    space = conformance.space()
    points = [point for number, point in enumerate(space.points()) if number % 5 == 0]

    def trial(point):
        return Trial(point, Status.OK, 1.0 + point["block"] / 32 + (0.1 if point["fast"] else 0.0))

    shares = importances(space.parameters, [trial(point) for point in points])
    assert next(iter(shares)) == "block"
    assert shares["block"] > 0.7
    assert max(shares["depth"], shares["layout"], shares["swizzle"]) < 0.1
    assert importances(space.parameters, [trial(point) for point in points[:5]]) == {}
    assert importances(space.parameters, [Trial(p, Status.OK, 1.0) for p in points]) == {}


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 100, 0, 1), [0, 20, 40, 60, 80, 100]),
        (Scale(0.2, 1.2, 0, 1, log=True), [0.2, 0.3, 0.5, 0.7, 1.0]),
        (Scale(1, 5000, 0, 1, log=True), [1, 3, 10, 30, 100, 300, 1000, 3000]),
        (Scale(3, 3, 0, 1), [3]),
    ],
)
def test_ticks_are_round_and_few(scale, ticks):
    assert scale.ticks() == pytest.approx(ticks)


def test_the_command_writes_a_page(tmp_path, capsys):
    output = tmp_path / "deep" / "report.html"
    records = make_records(tmp_path)
    assert main(["report", str(records.path), "--output", str(output), "--title", "A title"]) == 0
    assert "<h1>A title</h1>" in output.read_text(encoding="utf-8")
    assert main(["report", str(tmp_path / "no.jsonl"), "--output", str(output)]) == 1
    assert "there is no file" in capsys.readouterr().err


def test_a_directory_means_the_records_in_it(tmp_path, capsys):
    records = make_records(tmp_path)
    (tmp_path / "bowl2.jsonl.gz").write_bytes(gzip.compress(records.path.read_bytes()))
    assert [one.name for one in summaries([tmp_path])] == ["bowl", "bowl2"]
    (tmp_path / "none").mkdir()
    assert main(["report", str(tmp_path / "none")]) == 1
    assert "there are no records in" in capsys.readouterr().err


def test_the_package_runs_as_a_command():
    run = subprocess.run(
        [sys.executable, "-m", "helion_autotune", "report", "nowhere.jsonl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "helion-autotune: there is no file nowhere.jsonl" in run.stderr
