"""The fault matrix: what may go wrong around the hub, what must then hold, and how this run shows it.

A row is shown by faults that this run did (it is good if the run is), by tests that are run by name, by both, or not at
all; then it says why. Tests with the marker `brokers` need `make test-brokers` and are only looked up here.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.proxy import Fault
from tests.chaos.run import Result

_ROOT = Path(__file__).resolve().parents[2]
_BROKERS = "tests/brokers/"
_OUTCOME = re.compile(r"^(tests/\S+?::\w+)(?:\[.*\])? (PASSED|FAILED|ERROR|SKIPPED|XFAIL)", re.M)


@dataclass(frozen=True, slots=True)
class Row:
    """`kills` and `weather` are faults of a run, `tests` are node ids without parameters; `why_not` is said instead."""

    fault: str
    must: str
    kills: tuple[str, ...] = ()
    weather: tuple[Fault, ...] = ()
    tests: tuple[str, ...] = ()
    why_not: str = ""


def _tests(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{module}.py::test_{name}" for name in names)


_STORY = "e2e/test_click_to_meta"
_BROKER = "brokers/test_every_broker"
_INTAKE = "pipeline/test_faults_intake"
_DISPATCH = "pipeline/test_faults_dispatch"

ROWS: dict[int, Row] = {
    1: Row(
        "a dispatcher killed during its request",
        "its lease lapses, the same ids are sent again, counted once",
        kills=("dispatch killed",),
        tests=_tests(_STORY, "a_dispatcher_killed_amid_its_work_loses_and_repeats_nothing"),
    ),
    2: Row(
        "a dispatcher killed after the platform's yes, before it was written down",
        "sent again under the same ids, the platform drops the copies, attempts tell of both",
        kills=("dispatch killed",),
        weather=(Fault.LATE,),
        tests=_tests(_DISPATCH, "a_worker_that_dies_after_the_yes_sends_the_same_id_again"),
    ),
    3: Row(
        "a dispatcher killed between claim and request",
        "sent once the lease has lapsed",
        kills=("dispatch killed",),
        tests=_tests(_DISPATCH, "a_worker_that_dies_before_its_request_is_replaced"),
    ),
    4: Row(
        "a web process killed between commit and answer",
        "the gateway sends again, one order",
        kills=("web worker killed", "web killed"),
        tests=_tests(_INTAKE, "what_was_stored_and_not_answered_is_one_order_when_it_comes_again"),
    ),
    5: Row(
        "a web process killed before the commit",
        "the gateway sends again, one order",
        kills=("web worker killed", "web killed"),
        tests=_tests("pipeline/test_webhook_trouble", "what_cannot_be_stored_is_asked_for_again"),
    ),
    6: Row(
        "relay or beat killed",
        "started again within seconds, nothing lost",
        kills=("relay killed", "beat killed"),
        tests=_tests(_STORY, "the_relay_may_die_and_come_back"),
    ),
    7: Row(
        "two relays and two beats",
        "nothing is done twice",
        kills=("a second relay and beat",),
    ),
    8: Row(
        "Redis killed, with nothing on disk",
        "wake-ups are gone, the relay sends others",
        kills=("Redis killed",),
        tests=_tests(_STORY, "nothing_is_lost_when_redis_dies_between_the_webhook_and_the_workers"),
    ),
    9: Row("Redis emptied", "as if it had been killed", kills=("Redis flushed",)),
    10: Row(
        "Redis frozen",
        "webhooks do not notice, workers go on",
        kills=("Redis frozen",),
        tests=_tests("pipeline/test_webhook_trouble", "webhooks_need_no_redis"),
    ),
    11: Row(
        "half-open connections to Redis",
        "noticed within seconds",
        kills=("Redis frozen",),
        tests=_tests(_BROKER, "a_frozen_broker_delays_nobody_and_loses_nothing"),
    ),
    12: Row("Redis out of memory", "programs are started again, nothing lost", kills=("Redis full",)),
    13: Row(
        "garbage in the queue",
        "the worker is started again, nothing lost",
        kills=("garbage in the queue",),
        tests=_tests(_BROKER, "garbage_among_the_wake_ups_stops_nothing"),
    ),
    14: Row(
        "SQS gone",
        "webhooks do not notice, the relay goes on once it is back",
        tests=_tests(_BROKER, "a_dead_broker_delays_nobody_and_loses_nothing"),
    ),
    15: Row(
        "a wake-up delivered twice",
        "the second finds nothing to claim",
        tests=_tests(_BROKER, "a_wake_up_that_comes_many_times_does_the_work_once"),
    ),
    16: Row(
        "PostgreSQL stopped at once, or killed",
        "503 for seconds, nothing acknowledged is lost, pools heal",
        kills=("PostgreSQL stopped at once", "PostgreSQL killed", "a backend killed"),
        tests=_tests("stack/test_servers", "a_killed_postgres_comes_back_with_its_data"),
    ),
    17: Row(
        "PostgreSQL without a free connection",
        "503 or a little wait, nothing lost",
        kills=("out of connections",),
    ),
    18: Row(
        "PostgreSQL read-only, as with a full disk",
        "503 and never a 2xx",
        kills=("database read-only",),
        tests=_tests(_INTAKE, "a_database_that_may_not_write_is_never_a_yes"),
    ),
    19: Row(
        "somebody holds the orders' table",
        "503 after the lock's timeout, then all goes on",
        kills=("orders locked",),
        tests=_tests("pipeline/test_concurrency", "when_the_database_cuts_a_webhook_off_it_is_asked_for_again"),
    ),
    20: Row(
        "an old transaction holds back vacuum",
        "an idle one is ended after 30 s",
        tests=_tests(_INTAKE, "an_idle_transaction_does_not_live_long"),
    ),
    21: Row(
        "deadlocks",
        "impossible by the order of locks, or tried again",
        tests=_tests("pipeline/test_concurrency", "batches_that_share_orders_in_any_order_never_lock_each_other_out"),
    ),
    22: Row(
        "a connection cut while a COMMIT is under way",
        "sent again, one order",
        kills=("connections ended", "PostgreSQL killed"),
    ),
    23: Row(
        "the platform fails half of the time",
        "tried again, the breaker opens and closes",
        weather=(Fault.ERROR_500, Fault.ERROR_503, Fault.TRANSIENT),
        tests=_tests(
            "dispatch/test_breakers",
            "five_failures_open_it_and_then_nothing_is_sent",
            "one_event_probes_and_its_success_lets_the_others_go_gently",
        ),
    ),
    24: Row(
        "the platform says: too many",
        "whom it is about waits as long as it asks, the others go on",
        weather=(Fault.THROTTLED, Fault.THROTTLED_MINUTES),
        tests=_tests(
            "dispatch/test_breakers",
            "too_many_pauses_whom_it_is_about",
            "a_pause_costs_no_failure_and_lasts_the_minutes_asked_for",
        ),
    ),
    25: Row(
        "the platform takes it and answers too late",
        "the same id again within 47 hours, no later",
        weather=(Fault.STALL, Fault.LATE, Fault.LOST),
        tests=_tests("dispatch/test_deliver", "an_unknown_outcome_is_not_resent_after_meta_forgets_the_first"),
    ),
    26: Row(
        "resets, half answers, HTML, fewer counted",
        "none of it is a success",
        weather=(
            *(Fault.REFUSED, Fault.RESET_AFTER, Fault.TRUNCATED, Fault.HTML, Fault.FEWER),
            *(Fault.UNCOUNTED, Fault.GARBAGE),
        ),
        tests=_tests("dispatch/test_batches", "fewer_received_than_sent_is_not_a_success"),
    ),
    27: Row(
        "one bad event in a request",
        "it alone is dead, the others arrive",
        kills=("poison orders",),
        tests=_tests("dispatch/test_batches", "the_good_ones_of_a_refused_request_go_and_the_bad_one_is_dead"),
    ),
    28: Row(
        "a token revoked",
        "its destination is parked at once; a new token lets all of it go",
        weather=(Fault.TOKEN,),
        tests=_tests("dispatch/test_deliver", "a_new_token_releases_what_was_parked"),
    ),
    29: Row(
        "the platform is down for hours and days",
        "all arrives that still can, the rest expires by name",
        tests=(),
        why_not="tests/pipeline/test_outages.py, docs/outages.md",
    ),
    30: Row(
        "no such name, a bad certificate, a black hole",
        "not sent, tried again, never waited for long",
        tests=(
            *_tests("core/test_netguard", "an_unknown_name_was_not_sent"),
            *_tests("core/test_http_tls", "a_certificate_that_does_not_verify_stops_the_request"),
            *_tests("core/test_http_errors", "a_slow_connect_was_not_sent"),
        ),
    ),
    31: Row(
        "an answer drop by drop",
        "cut off at the end of its time",
        weather=(Fault.DRIP,),
        tests=_tests("core/test_http_errors", "a_drip_ends_at_the_deadline"),
    ),
    32: Row(
        "an answer without end",
        "cut off at its cap",
        weather=(Fault.HUGE,),
        tests=_tests("core/test_http", "a_gzip_bomb_is_cut_at_the_cap_without_filling_memory"),
    ),
    33: Row(
        "a worker's clock ten minutes off",
        "leases go by the database's clock",
        tests=_tests(_DISPATCH, "leases_go_by_the_databases_clock"),
    ),
    34: Row(
        "daylight saving, leap days, the year's end",
        "periodic work goes by intervals in UTC",
        tests=_tests(_DISPATCH, "periodic_work_knows_no_calendar"),
    ),
    35: Row(
        "an event that kills its worker",
        "dead after five times, the others go on",
        tests=_tests("dispatch/test_deliver", "what_kills_every_worker_is_dead_after_five"),
    ),
    36: Row(
        "a payload that cannot be read",
        "kept, encrypted, read again on request",
        tests=_tests(
            "pipeline/test_webhook_hostile",
            "what_cannot_be_read_is_kept_to_the_byte_and_encrypted",
            "what_the_database_refuses_is_quarantined_and_harms_no_other",
        ),
    ),
    37: Row(
        "one tenant with an enormous backlog",
        "the others are not held up",
        tests=_tests(_DISPATCH, "a_tenant_with_a_backlog_has_only_its_share_of_requests"),
        why_not="how long the others then wait is a benchmark: make bench ARGS=isolation",
    ),
    38: Row(
        "a million sends wait after an outage",
        "drained in order, gently at first",
        tests=_tests("dispatch/test_batches", "purchases_go_first_then_the_nearest_deadline_then_the_highest_value"),
        why_not="the million itself is simulated by manage.py rehearse_outage, not run here",
    ),
    39: Row(
        "old and new programs at once during a deployment",
        "no wake-up is lost for ever",
        tests=_tests(_BROKER, "an_unknown_task_stops_nothing"),
        why_not="two versions of the code are not run side by side here",
    ),
    40: Row(
        "a migration holds a busy table",
        "webhooks are asked for again for as long",
        kills=("orders locked",),
    ),
    41: Row(
        "a worker is told to end under load",
        "it finishes what it has, nothing waits for a lease",
        kills=("dispatch ended calmly",),
        tests=_tests(_BROKER, "told_to_end_every_program_ends_well_and_the_rest_is_done_later"),
    ),
    42: Row(
        "a program that keeps dying",
        "started ever more slowly, the others are left alone",
        tests=_tests("stack/test_supervisor", "the_delay_doubles_while_a_program_keeps_dying"),
    ),
    43: Row("no room for logs", "work goes on", why_not="not shown: no test fills a disk"),
    44: Row(
        "a process that grows and grows", "replaced without loss", why_not="not shown: nothing here recycles by size"
    ),
    45: Row(
        "200 senders that trickle",
        "nobody else waits",
        tests=_tests(_STORY, "slow_clients_do_not_hold_up_the_others"),
    ),
    46: Row(
        "bodies too long, chunked, without a length",
        "read whole or refused, never half",
        tests=_tests(
            _STORY, "a_chunked_webhook_without_a_length_is_read_whole", "an_empty_or_too_long_chunked_body_is_refused"
        ),
    ),
    47: Row(
        "a storm of webhooks",
        "a 2xx is a row, everything else is asked for again",
        kills=("every webhook counted on both sides",),
        why_not="ten times the usual rate: make bench ARGS=webhooks counts both sides there too",
    ),
    48: Row(
        "one webhook many times at once",
        "one order, each is answered",
        tests=_tests("pipeline/test_concurrency", "the_same_webhook_twenty_times_at_once_is_one_order"),
    ),
    49: Row(
        "refunds before their sale, any order of arrival",
        "one purchase, the right state",
        tests=_tests("pipeline/test_flow", "any_order_of_arrival_gives_one_purchase_and_the_last_state"),
    ),
    50: Row(
        "replay pressed again and again",
        "sent once; what was accepted is refused",
        tests=(
            *_tests("dispatch/test_replays", "five_presses_send_once"),
            *_tests("dispatch/test_deliver", "replay_refuses_what_was_accepted"),
        ),
    ),
    51: Row(
        "secrets and keys changed under load",
        "the one before counts too, old rows can be read",
        tests=(
            *_tests("pipeline/test_webhook_front", "the_secret_before_the_last_change_is_still_accepted"),
            *_tests("core/test_crypto", "the_first_key_encrypts_and_all_decrypt"),
        ),
    ),
    52: Row(
        "no secrets manager",
        "work goes on",
        why_not="not applicable: keys come with the environment and are not asked for later",
    ),
    53: Row(
        "two refreshes of a materialised view",
        "the second stands back",
        why_not="not applicable: there is no materialised view",
    ),
    54: Row(
        "restored from a backup", "what is sent again is the same id", why_not="not shown: no test restores a backup"
    ),
    55: Row("the language model is gone", "the form is there", why_not="not applicable: nothing asks one"),
}


def named_tests() -> list[str]:
    """All that the rows name, those for `make test-brokers` included."""
    return sorted({test for row in ROWS.values() for test in row.tests})


def run_tests() -> dict[str, bool]:
    """Whether each named test passed; those of the brokers are not run."""
    wanted = [test for test in named_tests() if not test.startswith(_BROKERS)]
    print(f"\nRunning the {len(wanted)} tests that the matrix names ...", flush=True)
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *wanted],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    results: dict[str, bool] = {}
    for name, outcome in _OUTCOME.findall(told):
        results[name] = results.get(name, True) and outcome == "PASSED"
    if not all(results.get(name) for name in wanted):
        print(told[-4000:])
    return results


def show(result: Result, named: dict[str, bool] | None) -> bool:
    """Print the matrix; false if a row that claims to be shown is not."""
    print("\nFault matrix")
    failed = False
    for number, row in ROWS.items():
        words, is_good = describe(row, result, named)
        failed |= not is_good
        print(f"  {number:>2} {row.fault}: {row.must}\n     {'; '.join(words)}")
    return not failed


def describe(row: Row, result: Result, named: dict[str, bool] | None) -> tuple[list[str], bool]:
    """What there is to say of a row, and whether all that was done for it went well."""
    done = [*_done(row, result)]
    words = [f"{'ok' if result.is_good else 'FAILED'} here: {', '.join(done)}"] if done else []
    failed = bool(done) and not result.is_good
    for test in row.tests:
        name = test.removeprefix("tests/")
        if test.startswith(_BROKERS):
            words.append(f"by make test-brokers: {name}")
        elif named is None:
            words.append(f"by {name} (not run now)")
        else:
            failed |= not named.get(test)
            words.append(f"{'ok' if named.get(test) else 'FAILED'} by {name}")
    words += [row.why_not] if row.why_not else []
    return words or ["not met in this run"], not failed


def _done(row: Row, result: Result) -> Iterator[str]:
    counted: Sequence[tuple[str, int]] = [
        *((name, result.done.get(name, 0)) for name in row.kills),
        *((f"platform: {fault.value}", result.played.get(fault, 0)) for fault in row.weather),
    ]
    for name, times in counted:
        if times:
            yield f"{name} {times} times"
