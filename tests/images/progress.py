"""How far a call said it was."""

from dataclasses import dataclass, field


@dataclass
class Progress:
    """Remembers what it was told."""

    told: list[float] = field(default_factory=list)

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Remember it."""
        del total, message
        self.told.append(progress)
