"""What deploy/release/pack.py makes, of stand-ins for what is built: the same bytes from anywhere, and a template that needs no Rust.

    "$(tests/venv aws)/bin/python" tests/deploy/test_release.py
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "release"))

import pack  # noqa: E402

FUNCTIONS = ["api-proxy", "event-delivery", "oauth-callback", "token-refresh", "webhook-intake"]
MOMENT = 1_790_000_000


def built(folder, age=0, mode=0o755):
    """Stand-ins for what the scripts build, in a folder."""
    binary = folder / "zoho-connector"
    paths = {binary: b"\x7fELF the command line"}
    for name in reversed(FUNCTIONS):
        paths[folder / "functions" / name / "bootstrap"] = b"\x7fELF " + name.encode() * 1000
    for name in ["cli", *FUNCTIONS]:
        paths[folder / "bills" / f"{name}.json"] = f'{{"bom-ref": "path+file://{ROOT}/{name}#0.1.0"}}'.encode()
    for path, content in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        os.utime(path, (MOMENT - age, MOMENT - age))
    return argparse.Namespace(
        architecture="x86_64", binary=binary, functions=folder / "functions", bills=folder / "bills"
    )


class Packed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.work.name)
        cls.files = pack.pack(built(cls.folder / "a"), MOMENT)
        cls.name = f"zoho-connector-{pack.version()}"
        cls.aws = zipfile.ZipFile(io.BytesIO(cls.files[f"{cls.name}-aws-x86_64.zip"]))

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def test_the_same_bytes_from_another_folder_at_another_time(self):
        again = pack.pack(built(self.folder / "b" / "deeper", age=86_400, mode=0o700), MOMENT)
        self.assertEqual(self.files, again)
        self.assertNotEqual(self.files, pack.pack(built(self.folder / "c"), MOMENT + 60))

    def test_the_files_of_a_release(self):
        bills = ["linux", *(f"aws-{name}" for name in FUNCTIONS)]
        expected = [f"{self.name}-linux-x86_64.tar.gz", f"{self.name}-aws-x86_64.zip"]
        expected += [f"{self.name}-{bill}-x86_64.cdx.json" for bill in bills]
        self.assertEqual(sorted(self.files), sorted(expected))

    def test_the_binary_can_be_run_as_it_is_unpacked(self):
        with tarfile.open(fileobj=io.BytesIO(self.files[f"{self.name}-linux-x86_64.tar.gz"])) as archive:
            self.assertEqual(archive.getnames(), ["LICENSE-APACHE", "LICENSE-MIT", "zoho-connector"])
            one = archive.getmember("zoho-connector")
            self.assertEqual((one.mode, one.uid, one.mtime), (0o755, 0, MOMENT))

    def test_each_function_has_its_archive_beside_the_template(self):
        template = yaml_parse(self.aws.read("template.yaml").decode())
        functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Serverless::Function"]
        self.assertEqual(sorted(one["Properties"]["CodeUri"] for one in functions), [f"{one}.zip" for one in FUNCTIONS])
        for one in functions:
            self.assertNotIn("BuildMethod", one.get("Metadata", {}))
            archive = zipfile.ZipFile(io.BytesIO(self.aws.read(one["Properties"]["CodeUri"])))
            self.assertEqual(archive.namelist(), [one["Properties"].get("Handler", "bootstrap")])
            self.assertEqual(archive.infolist()[0].external_attr >> 16, 0o100755, "Lambda must be able to run it")

    def test_nothing_else_of_the_template_is_changed(self):
        template = yaml_parse(self.aws.read("template.yaml").decode())
        ours = yaml_parse((ROOT / "template.yaml").read_text())
        self.assertEqual(template["Parameters"].pop("Architecture")["AllowedValues"], ["x86_64"])
        ours["Parameters"].pop("Architecture")
        for one in ours["Resources"].values():
            if one["Type"] == "AWS::Serverless::Function":
                one["Properties"]["CodeUri"] = one["Properties"]["CodeUri"].removeprefix("functions/") + ".zip"
                one.pop("Metadata")
        self.assertEqual(template, ours)

    def test_the_settings_of_sam_build_nothing(self):
        settings = self.aws.read("samconfig.toml").decode()
        self.assertNotIn("[default.build", settings)
        self.assertIn('capabilities = "CAPABILITY_IAM"', settings)

    def test_the_template_is_clean(self):
        folder = self.folder / "unpacked"
        self.aws.extractall(folder)
        lint = Path(sys.executable).with_name("cfn-lint")
        ended = subprocess.run([lint, folder / "template.yaml"], capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_no_bill_of_materials_tells_its_folder(self):
        for name, content in self.files.items():
            self.assertNotIn(str(ROOT).encode(), content, name)


class Refused(unittest.TestCase):
    template = (ROOT / "template.yaml").read_text()

    def wrong(self, template, functions, says):
        with self.assertRaisesRegex(pack.Wrong, says):
            pack.packaged(template, functions, "arm64")

    def test_a_function_that_was_not_built(self):
        self.wrong(self.template, FUNCTIONS[1:], "but .* were built")

    def test_a_function_that_is_built_in_another_way(self):
        self.wrong(self.template.replace("rust-cargolambda", "makefile", 1), FUNCTIONS, "how it is built")

    def test_a_template_without_architecture(self):
        self.wrong(self.template.replace("\n  Architecture:\n", "\n  Processor:\n"), FUNCTIONS, "no parameter")

    def test_a_tag_that_is_not_the_version(self):
        pack.check_tag("v1.2.3", "1.2.3")
        with self.assertRaisesRegex(pack.Wrong, "must be v1.2.3"):
            pack.check_tag("1.2.3", "1.2.3")


if __name__ == "__main__":
    unittest.main()
