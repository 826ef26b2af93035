"""The functions of the package `Levenshtein` that take two texts, in pure Python: that package is compiled.

    ratio("lewenstein", "levenshtein")   # 0.857…: twice the longest common subsequence, over both lengths

Formulas: V. Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals" (1966); the ratio is that of
the insertions and deletions alone; M. Jaro, "Advances in record-linkage methodology" (1989); W. Winkler (1990).
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

Text = Sequence[Hashable]


def distance(
    s1: Text,
    s2: Text,
    *,
    weights: tuple[int, int, int] = (1, 1, 1),
    processor: Callable[[Any], Text] | None = None,
    score_cutoff: int | None = None,
    score_hint: int | None = None,
) -> int:
    """The least cost of insertions, deletions and substitutions that make `s2` of `s1`."""
    if processor is not None:
        s1, s2 = processor(s1), processor(s2)
    insert, delete, replace = weights
    row = [j * insert for j in range(len(s2) + 1)]
    for i, a in enumerate(s1):
        diagonal, row[0] = row[0], (i + 1) * delete
        for j, b in enumerate(s2):
            above = row[j + 1]
            changed = diagonal if a == b else diagonal + replace
            row[j + 1] = min(changed, above + delete, row[j] + insert)
            diagonal = above
    return _cut(row[-1], score_cutoff)


def _cut(value: int, cutoff: int | None) -> int:
    return value if cutoff is None or value <= cutoff else cutoff + 1


def common(s1: Text, s2: Text) -> int:
    """The length of the longest common subsequence: a bit for each place of `s1` (H. Hyyrö, 2004)."""
    places: dict[Hashable, int] = {}
    for i, a in enumerate(s1):
        places[a] = places.get(a, 0) | 1 << i
    every = (1 << len(s1)) - 1
    row = every
    for b in s2:
        matched = row & places.get(b, 0)
        row = ((row + matched) | (row - matched)) & every
    return len(s1) - row.bit_count()


def ratio(s1: Text, s2: Text, *, processor: Callable[[Any], Text] | None = None, score_cutoff: float | None = None) -> float:
    """Twice the longest common subsequence, over the sum of the lengths; 1 for two empty texts."""
    if processor is not None:
        s1, s2 = processor(s1), processor(s2)
    total = len(s1) + len(s2)
    # As the package computes it: 1 less the normalised distance.
    value = 1.0 - (total - 2 * common(s1, s2)) / total if total else 1.0
    return value if score_cutoff is None or value >= score_cutoff else 0.0


def hamming(
    s1: Text, s2: Text, *, pad: bool = True, processor: Callable[[Any], Text] | None = None, score_cutoff: int | None = None
) -> int:
    """The number of places at which the texts differ, those that only one of them has included."""
    if processor is not None:
        s1, s2 = processor(s1), processor(s2)
    if not pad and len(s1) != len(s2):
        raise ValueError("Sequences are not the same length.")
    return _cut(sum(a != b for a, b in zip(s1, s2)) + abs(len(s1) - len(s2)), score_cutoff)


def jaro(s1: Text, s2: Text, *, processor: Callable[[Any], Text] | None = None, score_cutoff: float | None = None) -> float:
    """Jaro's similarity."""
    if processor is not None:
        s1, s2 = processor(s1), processor(s2)
    if not s1 and not s2:
        return 1.0
    reach = max(max(len(s1), len(s2)) // 2 - 1, 0)
    taken = [False] * len(s2)
    mine = []
    for i, a in enumerate(s1):
        for j in range(max(0, i - reach), min(len(s2), i + reach + 1)):
            if not taken[j] and s2[j] == a:
                taken[j] = True
                mine.append(a)
                break
    if not mine:
        return 0.0
    theirs = [b for b, used in zip(s2, taken) if used]
    moved = sum(a != b for a, b in zip(mine, theirs)) // 2
    m = len(mine)
    value = (m / len(s1) + m / len(s2) + (m - moved) / m) / 3
    return value if score_cutoff is None or value >= score_cutoff else 0.0


def jaro_winkler(
    s1: Text,
    s2: Text,
    *,
    prefix_weight: float = 0.1,
    processor: Callable[[Any], Text] | None = None,
    score_cutoff: float | None = None,
) -> float:
    """Jaro's similarity, raised for a common beginning of up to 4 places where it is above 0.7."""
    if processor is not None:
        s1, s2 = processor(s1), processor(s2)
    value = jaro(s1, s2)
    if value > 0.7:
        prefix = 0
        for a, b in list(zip(s1, s2))[:4]:
            if a != b:
                break
            prefix += 1
        value += prefix * prefix_weight * (1.0 - value)
    return value if score_cutoff is None or value >= score_cutoff else 0.0


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"Levenshtein.{name}: rlhost's own `Levenshtein`, in pure Python, has distance, ratio, hamming, jaro and jaro_winkler"
    )
