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
    """As many renewals at once as token-refresh makes, each of its own secret: a first token, and another one."""
    manager = Manager(aws.client("secretsmanager", things.assume("secrets"), tries=pace.tries))
    names = [things.secret(f"connections/rate-{number}/access-token") for number in range(pace.renewals)]

    def is_throttled(write, *given, **more):
        try:
            write(*given, **more)  # a new secret may still be missing: that is no matter of rate
        except Throttled:
            return True
        return False

    def renew(name):
        """Of each of its writes, whether it was throttled."""
        current = token()
        time.sleep(pace.zoho)
        said = [is_throttled(manager.create, name, token=current)]
        for new in (token(), token()):
            said.append(is_throttled(manager.put, name, "{}", new))
            said.append(is_throttled(manager.move, name, new, away_from=current))
            current = new
            time.sleep(pace.zoho)
        return said

    start = time.monotonic()
    with ThreadPoolExecutor(pace.renewals) as pool:
        said = [one for of_one in pool.map(renew, names) for one in of_one]
    report.question(
        f"{pace.renewals} renewals at once",
        f"no write is refused for their number in {pace.tries} tries",
        not any(said),
        f"{sum(said)} of {len(said)} refused, {len(said) / (time.monotonic() - start):.0f} writes a second",
        (SCHEDULE, "CONCURRENT_RENEWALS", "renew fewer at once"),
    )
