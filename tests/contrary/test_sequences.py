"""Random calls on a service that differs at random: nothing is destroyed, doubled or mistold.

Drawn, and answered by a refusal that sends nothing: `null_products`. Not told from the end: a page
that is shorter than asked for and counted as all there is.
"""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contrary.sequences import Step, play
from tests.contrary.service import NAMES, NO_ANSWER, TEXTS, URLS, Ending, Ways

# As many as `make test`, `make check` and `make fuzz` have time for.
_SEQUENCES = {15: 12, 100: 200}.get(settings().max_examples, 2_000)


def _ways() -> st.SearchStrategy[Ways]:
    seconds = st.sampled_from([0.0, 0.0, 0.4, 1.0, 2.0])
    return st.builds(
        Ways,
        text=st.sampled_from(sorted(TEXTS)),
        url=st.sampled_from(sorted(URLS)),
        name=st.sampled_from(sorted(NAMES)),
        bits=st.booleans(),
        turned=st.booleans(),
        upper_guids=st.booleans(),
        terse=st.booleans(),
        lag_s=st.fixed_dictionaries({"list_images": seconds, "list_file_selection": seconds}),
        hidden_s=seconds,
        most_a_page=st.sampled_from([50, 25, 3]),
        count=st.sampled_from(["exact", "low", "high", "zero", "negative", "text"]),
        twice=st.booleans(),
        null_products=st.booleans(),
        odd=st.none()
        | st.tuples(st.sampled_from(_FIELDS), st.sampled_from(_ODD))
        | st.tuples(st.sampled_from(_TEXTS), st.sampled_from(_NO_TEXT)),
        products_go=st.sampled_from(["at_once", "later", "never", "more"]),
        ignores_library=st.booleans(),
        knows_files=st.booleans(),
        merges=st.booleans(),
    )


_FIELDS = (
    *("pix_w", "pix_h", "file_size", "date_added", "active", "file_name", "id"),
    *("guid", "products", "sku"),
)
_ODD: tuple[object, ...] = (6000.5, "", "6000px", None, [], {}, "05/01/2026")
# A text that is another, or none, is not odd: it is what there is.
_TEXTS = ("title", "description")
_NO_TEXT: tuple[object, ...] = (6000.5, [], {})


def _endings() -> st.SearchStrategy[Ending]:
    statuses = (400, 403, 404, 409, 413, 422, 429, 500, "rejected", "html", "model_state")
    final = st.builds(Ending, how=st.sampled_from(statuses), commits=st.booleans())
    open_ = st.builds(
        Ending,
        how=st.sampled_from(sorted(NO_ANSWER, key=str)),
        commits=st.booleans(),
        late_s=st.sampled_from([0.0, 1.0, 20.0, 45.0]),
    )
    return st.just(Ending()) | final | open_


def _steps() -> st.SearchStrategy[Step]:
    tools = ["search", "add", "add", "update", "delete", "select", "undo", "continue", "again"]
    alone = st.builds(Step, tool=st.sampled_from(tools), pick=st.integers(0, 20))
    return st.builds(
        Step,
        tool=st.sampled_from(tools),
        pick=st.integers(0, 20),
        yes=st.sampled_from([True, True, False]),
        hangs=st.sampled_from([False, False, True]),
        endings=st.lists(_endings(), max_size=3),
        wait_s=st.sampled_from([0.0, 5.0, 70.0, 800.0]),
        beside=st.sampled_from([False, False, True]).flatmap(
            lambda two: alone if two else st.none()
        ),
    )


@settings(
    max_examples=_SEQUENCES,
    deadline=None,
    # A failing example is short enough to read; making it smaller takes minutes.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    ways=_ways(),
    steps=st.lists(_steps(), min_size=2, max_size=6),
    two=st.sampled_from([False, False, False, True]),
    tried=st.booleans(),
)
def test_whatever_the_service_does_the_truth_is_told(
    ways: Ways, steps: list[Step], two: bool, tried: bool
) -> None:
    """Nothing goes without a yes, nothing is added twice or too soon, no row claims what is not."""
    play(ways, steps, two=two, tried=tried)
