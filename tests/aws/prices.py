#!/usr/bin/env python3
"""What the stack costs a month, from AWS's list prices and from what the connector does: tests/aws/prices.py

Prints the tables of docs/guides/aws.md; test_prices.py holds them. Where your prices or your use differ, change the figures
here and run it again. The prices are list prices of us-east-1: look yours up.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MINUTES = 30 * 24 * 60  # of a month
TICKS, SWEEPS = MINUTES // 5, MINUTES  # the schedules of token-refresh and event-delivery

# US dollars.
PRICE = {
    "secret, a month": 0.40,
    "call of Secrets Manager": 0.05 / 10_000,
    "GB second of Lambda, arm64": 0.0000133334,
    "start of Lambda": 0.20 / 1_000_000,
    "call of the HTTP API": 1.00 / 1_000_000,
    "read of DynamoDB": 0.125 / 1_000_000,
    "write of DynamoDB": 0.625 / 1_000_000,
    "GB of logs": 0.50,
    "metric, a month": 0.30,
    "metric of an alarm, a month": 0.10,
    "GB to the internet": 0.09,
}

# What AWS gives to every account for nothing, without an end in time. Other things in the account use it, too.
FREE = {
    "GB second of Lambda, arm64": 400_000,
    "start of Lambda": 1_000_000,
    "GB of logs": 5,
    "metric, a month": 10,
    "metric of an alarm, a month": 10,
    "GB to the internet": 100,
}

# What the connector does, estimated on the high side.
MEMORY_GB = 0.25
SECONDS = {"a sweep": 0.2, "a tick": 0.2, "a call": 0.9, "a renewal": 1.0}  # a call waits for Zoho most of the time
LOG_GB = {"a start": 0.3e-6, "a call": 1.2e-6}  # Lambda's own lines; with ours and the gateway's
ANSWER_GB = 5e-6
READS = {"a sweep": 4, "a tick": 3, "a call": 2.4, "a renewal": 4}
WRITES = {"a call": 1.2, "a renewal": 5}  # of ten calls, one writes to Zoho
RENEWALS = MINUTES // 30  # of a connection: a token lives for an hour, and is replaced half an hour before
SECRET_CALLS_OF_RENEWAL = 5
SWEEP_READS_OF_CONNECTION = 2
EVENTS_OF_CONNECTION, WRITES_OF_EVENT = 1_000, 10
STEADY_METRICS = 4  # healthy connections, renewals, channels live and at risk; others appear when something is wrong

CALLS = {"idle": 0, "1 k": 1_000, "100 k": 100_000, "10 M": 10_000_000}


def template_counts():
    """Secrets, and metrics that alarms look at: counted in the template."""
    text = (ROOT / "template.yaml").read_text()
    secrets = text.count("Type: AWS::SecretsManager::Secret\n")
    # An alarm has a metric of its own, or several in `Metrics`.
    alarms, several = text.count("Type: AWS::CloudWatch::Alarm\n"), text.count("        - Id: sum\n")
    return secrets, alarms - several + text.count("          MetricStat:\n")


def stack():
    """What the stack uses in a month, whoever calls."""
    secrets, alarm_metrics = template_counts()
    return {
        "secret, a month": secrets,
        "call of Secrets Manager": SWEEPS,  # the agent's hook
        "GB second of Lambda, arm64": MEMORY_GB * (SWEEPS * SECONDS["a sweep"] + TICKS * SECONDS["a tick"]),
        "start of Lambda": SWEEPS + TICKS,
        "read of DynamoDB": SWEEPS * READS["a sweep"] + TICKS * READS["a tick"],
        "GB of logs": (SWEEPS + TICKS) * LOG_GB["a start"],
        "metric, a month": STEADY_METRICS,
        "metric of an alarm, a month": alarm_metrics,
    }


def calls(count):
    """What so many calls of agents use."""
    return {
        "call of the HTTP API": count,
        "start of Lambda": count,
        "GB second of Lambda, arm64": count * MEMORY_GB * SECONDS["a call"],
        "read of DynamoDB": count * READS["a call"],
        "write of DynamoDB": count * WRITES["a call"],
        "GB of logs": count * LOG_GB["a call"],
        "GB to the internet": count * ANSWER_GB,
    }


def connection():
    """What one connection uses in a month."""
    return {
        "secret, a month": 2,
        "call of Secrets Manager": RENEWALS * SECRET_CALLS_OF_RENEWAL,
        "GB second of Lambda, arm64": MEMORY_GB * RENEWALS * SECONDS["a renewal"],
        "read of DynamoDB": RENEWALS * READS["a renewal"] + SWEEPS * SWEEP_READS_OF_CONNECTION,
        "write of DynamoDB": RENEWALS * WRITES["a renewal"] + EVENTS_OF_CONNECTION * WRITES_OF_EVENT,
    }


def together(*uses):
    total = {}
    for use in uses:
        for what, amount in use.items():
            total[what] = total.get(what, 0) + amount
    return total


def price(use, free=None):
    free = free or {}
    return sum(max(0, amount - free.get(what, 0)) * PRICE[what] for what, amount in use.items())


def tables():
    """The lines of the guide."""
    lines = ["| calls in a month | list price | with what AWS gives for nothing |", "|---|---|---|"]
    for name, count in CALLS.items():
        use = together(stack(), calls(count))
        lines.append(f"| {name} | ${price(use):.2f} | ${price(use, FREE):.2f} |")
    lines.append(f"| each connection more | ${price(connection()):.2f} | ${price(connection()):.2f} |")
    lines += ["", "| what | unit price | idle | each connection | each 1,000 calls |", "|---|---|---|---|---|"]
    idle, one, many = stack(), connection(), calls(1_000)
    for what, unit in PRICE.items():
        amounts = (f"{use.get(what, 0):,.0f}" if use.get(what, 0) >= 10 else f"{use.get(what, 0):.2g}" for use in (idle, one, many))
        lines.append(f"| {what} | ${unit:.10f}".rstrip("0").rstrip(".") + " | " + " | ".join(amounts) + " |")
    return lines


if __name__ == "__main__":
    print("\n".join(tables()))
