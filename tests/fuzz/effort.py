"""How long each property is tried, against the others."""

from hypothesis import HealthCheck, settings


def effort(share: float) -> settings:
    """`share` of the examples of the profile that runs: few in the suite, many in `make fuzz`.

    A studio may serve every example: what a property throws at it must not matter to the next.
    """
    return settings(
        max_examples=max(1, round(settings().max_examples * share)),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
