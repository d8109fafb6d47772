"""How a host that shows no tool until it is asked for finds one: BM25 over the words of each."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

# The values that search engines begin with.
_K1 = 1.2
_B = 0.75


class Ranking:
    """The words of many tools, ready to be asked.

    Args:
        texts: what is known of each tool, by its name.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._words = {name: Counter(words(text)) for name, text in texts.items()}
        self._holding = Counter(word for counts in self._words.values() for word in counts)
        self._mean = sum(counts.total() for counts in self._words.values()) / len(self._words)

    def best(self, query: str) -> list[str]:
        """The tools, best first; those that share no word with the query are not found."""
        asked = words(query)
        scores = {name: self._score(counts, asked) for name, counts in self._words.items()}
        return sorted(filter(scores.get, scores), key=lambda name: -scores[name])

    def _score(self, counts: Counter[str], asked: Iterable[str]) -> float:
        length = 1 - _B + _B * counts.total() / self._mean
        return sum(
            self._rarity(word) * counts[word] * (_K1 + 1) / (counts[word] + _K1 * length)
            for word in asked
        )

    def _rarity(self, word: str) -> float:
        without = len(self._words) - self._holding[word]
        return math.log(1 + (without + 0.5) / (self._holding[word] + 0.5))


def words(text: str) -> list[str]:
    """The words, in small letters; a name with underscores or capitals inside is several."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.findall(r"[a-z0-9]+", apart.lower())
