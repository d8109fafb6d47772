"""An answer is to what the question said: whatever changed since then refuses it."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from mcp.types import CallToolResult

from fw_mcp.api.models import ImageDetails
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.server.destruction import (
    DELETION,
    LIVE,
    NEW_TITLE,
    REWRITING,
    TWO_STEP,
    Destruction,
    Lane,
    assert_nothing_happened,
    both_tools,
    one_sold,
    some_lanes,
)
from tests.server.elsewhere import Elsewhere, library_shared_with_others
from tests.support.products import covering
from tests.support.studio import Studio, make_studio, said, text_of
from tests.support.truth import holdings, sold, unsold

pytestmark = pytest.mark.anyio

LANES = [*LIVE, TWO_STEP[0], TWO_STEP[3]]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    """Give a studio whose library others change, and those others."""
    return library_shared_with_others(tmp_path)


Meanwhile = Callable[[], Awaitable[None]]


async def answered_after(
    studio: Studio,
    lane: Lane,
    job: Destruction,
    images: Sequence[ImageDetails],
    meanwhile: Meanwhile,
) -> CallToolResult:
    """The answer to a call whose yes came after `meanwhile`."""
    if lane.asks_live:
        person = studio.person()
        person.meanwhile = meanwhile
        async with lane.client(studio, person) as client:
            return await client.call_tool(job.tool, job.arguments(images))
    async with lane.client(studio) as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments(images)))["plan_id"]
        await meanwhile()
        return await client.call_tool(job.tool, job.arguments(images, plan_id=plan_id))


def studio_of(elsewhere: Elsewhere, lane: Lane) -> Studio:
    """The studio on the same sandbox with the limits of a lane."""
    return make_studio(app=elsewhere.studio.app, limits=lane.limits())


async def rewritten(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """Another title."""
    await elsewhere.write(image, "Meanwhile", image.description)


async def described(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """Another description."""
    await elsewhere.write(image, image.title, "Meanwhile")


async def hung(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """One product more."""
    elsewhere.hang(image)


async def hung_nameless(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """One product more, of which nothing is known."""
    elsewhere.hang(image, sku=None, name=None)


async def listed_in_a_shop(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """The same products, one of them live in a shop now."""
    elsewhere.change_products(image, "$.third_party_integrations", {"wix_product_id": "abc"})


async def renamed_product(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """Another product under the same number."""
    elsewhere.change_products(image, "$.name", "Large framed canvas")


async def priced(elsewhere: Elsewhere, image: ImageDetails) -> None:
    """The same products at another price."""
    elsewhere.change_products(image, "$.asking_price", 1234.5)


TOLD: dict[Callable[[Elsewhere, ImageDetails], Awaitable[None]], str] = {
    rewritten: '{} is now "Meanwhile"',
    described: "the text of {} is different",
    hung: "{} now has ",
    hung_nameless: "{} now has (none) too",
    listed_in_a_shop: " now live in Wix",
    renamed_product: ' called "Large framed canvas" in place of ',
    priced: " now at asking price 1,234.50 USD",
}


@pytest.mark.parametrize(
    ("job", "lane", "change"),
    covering([DELETION, REWRITING], LANES, {one.__name__: one for one in TOLD}),
)
async def test_a_changed_image_refuses_the_yes_and_offers_a_new_plan(
    elsewhere: Elsewhere,
    job: Destruction,
    lane: Lane,
    change: Callable[[Elsewhere, ImageDetails], Awaitable[None]],
) -> None:
    """Promise: a stale answer means nothing is sent, and the new question says what changed."""
    studio = studio_of(elsewhere, lane)
    image, same = await sold(studio, 2)
    result = said(
        await answered_after(studio, lane, job, [image, same], lambda: change(elsewhere, image))
    )
    assert result["status"] == "confirmation_required"
    assert result["message"].startswith(
        "The images changed since the question was asked, so its answer no longer counts. "
        "Nothing was sent. "
    )
    first = result["question"].splitlines()[0]
    assert first.startswith("Changed since the last question: ")
    assert TOLD[change].format(f'"{image.title}"') in first
    await assert_nothing_happened(studio, [image, same])


@both_tools
@some_lanes
async def test_the_new_plan_asks_about_what_is_there_now(
    elsewhere: Elsewhere, job: Destruction, lane: Lane
) -> None:
    """And is carried out after a yes of its own; the old one is worth nothing."""
    studio = studio_of(elsewhere, lane)
    image = await one_sold(studio)
    result = said(
        await answered_after(studio, lane, job, [image], lambda: rewritten(elsewhere, image))
    )
    assert '"Meanwhile"' in result["question"]
    person = studio.person()
    async with lane.client(studio, person) as client:
        again = job.arguments([image], plan_id=result["plan_id"])
        done = said(await client.call_tool(job.tool, again))
    assert [result["question"]] * lane.asks_live == person.asked
    assert (done["status"], len(studio.wire.writes)) == ("completed", 1)


@some_lanes
async def test_a_deletion_whose_products_went_meanwhile_asks_again(
    elsewhere: Elsewhere, lane: Lane
) -> None:
    """Less would go than the person agreed to; it is still not what was asked."""
    studio = studio_of(elsewhere, lane)
    image = await one_sold(studio)

    async def take_down() -> None:
        elsewhere.take_down(image)

    result = said(await answered_after(studio, lane, DELETION, [image], take_down))
    assert result["status"] == "confirmation_required"
    assert "no products" in result["question"]
    assert studio.wire.writes == []


@both_tools
@some_lanes
async def test_what_is_all_gone_leaves_nothing_to_agree_to(
    elsewhere: Elsewhere, job: Destruction, lane: Lane
) -> None:
    """Somebody else was faster."""
    studio = studio_of(elsewhere, lane)
    image = await one_sold(studio)
    result = await answered_after(studio, lane, job, [image], lambda: elsewhere.delete(image))
    assert result.is_error
    assert text_of(result).endswith("(reason: targets_changed)")
    assert "This call sent nothing." in text_of(result)
    assert studio.wire.writes == []


@both_tools
@some_lanes
async def test_the_rest_of_what_is_partly_gone_is_asked_about_anew(
    elsewhere: Elsewhere, job: Destruction, lane: Lane
) -> None:
    """Two were agreed to; one is not the same question, which says so in its first line."""
    studio = studio_of(elsewhere, lane)
    gone, left = await sold(studio, 2)
    result = said(
        await answered_after(studio, lane, job, [gone, left], lambda: elsewhere.delete(gone))
    )
    assert result["status"] == "confirmation_required"
    assert "Total: 1 image, " in result["question"]
    since = f'Changed since the last question: "{gone.title}" is no longer affected.'
    assert result["question"].splitlines()[0] == since
    await assert_nothing_happened(studio, [left])


@some_lanes
async def test_products_hung_meanwhile_on_an_image_of_the_rewrite_are_asked_about(
    elsewhere: Elsewhere, lane: Lane
) -> None:
    """The image had none when the person was asked, so nobody agreed to lose them."""
    studio = studio_of(elsewhere, lane)
    image, (plain,) = await one_sold(studio), await unsold(studio, 1)

    async def hang() -> None:
        elsewhere.hang(plain)

    result = said(await answered_after(studio, lane, REWRITING, [image, plain], hang))
    assert result["status"] == "confirmation_required"
    assert "2 images would lose their products" in result["question"]
    assert f'"{plain.title}" is now affected too' in result["question"].splitlines()[0]
    await assert_nothing_happened(studio, [image])


@some_lanes
async def test_a_sold_image_that_got_the_new_text_meanwhile_keeps_its_products(
    elsewhere: Elsewhere, lane: Lane
) -> None:
    """Nothing is left to change on it."""
    studio = studio_of(elsewhere, lane)
    image = await one_sold(studio)
    result = await answered_after(
        studio, lane, REWRITING, [image], lambda: elsewhere.write(image, NEW_TITLE, None)
    )
    assert text_of(result).endswith("(reason: targets_changed)")
    await assert_nothing_happened(studio, [image])


@both_tools
@some_lanes
async def test_what_changes_beside_the_targets_does_not_matter(
    elsewhere: Elsewhere, job: Destruction, lane: Lane
) -> None:
    """The library moves all the time; the question was about these."""
    studio = studio_of(elsewhere, lane)
    image, other = await sold(studio, 2)
    result = said(await answered_after(studio, lane, job, [image], lambda: elsewhere.delete(other)))
    assert (result["status"], len(studio.wire.writes)) == ("completed", 1)


@both_tools
@some_lanes
async def test_nothing_is_sent_when_the_images_cannot_be_read_again(
    elsewhere: Elsewhere, job: Destruction, lane: Lane
) -> None:
    """And the plan is used up: the answer was to a question that cannot be checked."""
    faults = elsewhere.studio.faults
    app = create_app(elsewhere.file, faults=faults)
    studio = make_studio(app=app, limits=lane.limits())
    image = await one_sold(studio)

    async def break_down() -> None:
        faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))

    result = await answered_after(studio, lane, job, [image], break_down)
    assert text_of(result).endswith("(reason: rejected)")
    assert await studio.plans.pending(studio.clock()) == []
    await assert_nothing_happened(studio, [image])


async def test_the_service_deletes_only_what_the_last_reading_found(elsewhere: Elsewhere) -> None:
    """What is sent are the images of the re-reading, not those of the request."""
    studio = elsewhere.studio
    gone, left = await sold(studio, 2)
    await elsewhere.delete(gone)
    async with studio.client(person=studio.person()) as client:
        await client.call_tool(DELETION.tool, DELETION.arguments([gone, left]))
    assert studio.wire.to("delete_images")[0]["guids"] == [left.guid]
    assert {gone.guid, left.guid} & set(await holdings(studio)) == set()


@both_tools
async def test_a_yes_that_cannot_be_followed_by_a_reading_costs_nothing_but_the_answer(
    studio: Studio, job: Destruction
) -> None:
    """Nothing is sent, the message says that the answer is used up, and the hour is not charged."""
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        studio.faults.add(Fault(FaultKind.REJECTED, "list_images"))
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert "the answer has been used up" in text_of(result)
    assert await studio.plans.spent(studio.clock()) == 0
    await assert_nothing_happened(studio, [image])
