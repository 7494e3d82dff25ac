"""The guide's own words: its pieces of openclaw.json and its commands, as somebody would copy them."""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "skill"))
import skill  # noqa: E402

TEXT = (skill.ROOT / "docs/guides/openclaw.md").read_text("utf-8")


def fenced(kind):
    """(heading above, text) of each fenced block of a kind."""
    return [(re.findall(r"^#+ (.*)$", TEXT[:found.start()], re.M)[-1], re.sub(rf"^{found[1]}", "", found[2], flags=re.M))
            for found in re.finditer(rf"^( *)```{kind}\n(.*?)^ *```", TEXT, re.M | re.S)]


def piece(heading, changed):
    """The piece of openclaw.json below a heading. Texts of it that are keys of `changed` are replaced."""
    found = [text for at, text in fenced("json") if at == heading]
    if len(found) != 1:
        raise SystemExit(f"the guide has {len(found)} pieces of openclaw.json below \"{heading}\"")
    return json.loads(filled(found[0], changed))


def command(begin, changed):
    """The command that begins so."""
    found = [line for kind in ("sh", "console") for _, text in fenced(kind) for line in text.splitlines() if line.startswith(begin)]
    if not found:
        raise SystemExit(f"the guide has no command `{begin} …`")
    return filled(found[0], changed)


def filled(text, changed):
    for name, value in changed.items():
        text = text.replace(name, value)
    return text


def merged(one, other):
    """Both pieces of a configuration in one."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: merged(one[name], other[name]) if name in one and name in other else one.get(name, other.get(name))
                for name in {**one, **other}}
    return other
