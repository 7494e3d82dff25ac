"""The prices of the guide are those that `prices.py` computes, and its figures are those of the code.

    python3 tests/aws/test_prices.py
"""

import re
import unittest

import prices


class Prices(unittest.TestCase):
    def test_the_guide_shows_what_is_computed(self):
        guide = (prices.ROOT / "docs/guides/aws.md").read_text()
        self.assertIn("\n" + "\n".join(prices.tables()[:7]) + "\n", guide)
        self.assertIn("\n" + "\n".join(prices.tables()[8:]) + "\n", guide)

    def test_what_the_template_has_is_counted(self):
        secrets, alarm_metrics = prices.template_counts()
        self.assertEqual(secrets, 3)
        text = (prices.ROOT / "template.yaml").read_text()
        self.assertGreater(alarm_metrics, text.count("AWS::CloudWatch::Alarm\n"))

    def test_schedules_and_memory_are_those_of_the_template(self):
        text = (prices.ROOT / "template.yaml").read_text()
        self.assertEqual(sorted(re.findall(r"Schedule: (rate\(.*\))", text)), ["rate(1 minute)", "rate(5 minutes)"])
        (memory,) = re.findall(r"MemoryMB:\n    Type: Number\n    Default: (\d+)", text)
        self.assertEqual(int(memory) / 1024, prices.MEMORY_GB)

    def test_a_token_is_renewed_as_often_as_the_code_does_it(self):
        schedule = (prices.ROOT / "functions/token-refresh/src/schedule.rs").read_text()
        self.assertIn("const RENEW_AHEAD: SignedDuration = SignedDuration::from_mins(30);", schedule)
        self.assertEqual(prices.RENEWALS, prices.MINUTES // 30)

    def test_more_costs_more(self):
        lists = [prices.price(prices.together(prices.stack(), prices.calls(count))) for count in prices.CALLS.values()]
        self.assertEqual(lists, sorted(lists))
        self.assertLess(prices.price(prices.stack(), prices.FREE), prices.price(prices.stack()))


if __name__ == "__main__":
    unittest.main()
