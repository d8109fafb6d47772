"""The series of the studio the sandbox is seeded with: words and sizes. No logic."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """A body of work; its title is the ``personal_gallery_title`` of its images."""

    title: str
    category: str
    prefix: str
    subjects: tuple[str, ...]
    places: tuple[str, ...]


SERIES = (
    Series(
        "Coastal Light",
        "Seascapes",
        "COAST",
        ("Low Tide", "Harbor at First Light", "Breaking Swell", "Sea Fog", "The Old Pier"),
        (
            "Point Reyes",
            "Cannon Beach",
            "Galveston",
            "Cape Cod",
            "Big Sur",
            "Outer Banks",
            "Acadia",
        ),
    ),
    Series(
        "High Country",
        "Mountains",
        "HIGH",
        ("Alpenglow", "Last Snow", "Timberline", "Storm over the Range", "Still Tarn"),
        (
            "Rocky Mountain",
            "the Tetons",
            "Mount Rainier",
            "the San Juans",
            "Glacier",
            "the Sierra",
            "the Wind Rivers",
        ),
    ),
    Series(
        "Desert Hours",
        "Deserts",
        "DESERT",
        ("Dunes before Dusk", "Ocotillo", "Slot Canyon", "Dry Wash", "Monsoon Sky"),
        (
            "White Sands",
            "Death Valley",
            "Big Bend",
            "Joshua Tree",
            "Great Sand Dunes",
            "Saguaro",
            "Valley of Fire",
        ),
    ),
    Series(
        "Hill Country Spring",
        "Florals",
        "SPRING",
        ("Bluebonnets", "Indian Paintbrush", "Live Oak", "Creek Crossing", "Fence Line"),
        (
            "Fredericksburg",
            "Llano",
            "Enchanted Rock",
            "Wimberley",
            "Willow City Loop",
            "Kerrville",
            "Marble Falls",
        ),
    ),
    Series(
        "City After Rain",
        "Cityscapes",
        "CITY",
        ("Blue Hour", "Wet Crosswalk", "Elevated Line", "Neon Diner", "Bridge Lights"),
        ("Chicago", "San Antonio", "New Orleans", "Pittsburgh", "Seattle", "St. Louis", "Memphis"),
    ),
    Series(
        "Quiet Water",
        "Landscapes",
        "WATER",
        ("Mist", "First Ice", "Lily Pads", "Rowboat", "Reeds in Wind"),
        (
            "Caddo Lake",
            "Lake Superior",
            "the Everglades",
            "Moosehead Lake",
            "the Boundary Waters",
            "Lake Champlain",
            "the Atchafalaya",
        ),
    ),
    Series(
        "Strata (abstracts)",
        "Abstract",
        "STRATA",
        ("Ochre Field", "Interval", "Undertow", "Drift", "Threshold"),
        ("No. 1", "No. 2", "No. 3", "No. 4", "No. 5", "No. 6", "No. 7"),
    ),
    Series(
        "Night Skies",
        "Astro",
        "NIGHT",
        ("Milky Way", "Moonrise", "Star Trails", "Perseids", "Zodiacal Light"),
        (
            "McDonald Observatory",
            "Monument Valley",
            "Crater Lake",
            "Badlands",
            "Cherry Springs",
            "Bryce Canyon",
            "Mauna Kea",
        ),
    ),
)

MOODS = (
    "Printed from the original file; the colors are as they were that morning.",
    "Part of an edition of 50, signed on the back.",
    "Looks best on matte paper or canvas at 24 inches and wider.",
    "A long exposure of four minutes from a tripod half in the water.",
    "One of the most asked-for pictures of the series.",
    "Quiet enough for a bedroom, wide enough for a hallway.",
)

LONG_STORY = (
    "I had driven all night to be there before the light, and for the first hour there was nothing"
    " to see at all. Then the cloud lifted by the height of a house and the whole scene lay open,"
    " for perhaps three minutes. The print holds up very well at large sizes because it was"
    " stitched from eight frames. Customers have hung it over sofas, in waiting rooms and in one"
    " small chapel. Please ask before ordering above 60 inches."
)

UNUSABLY_SMALL = ((320, 240), (480, 480), (640, 427), (800, 600))
ORDINARY = ((2400, 1600), (3000, 2400), (4000, 6000), (4500, 4500), (5472, 3648), (6000, 4000))
HUGE = ((11648, 8736), (12000, 9000), (16384, 5461), (9000, 15000))
