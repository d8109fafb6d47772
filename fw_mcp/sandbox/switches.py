"""Where the public reference is silent: the other way the service might behave."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Switches:
    """How the sandbox departs from its ordinary behaviour; all off means none of it.

    Attributes:
        update_keeps_products: ``update_images`` leaves virtual-inventory products in place instead
            of removing those of the inventory images it touches.
        omitted_text_is_blanked: a title or description left out of ``update_images`` (or null) is
            stored as ``""`` instead of being kept.
        unknown_guids_fail: ``update_images`` and ``delete_images`` answer ``success: false`` when a
            guid is unknown. The known ones are still carried out.
        selection_merges: ``update_file_selection`` adds to a known selection instead of replacing
            it.
        dates_without_offset: dates are written without their UTC offset.
        answers_reversed: ``add_images`` answers in the reverse of the order it was asked in.
    """

    update_keeps_products: bool = False
    omitted_text_is_blanked: bool = False
    unknown_guids_fail: bool = False
    selection_merges: bool = False
    dates_without_offset: bool = False
    answers_reversed: bool = False


ALL_OFF = Switches()
