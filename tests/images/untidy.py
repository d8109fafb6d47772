"""What an untidy title is, written a second time and without patterns."""

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif", ".webp", ".heic", ".avif", ".bmp",
           ".psd", ".pdf", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw")  # fmt: skip
CAMERAS = ["img", "dsc", "dscf", "dscn", "pxl", "dji", "gopr", "mvi", "scan", "screenshot"]
MARKS = {"final", "draft", "copy", "edit", "edited", "version"}


def is_untidy(title: str) -> bool:
    """Capitals only, a version mark at the end, like a file's name, or a space too many."""
    words = "".join(" " if one.isspace() else one for one in title)
    if not words.strip():
        return False
    if words != words.strip() or "  " in words:
        return True
    letters = [one for one in words if one.upper() != one.lower()]
    if len(letters) >= 2 and all(one == one.upper() for one in letters):
        return True
    return ends_in_a_version(words.lower()) or is_like_a_file(words)


def ends_in_a_version(title: str) -> bool:
    """`fog final`, `fog v2`, `fog-copy 3`, `fog (2)`."""
    head, opened, number = title.removesuffix(")").rpartition("(")
    if opened and title.endswith(")") and number.isdecimal() and head.strip():
        return True
    parts = "".join(one if one.isalnum() else " " for one in title).split()
    while len(parts) > 2 and parts[-1].isdecimal() and parts[-2] in {*MARKS, "rev", "v"}:
        parts.pop()
        if parts[-1] in {"rev", "v"}:
            return True
    if len(parts) < 2:
        return False
    last = parts[-1]
    return last in MARKS or (last[:1] == "v" and last[1:].isdecimal()) or (
        last[:3] == "rev" and last[3:].isdecimal()
    )  # fmt: skip


def is_like_a_file(title: str) -> bool:
    """`fog_1`, `fog.jpg`, `IMG 2048`, `harbor2048`, `fog-at-dawn`."""
    small = title.lower()
    if "_" in small or small.endswith(ENDINGS):
        return True
    for camera in CAMERAS:
        rest = small.removeprefix(camera)
        rest = rest[1:] if rest[:1] in {" ", "-"} else rest
        if small.startswith(camera) and len(rest) >= 3 and rest[:3].isdecimal():
            return True
    if " " in title:
        return False
    digits = any(title[at : at + 3].isdecimal() for at in range(len(title) - 2))
    if digits and any(one.isalpha() for one in title):
        return True
    parts = title.split("-")
    return len(parts) > 2 and all(
        part and part.isascii() and part.isalnum() and part == part.lower() for part in parts
    )
