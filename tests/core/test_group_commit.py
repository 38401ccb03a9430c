"""Whoever waits while another writes is written with one call; nobody is answered too early, or never."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from apps.core.group_commit import GroupCommit, NotWrittenError

PATIENCE_S = 20.0


class OutageError(Exception):
    """What the fake store raises when it is out of reach."""


class Store:
    """Remembers each write and its thread; `behave` may block or raise before a batch counts as stored."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.writers: list[str] = []
        self.stored: list[str] = []
        self.behave: Callable[[Sequence[str]], None] = lambda items: None

    def write(self, items: Sequence[str]) -> None:
        self.calls.append(list(items))
        self.writers.append(threading.current_thread().name)
        self.behave(items)
        self.stored.extend(items)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as pool:
        yield pool


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do; give up loudly."""
    stop = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < stop, "the other thread never came"
        time.sleep(0.001)


def hold_leader(
    store: Store, commit: GroupCommit[str], threads: ThreadPoolExecutor, followers: Sequence[str]
) -> tuple[threading.Event, dict[str, "Future[None]"]]:
    """A leader that writes "first" until the event is set, and `followers` that wait behind it in this order."""
    release, is_writing = threading.Event(), threading.Event()

    def wait_for_release(items: Sequence[str]) -> None:
        if items[0] == "first":
            is_writing.set()
            assert release.wait(PATIENCE_S)

    store.behave = wait_for_release
    submitted = {"first": threads.submit(commit.submit, "first")}
    assert is_writing.wait(PATIENCE_S)
    for number, name in enumerate(followers, start=1):
        submitted[name] = threads.submit(commit.submit, name)
        until(lambda count=number: len(commit._waiting) == count)  # type: ignore[misc]
    return release, submitted


def test_alone_an_item_is_written_at_once_in_the_callers_thread(store: Store) -> None:
    GroupCommit(store.write).submit("one")

    assert store.calls == [["one"]]
    assert store.writers == [threading.current_thread().name]


def test_one_after_another_is_one_write_each(store: Store) -> None:
    commit = GroupCommit(store.write)

    commit.submit("one")
    commit.submit("two")

    assert store.calls == [["one"], ["two"]]


def test_what_waits_while_the_leader_writes_is_written_together(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write)
    release, submitted = hold_leader(store, commit, threads, ["a", "b", "c"])

    assert not [name for name, answer in submitted.items() if answer.done()], "nobody is answered before the write"
    release.set()
    for answer in submitted.values():
        answer.result(PATIENCE_S)

    assert store.calls == [["first"], ["a", "b", "c"]]


def test_the_oldest_that_waits_leads_next(store: Store) -> None:
    commit = GroupCommit(store.write)
    with (
        ThreadPoolExecutor(1, "leader") as leader,
        ThreadPoolExecutor(1, "oldest") as oldest,
        ThreadPoolExecutor(1, "younger") as younger,
    ):
        release, submitted = hold_leader(store, commit, leader, [])
        submitted["a"] = oldest.submit(commit.submit, "a")
        until(lambda: len(commit._waiting) == 1)
        submitted["b"] = younger.submit(commit.submit, "b")
        until(lambda: len(commit._waiting) == 2)

        release.set()
        for answer in submitted.values():
            answer.result(PATIENCE_S)

    assert [writer.split("_")[0] for writer in store.writers] == ["leader", "oldest"]


def test_a_batch_has_a_size_and_the_rest_follows(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write, max_batch=2)
    release, submitted = hold_leader(store, commit, threads, ["a", "b", "c", "d", "e"])

    release.set()
    for answer in submitted.values():
        answer.result(PATIENCE_S)

    assert store.calls == [["first"], ["a", "b"], ["c", "d"], ["e"]]


def test_a_single_items_error_reaches_its_caller_and_ends_there(store: Store) -> None:
    commit = GroupCommit(store.write)

    def refuse(items: Sequence[str]) -> None:
        raise ValueError("no")

    store.behave = refuse
    with pytest.raises(ValueError, match="no"):
        commit.submit("bad")
    store.behave = lambda items: None
    commit.submit("good")

    assert store.stored == ["good"]


def test_one_bad_item_fails_only_its_own_caller(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write)
    release, submitted = hold_leader(store, commit, threads, ["a", "bad", "c"])

    def refuse_bad(items: Sequence[str]) -> None:
        if "bad" in items:
            raise ValueError("bad")

    store.behave = refuse_bad
    release.set()

    assert isinstance(submitted["bad"].exception(PATIENCE_S), ValueError)
    assert [submitted[name].exception(PATIENCE_S) for name in ("first", "a", "c")] == [None, None, None]
    assert store.stored == ["first", "a", "c"]
    assert store.calls == [["first"], ["a", "bad", "c"], ["a"], ["bad"], ["c"]]


def test_an_outage_is_told_to_all_at_once(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write, outage=(OutageError,))
    release, submitted = hold_leader(store, commit, threads, ["a", "b", "c"])

    def fail(items: Sequence[str]) -> None:
        raise OutageError

    store.behave = fail
    release.set()

    errors = [submitted[name].exception(PATIENCE_S) for name in ("a", "b", "c")]
    assert [type(error) for error in errors] == [OutageError] * 3
    assert store.calls == [["first"], ["a", "b", "c"]], "nobody waits for a second try"


def test_after_an_outage_work_goes_on(store: Store) -> None:
    commit = GroupCommit(store.write, outage=(OutageError,))

    def fail(items: Sequence[str]) -> None:
        raise OutageError

    store.behave = fail
    with pytest.raises(OutageError):
        commit.submit("lost")
    store.behave = lambda items: None
    commit.submit("kept")

    assert store.stored == ["kept"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_stopped_leader_stops_and_tells_the_others_that_nothing_is_certain(
    store: Store, threads: ThreadPoolExecutor, stop: type[BaseException]
) -> None:
    commit = GroupCommit(store.write)
    release, submitted = hold_leader(store, commit, threads, ["a", "b"])

    def stop_writing(items: Sequence[str]) -> None:
        store.behave = lambda items: None
        raise stop

    store.behave = stop_writing
    release.set()

    assert isinstance(submitted["a"].exception(PATIENCE_S), stop)
    assert isinstance(submitted["b"].exception(PATIENCE_S), NotWrittenError)
    commit.submit("later")
    assert store.stored == ["first", "later"]


def test_a_leader_stopped_half_way_vouches_only_for_what_it_wrote(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write)
    release, submitted = hold_leader(store, commit, threads, ["a", "b", "c"])

    def stop_at_b(items: Sequence[str]) -> None:
        if len(items) > 1:
            raise ValueError
        if items[0] == "b":
            raise KeyboardInterrupt

    store.behave = stop_at_b
    release.set()

    assert isinstance(submitted["a"].exception(PATIENCE_S), KeyboardInterrupt), "it led, and its thread was stopped"
    assert [type(submitted[name].exception(PATIENCE_S)) for name in ("b", "c")] == [NotWrittenError] * 2
    assert store.stored == ["first", "a"]


def test_a_storm_loses_nothing_doubles_nothing_and_wakes_everybody(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write, max_batch=16)
    unanswered: list[str] = []

    def submit_many(thread: int) -> None:
        for number in range(200):
            item = f"{thread}-{number}"
            before = len(store.stored)
            commit.submit(item)
            if item not in store.stored[before:]:
                unanswered.append(item)

    for answer in [threads.submit(submit_many, number) for number in range(64)]:
        answer.result(60)

    assert unanswered == [], "answered before it was stored"
    assert sorted(store.stored) == sorted(f"{thread}-{number}" for thread in range(64) for number in range(200))
    assert max(map(len, store.calls)) <= 16
    assert commit._waiting == []


def test_a_storm_with_errors_wakes_everybody_too(store: Store, threads: ThreadPoolExecutor) -> None:
    commit = GroupCommit(store.write)

    def refuse_odd(items: Sequence[str]) -> None:
        if any(item.endswith("!") for item in items):
            raise ValueError

    store.behave = refuse_odd
    items = [f"{number}{'!' if number % 7 == 0 else ''}" for number in range(640)]
    answers = [threads.submit(commit.submit, item) for item in items]

    failed = [item for item, answer in zip(items, answers, strict=True) if answer.exception(60)]

    assert failed == [item for item in items if item.endswith("!")]
    assert sorted(store.stored) == sorted(set(items) - set(failed))
