"""Many at once: who move one secret's label, and who renew, with token-refresh's own rights."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from manager import NOT_MOVED, STORE, Manager, spoken, token, until
from report import Throttled

SCHEDULE = "functions/token-refresh/src/schedule.rs"


def races(manager, name, report, pace, runners=4):
    winners = []
    for _ in range(pace.races):
        start = manager.version(name)
        mine = [token() for _ in range(runners)]
        for one in mine:
            manager.put(name, one, one)
        line = threading.Barrier(runners)

        def run(to, start=start, line=line):
            line.wait()
            return manager.move(name, to, away_from=start)

        with ThreadPoolExecutor(runners) as pool:
            said = list(pool.map(run, mine))
        winners.append(sum(not one.code for one in said))
        strange = {one.code for one in said if one.code and one.code not in NOT_MOVED}
        if strange:
            winners.append(f"and {', '.join(strange)}")
        until(lambda said, mine=mine: said.result.get("VersionId") in mine, lambda: manager.get(name), pace)
    report.question(
        f"{runners} who move the label from the same version at once, {pace.races} times",
        "one of them wins each time",
        winners == [1] * pace.races,
        f"winners {', '.join(map(str, winners))}",
        (STORE, "promote_in_time", "a refresh token can be lost: guard the promotion by a row of the state table"),
    )
    stored = 3 + pace.races * runners
    versions, waited = until(lambda found: len(found) >= stored, lambda: manager.labels(name), pace)
    report.question(
        "ListSecretVersionIds with deprecated versions",
        f"all {stored} that were stored today",
        len(versions) == stored,
        f"{len(versions)} after {spoken(waited)}",
        (STORE, "versions_since", "it counts too few or too many: count the day's tokens in the state table"),
    )


def rate(aws, things, report, pace):
    """As many renewals at once as token-refresh makes, each of its own secret, not waiting for Zoho in between."""
    manager = Manager(aws.client("secretsmanager", things.assume("secrets"), tries=pace.tries))
    names = [things.secret(f"connections/rate-{number}/access-token") for number in range(pace.renewals)]

    def renew(name):
        """How many of its writes were throttled."""
        first, throttled = token(), 0
        writes = [lambda: manager.create(name, token=first)]
        before = first
        for new in (token(), token()):
            writes.append(lambda new=new: manager.put(name, "{}", new))
            writes.append(lambda new=new, before=before: manager.move(name, new, away_from=before))
            before = new
        for write in writes:
            try:
                write()
            except Throttled:
                throttled += 1
        return throttled

    start = time.monotonic()
    with ThreadPoolExecutor(pace.renewals) as pool:
        throttled = sum(pool.map(renew, names))
    writes = 5 * pace.renewals
    report.question(
        f"{pace.renewals} renewals at once",
        f"no write is refused for their number in {pace.tries} tries",
        throttled == 0,
        f"{throttled} of {writes} refused, {writes / (time.monotonic() - start):.0f} writes a second",
        (SCHEDULE, "CONCURRENT_RENEWALS", "renew fewer at once"),
    )
