"""What is done with the images that were picked, and who has to agree."""

from pathlib import Path

import anyio

from fw_mcp.api.models import LibraryName
from fw_mcp.guard.question import deletion_question
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.writes.operation import target_of
from tests.gallery.browser import Browser, started
from tests.gallery.conftest import Opening
from tests.gallery.host import Dialog
from tests.support.products import exhaustive
from tests.support.studio import NO, Studio
from tests.support.truth import holdings

NO_PICTURES = "refuse=view_images"


def picked(gallery: Browser, count: int) -> list[str]:
    """Pick the first `count` images of the page."""
    guids = gallery.shown()[:count]
    for tile in gallery.tiles()[:count]:
        tile.click()
    return guids


def titles(studio: Studio, guids: list[str]) -> list[str]:
    """The titles of these images, as the service holds them."""
    held = anyio.run(holdings, studio)
    return [held[guid].title or "" for guid in guids]


async def first_of(studio: Studio, library: LibraryName) -> str:
    """The guid of the newest image of a library."""
    return next(iter(await holdings(studio, library)))


def messages(gallery: Browser) -> list[str]:
    """What was said in the chat in the person's name."""
    return [one["content"][0]["text"] for one in gallery.heard("ui/message")]


def test_a_selection_is_stored_and_its_key_shown(opened: Opening, studio: Studio) -> None:
    """The key hands the images to printing; what is shown was read back."""
    gallery = opened(page=NO_PICTURES, per_page=6)
    guids = picked(gallery, 3)
    gallery.click("#use")
    key = gallery.text("#outcome .key")
    gallery.reads("#outcome h2", "Saved for printing: 3 images")
    (sent,) = studio.wire.to("update_file_selection")
    assert (sent["guid"], sent["guids"]) == (key, guids)
    assert gallery.texts("#status") == ["Saved for printing: 3 images."]


def test_suggesting_titles_asks_the_assistant_with_guids_alone(
    opened: Opening, studio: Studio
) -> None:
    """The message goes out in the person's name, so no stranger's title is in it."""
    gallery = opened(page=NO_PICTURES, per_page=6)
    guids = picked(gallery, 2)
    gallery.click("#suggest")
    (said,) = gallery.until(lambda: messages(gallery))
    assert said.splitlines()[-2:] == guids
    assert "view_images" in said
    assert "change nothing before I agree" in said
    assert [title for title in titles(studio, guids) if title in said] == []
    assert gallery.heard("ui/update-model-context")[-1]["content"][0]["text"].endswith(
        ", ".join(guids)
    )
    assert studio.wire.writes == []


def test_a_declined_deletion_sends_nothing(opened: Opening, studio: Studio) -> None:
    """Promise: no is no, for the gallery as for any caller, and it says so."""
    person = studio.person(NO)
    gallery = opened(page=NO_PICTURES, person=person, per_page=6)
    guids = picked(gallery, 2)
    gallery.click("#delete")
    gallery.reads("#outcome h2", "Nothing was deleted.")
    (question,) = person.asked
    assert all(title in question for title in titles(studio, guids))
    assert studio.wire.writes == []
    assert gallery.chosen() == guids


def test_a_deletion_that_a_person_agrees_to_takes_the_tiles_away(
    opened: Opening, studio: Studio
) -> None:
    """Asked once, sent once, and the page is read again."""
    person = studio.person()
    gallery = opened(page=NO_PICTURES, person=person, per_page=6)
    guids = picked(gallery, 2)
    stay = gallery.shown()[2:]
    gallery.click("#delete")
    gallery.reads("#outcome h2", "Deleted: 2 images")
    gallery.until(lambda: gallery.idle() and gallery.shown()[:4] == stay)
    assert len(person.asked) == 1
    assert [one.endpoint for one in studio.wire.writes] == ["delete_images"]
    assert not set(guids) & set(anyio.run(holdings, studio))
    assert gallery.text("#chosen") == "Nothing selected"


def test_without_a_way_to_ask_the_question_is_shown_and_handed_to_the_chat(
    opened: Opening, studio: Studio
) -> None:
    """Promise: the page never answers for a person; it calls nothing with a plan_id."""
    gallery = opened(page=NO_PICTURES, per_page=6)
    guids = picked(gallery, 2)
    gallery.click("#delete")
    gallery.reads("#outcome h2", "Nothing was deleted yet.")
    held = anyio.run(holdings, studio)
    targets = [target_of(held[guid]) for guid in guids]
    assert gallery.text("#outcome .said") == deletion_question(targets, "inventory")
    gallery.click("#outcome button.first")
    (said,) = gallery.until(lambda: messages(gallery))
    assert said.splitlines()[-2:] == guids
    assert "have confirmed nothing yet" in said
    assert gallery.served.calls_of("delete_images") == [{"guids": guids, "library": "inventory"}]
    assert studio.wire.writes == []


@exhaustive
def test_without_a_way_to_the_chat_the_question_says_how_to_go_on(opened: Opening) -> None:
    """A host may take no messages."""
    gallery = opened(page=f"{NO_PICTURES}&abilities=serverTools", per_page=6)
    picked(gallery, 1)
    gallery.click("#delete")
    gallery.reads("#outcome", "Tell the assistant to delete them")
    assert gallery.find("#outcome button.first") == []


def test_a_deletion_that_the_server_refuses_is_told(opened: Opening, studio: Studio) -> None:
    """With the server's own words, and everything still there."""
    gallery = opened(page=NO_PICTURES, person=studio.person(), per_page=6)
    guids = picked(gallery, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    gallery.click("#delete")
    gallery.reads("#fault", "That did not work.")
    assert studio.wire.writes == []
    gallery.click("#delete")
    gallery.reads("#outcome h2", "Deleted: 1 image")
    assert not set(guids) & set(anyio.run(holdings, studio))


@exhaustive
def test_a_host_that_refuses_is_told_of(opened: Opening) -> None:
    """A button that does nothing without a word would be pressed again and again."""
    gallery = opened(page="refuse=view_images,ui/message,set_selection", per_page=3)
    picked(gallery, 1)
    gallery.click("#suggest")
    gallery.reads("#fault", "The client refused: not today")
    gallery.click("#fault button")
    assert gallery.find("#fault .panel") == []
    gallery.click("#use")
    gallery.reads("#fault", "The client refused: not today")


@exhaustive
def test_a_host_that_never_answers_a_deletion_leaves_it_unknown(
    opened: Opening, tmp_path: Path
) -> None:
    """The question may stay open for ten minutes; a minute later nobody can say what happened."""
    with started(tmp_path) as lone:
        gallery = opened(page="refuse=view_images&deaf=delete_images", browser=lone, per_page=3)
        picked(gallery, 1)
        gallery.click("#delete")
        gallery.reads("#status", "Before anything is deleted, you are asked.")
        gallery.let_pass(11 * 60 + 1)
        gallery.reads("#fault", "The client has not answered for 660 seconds.")
        assert "It is unknown whether anything was deleted" in gallery.text("#fault")


def test_nothing_is_done_while_nothing_is_selected(opened: Opening) -> None:
    """The buttons say that they are off, and are."""
    gallery = opened(page=NO_PICTURES, per_page=3)
    gallery.tiles()
    for button in ("#use", "#suggest", "#delete"):
        assert gallery.one(button).get_attribute("aria-disabled") == "true"
        gallery.click(button)
    called = [name for name, _ in gallery.served.called]
    assert called == ["search_images"]
    assert messages(gallery) == []


@exhaustive
def test_images_of_two_libraries_are_not_deleted_at_once(opened: Opening, studio: Studio) -> None:
    """A call names one library, and the wrong one would find nothing."""
    everywhere = [
        anyio.run(first_of, studio, "inventory"),
        anyio.run(first_of, studio, "temporary"),
    ]
    gallery = opened("view_images", guids=everywhere)
    picked(gallery, 2)
    gallery.click("#delete")
    gallery.reads("#fault", "different libraries")
    assert gallery.served.calls_of("delete_images") == []


@exhaustive
def test_the_question_is_answered_in_the_dialog_of_the_host(
    opened: Opening, studio: Studio
) -> None:
    """It is the client's own, outside the page; a no there is a no."""
    gallery = opened(page=f"{NO_PICTURES}&asks", person=Dialog(), per_page=3)
    guids = picked(gallery, 1)
    gallery.click("#delete")
    shown = "return document.getElementById('message').textContent"
    question = gallery.until(lambda: gallery.in_host(shown))
    held = anyio.run(holdings, studio)
    assert question == deletion_question([target_of(held[guid]) for guid in guids], "inventory")
    gallery.in_host("document.querySelector('button[value=decline]').click()")
    gallery.reads("#outcome h2", "Nothing was deleted.")
    assert studio.wire.writes == []
