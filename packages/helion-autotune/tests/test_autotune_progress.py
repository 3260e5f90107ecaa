"""What people see: the exact lines, and the live display where there is a terminal."""

import io
import sys
import types

import pytest

from helion_autotune import Budget, Integer, Measurement, PlainProgress, Point, Space, Trial, tune
from helion_autotune.live_progress import LiveProgress, progress_for
from helion_autotune.notebook_progress import NotebookProgress
from helion_autotune.progress import Generation, SearchEnded, SearchStarted, format_ms
from helion_autotune.strategies.finite import FiniteSearch

BEST = Trial(Point({"a": 3}), "ok", 0.1912)


def generation(**changes):
    fields = {
        "number": 3,
        "seconds": 12.4,
        "replaced": 9,
        "failed": 0,
        "minimum": 0.1912,
        "middle": 0.31,
        "maximum": 1.2,
        "best": BEST,
    }
    return Generation(**{**fields, **changes})


def lines_of(event, **options):
    stream = io.StringIO()
    PlainProgress(stream, **options).generation(event)
    return stream.getvalue()


def test_the_line_of_a_generation():
    assert lines_of(generation()) == (
        '[12s] Generation 3: replaced=9 min=0.191 mid=0.31 max=1.2 best={"a": 3}\n'
    )


def test_failures_the_rendering_and_the_prefix_are_shown():
    line = lines_of(
        generation(failed=2),
        render=lambda point: f"Config(a={point['a']})",
        prefix="matmul {seconds:.1f} ",
    )
    assert line == (
        "matmul 12.4 Generation 3: replaced=9 min=0.191 mid=0.31 max=1.2 failed=2 best=Config(a=3)\n"
    )


def test_a_generation_in_which_nothing_ever_worked():
    event = generation(replaced=0, failed=8, minimum=None, middle=None, maximum=None, best=None)
    assert lines_of(event) == ("[12s] Generation 3: replaced=0 min=- mid=- max=- failed=8 best=-\n")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.19, "0.19"),
        (1.2, "1.2"),
        (12.345, "12.3"),
        (99.96, "100"),
        (1234.5, "1234"),
        (0.01234, "0.0123"),
    ],
)
def test_times_have_three_digits(milliseconds, text):
    assert format_ms(milliseconds) == text


class Line:
    def compile(self, point):
        if point["a"] == 5:
            raise RuntimeError("no")
        return point["a"]

    def measure(self, candidate, incumbent_ms):
        return Measurement(10.0 - candidate)


def test_a_session_prints_its_generations_and_its_end():
    stream = io.StringIO()
    tune(
        Space({"a": Integer(0, 5)}),
        Line(),
        strategy=FiniteSearch(batch=3),
        progress=PlainProgress(stream),
        jobs=1,
        clock=lambda: 0.0,
    )
    assert stream.getvalue().splitlines() == [
        '[0s] Generation 1: replaced=3 min=8 mid=9 max=10 best={"a": 2}',
        '[0s] Generation 2: replaced=2 min=6 mid=8 max=10 failed=1 best={"a": 4}',
        '[0s] 6 ms after 6 evaluations (the strategy finished): {"a": 4}',
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_the_live_display_and_a_pipe_gets_lines(monkeypatch):
    pytest.importorskip("rich", reason="the live display is the extra 'progress'")
    assert isinstance(progress_for(Terminal()), LiveProgress)
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(progress_for(Terminal()), PlainProgress)


def test_the_live_display_tells_best_evaluations_and_failures():
    pytest.importorskip("rich", reason="the live display is the extra 'progress'")
    stream = Terminal()
    live = LiveProgress(stream)
    live.started(SearchStarted(Space({"a": Integer(1, 6)}), Budget(evaluations=6), 1, 0))
    live.trial(BEST)
    live.trial(Trial(Point({"a": 5}), "compile_error"))
    live.generation(generation(failed=1))
    rows = dict(live.rows())
    assert rows["evaluations"].startswith("2 of 6, ")
    assert rows["failures"] == "1 compile_error"
    assert rows["best"] == "0.191 ms"
    assert rows["latest"].startswith("Generation 3: replaced=9")
    live.ended(SearchEnded(12.0, 2, "the strategy finished", BEST))
    assert "[12s] 0.191 ms after 2 evaluations" in stream.getvalue()


def test_the_live_display_closes_when_the_search_breaks_off():
    pytest.importorskip("rich", reason="the live display is the extra 'progress'")
    live = LiveProgress(Terminal())

    class Interrupted(Line):
        def measure(self, candidate, incumbent_ms):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(Space({"a": Integer(0, 3)}), Interrupted(), progress=live, jobs=1)
    assert live._live is None


def test_lines_go_to_stderr_by_default(capsys):
    PlainProgress().generation(generation())
    assert capsys.readouterr().err.startswith("[12s] Generation 3")


@pytest.fixture
def notebook(monkeypatch):
    """What IPython was asked to display, as HTML."""
    shown = []

    class Handle:
        def update(self, thing):
            shown.append(thing._repr_html_())

    def display(thing, *, display_id):
        assert display_id
        shown.append(thing._repr_html_())
        return Handle()

    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return types.SimpleNamespace(shown=shown, shell=shell)


def test_a_notebook_gets_a_table_and_then_the_result(notebook):
    progress = progress_for(Terminal())
    assert isinstance(progress, NotebookProgress)
    tune(Space({"a": Integer(0, 3)}), Line(), progress=progress, jobs=1, strategy="finite")
    first, *_, table, last = notebook.shown
    assert "<th" in first
    assert "<td" in table
    assert "4, 0 s" in table
    assert "{&quot;a&quot;: 3}" in table
    assert last.startswith("<pre>[0s] ")
    assert "ms after 4 evaluations" in last.replace(" (± 0.0%)", "")


def test_a_notebook_is_one_whose_shell_has_a_kernel(notebook):
    del notebook.shell.kernel
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
