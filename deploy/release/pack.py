"""Packs what the scripts beside it built: the same input gives the same bytes, whoever packs it, and where and when.

    deploy/release/pack.py --architecture x86_64 --binary FILE --functions FOLDER --bills FOLDER --to FOLDER

It needs Python 3.10 or newer, and SOURCE_DATE_EPOCH.
"""

import argparse
import gzip
import io
import os
import re
import sys
import tarfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LICENCES = ["LICENSE-APACHE", "LICENSE-MIT"]

BUILT = "    Metadata: {BuildMethod: rust-cargolambda}\n"
CODE = re.compile(r"^( +CodeUri: )functions/([a-z-]+)$", re.MULTILINE)
ARCHITECTURE = re.compile(r"^  Architecture:\n(?:    .*\n)+", re.MULTILINE)


class Wrong(Exception):
    """Something is not as this script expects it."""


def version(root=ROOT):
    """The version of the workspace."""
    text = (root / "Cargo.toml").read_text()
    return re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"$', text, re.MULTILINE).group(1)


def check_tag(tag, of):
    """A release is named by its version."""
    if tag != f"v{of}":
        raise Wrong(f"the tag is {tag}, but Cargo.toml has the version {of}: the tag must be v{of}")


def zipped(files, moment):
    """A zip archive of names, contents and modes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, mode in sorted(files):
            info = zipfile.ZipInfo(name, time.gmtime(moment)[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix: the mode is read from the next line
            info.external_attr = (0o100000 | mode) << 16
            archive.writestr(info, content, compresslevel=9)
    return out.getvalue()


def tarred(files, moment):
    """A tar.gz archive of names, contents and modes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, mode in sorted(files):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(content), mode, moment
            archive.addfile(info, io.BytesIO(content))
    out = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=moment) as packed:
        packed.write(plain.getvalue())
    return out.getvalue()


def packaged(template, functions, architecture):
    """The template, which takes each function from a zip archive beside it and builds nothing."""
    named = [name for _, name in CODE.findall(template)]
    if sorted(named) != sorted(functions):
        raise Wrong(f"template.yaml has the functions {sorted(named)}, but {sorted(functions)} were built")
    if template.count(BUILT) != len(named):
        raise Wrong("template.yaml says at each function how it is built; another line of Metadata is not known here")
    parameter = ARCHITECTURE.search(template)
    if not parameter:
        raise Wrong("template.yaml has no parameter Architecture")
    # A stack that updates keeps the values that it has: another architecture must be refused, not tried.
    only = (
        "  Architecture:\n"
        "    Type: String\n"
        f"    Default: {architecture}\n"
        f"    AllowedValues: [{architecture}]\n"
        "    Description: The processors that the functions beside this template are built for.\n"
    )
    template = template.replace(parameter.group(), only)
    return CODE.sub(r"\1\2.zip", template).replace(BUILT, "")


def deploy_settings(samconfig):
    """samconfig.toml, without what is about building."""
    kept = []
    for section in re.split(r"\n(?=\[)", samconfig):
        if not section.startswith("[default.build."):
            kept.append(section.rstrip("\n"))
    return "\n\n".join(kept) + "\n"


def without_folder(bill, root):
    """A bill of materials that does not tell in which folder it was made."""
    return bill.replace(f"file://{root}/", "file:///")


def read(path):
    return path.read_bytes()


def pack(options, moment, root=ROOT):
    """Everything of one architecture, by the names of its files."""
    name = f"zoho-connector-{version(root)}"
    licences = [(one, read(root / one), 0o644) for one in LICENCES]
    built = sorted(path.parent.name for path in options.functions.glob("*/bootstrap"))

    linux = [("zoho-connector", read(options.binary), 0o755), *licences]
    functions = [
        (f"{one}.zip", zipped([("bootstrap", read(options.functions / one / "bootstrap"), 0o755)], moment), 0o644)
        for one in built
    ]
    template = packaged((root / "template.yaml").read_text(), built, options.architecture)
    settings = deploy_settings((root / "samconfig.toml").read_text())
    aws = [
        ("template.yaml", template.encode(), 0o644),
        ("samconfig.toml", settings.encode(), 0o644),
        *functions,
        *licences,
    ]
    files = {
        f"{name}-linux-{options.architecture}.tar.gz": tarred(linux, moment),
        f"{name}-aws-{options.architecture}.zip": zipped(aws, moment),
    }
    for crate in ["cli", *built]:
        bill = without_folder((options.bills / f"{crate}.json").read_text(), root)
        what = "linux" if crate == "cli" else f"aws-{crate}"
        files[f"{name}-{what}-{options.architecture}.cdx.json"] = bill.encode()
    return files


def main():
    parser = argparse.ArgumentParser(description="Packs a release.")
    parser.add_argument("--check-tag", metavar="TAG", help="only check that this tag is the version's")
    parser.add_argument("--architecture", choices=["x86_64", "arm64"])
    for what in ["binary", "functions", "bills", "to"]:
        parser.add_argument(f"--{what}", type=Path)
    options = parser.parse_args()
    if options.check_tag is not None:
        check_tag(options.check_tag, version())
        return
    if None in (options.architecture, options.binary, options.functions, options.bills, options.to):
        parser.error("--architecture, --binary, --functions, --bills and --to are all needed")
    if "SOURCE_DATE_EPOCH" not in os.environ:
        parser.error("SOURCE_DATE_EPOCH is not set: the time that all packed files have, in seconds since 1970")
    options.to.mkdir(parents=True, exist_ok=True)
    for name, content in pack(options, int(os.environ["SOURCE_DATE_EPOCH"])).items():
        (options.to / name).write_bytes(content)
        print(f"{len(content):9} bytes  {options.to / name}")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"deploy/release/pack.py: {wrong}")
