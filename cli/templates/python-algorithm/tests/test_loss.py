"""The function on numbers worked out by hand: python3 tests/test_loss.py"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from loss import policy_loss  # noqa: E402
from rlhost.algorithm import LossInput, Rows, Totals  # noqa: E402


class Loss(unittest.TestCase):
    def test_two_tokens(self):
        rows = Rows(offsets=[0, 2], mask=[1, 1])
        input = LossInput(rows, logp=[-0.5, -1.0], old_logp=[-0.5, -1.0], advantages=[1.0, 1.0])
        out = policy_loss(input, Totals.of(rows))
        # (0.5 + 1.0) / 2, and -1/2 for each token.
        self.assertEqual((out.loss, out.d_logp), (0.75, [-0.5, -0.5]))


if __name__ == "__main__":
    unittest.main()
