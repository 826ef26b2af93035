"""What an algorithm gets to see, and what it returns. All arrays are flat: a row, which is a completion, is a range of
their tokens. Log-probs and entropies are in nats.

Nothing here needs the sandbox: an algorithm's functions can be called by any Python 3.10 or later.
"""

from dataclasses import dataclass, field


@dataclass
class Rows:
    #: where rows begin: one more than there are rows
    offsets: list[int]
    #: an entry for each token: 1 where it is trained
    mask: list[int]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def tokens(self, row: int) -> range:
        """The tokens of a row."""
        return range(self.offsets[row], self.offsets[row + 1])

    def trained(self, row: int) -> list[int]:
        """The tokens of a row that are trained."""
        return [token for token in self.tokens(row) if self.mask[token]]


@dataclass
class AdvantageInput:
    """All rows of a step."""

    rows: Rows
    #: the reward of each token
    rewards: list[float]
    #: the group of each row: equal numbers are completions of one prompt
    groups: list[int]
    #: for each row 1, or 0 where it left the step: it must touch no statistic
    kept: list[int]
    #: where NEEDS names it: a critic's value of each token
    values: list[float] | None = None
    #: where NEEDS names it: the score of a greedy completion of each row's prompt
    baselines: list[float] | None = None


@dataclass
class Advantages:
    """A number for each token."""

    advantages: list[float]
    #: what a critic learns
    returns: list[float]


@dataclass
class LossInput:
    """Some rows of a mini-batch."""

    rows: Rows
    #: log-probs under the weights being trained
    logp: list[float]
    #: log-probs under the weights at the start of the step
    old_logp: list[float]
    advantages: list[float]
    # Where NEEDS names them:
    ref_logp: list[float] | None = None
    rollout_logp: list[float] | None = None
    entropy: list[float] | None = None
    prefix_mask: list[int] | None = None
    row_scores: list[float] | None = None
    target_logp: list[float] | None = None
    #: for losses that draw tokens
    seed: int = 0


@dataclass
class Totals:
    """Counts of the whole mini-batch. A loss that divides by these does not depend on how the mini-batch is split."""

    tokens: int
    rows: int
    prefix_tokens: int = 0
    prefix_rows: int = 0
    prefix_row_tokens: int = 0
    norm_length: int = 0

    @classmethod
    def of(cls, rows: Rows) -> "Totals":
        """Of a mini-batch that is whole."""
        trained = [len(rows.trained(row)) for row in range(len(rows))]
        return cls(tokens=sum(trained), rows=sum(count > 0 for count in trained))


@dataclass
class LossOutput:
    """A micro-batch's share of the mini-batch's loss."""

    loss: float
    #: the loss's derivative with respect to each log-prob
    d_logp: list[float]
    #: its derivative with respect to each entropy, if it depends on them
    d_entropy: list[float] | None = None
    #: numbers for the curves, divided by the totals already
    metrics: dict[str, float] = field(default_factory=dict)

    @classmethod
    def zero(cls, rows: Rows) -> "LossOutput":
        return cls(0.0, [0.0] * len(rows.mask))
