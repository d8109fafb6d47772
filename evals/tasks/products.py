"""Products: what is for sale, where, at what price. They are read, never changed."""

from evals.task import Task, always, call, counted

_NUMBER = "the number"


TASKS = (
    Task(
        name="products-all",
        words="How many products are made from my pictures altogether, in a shop or not?",
        result=_NUMBER,
        answer=lambda library: str(len(library.products)),
        steps=(always(call("search_products", per_page=1)),),
        says=counted,
    ),
    Task(
        name="products-of-picture",
        words="How many products are made from CITY_2192.jpg?",
        result=_NUMBER,
        answer=lambda _: "3",
        steps=(always(call("search_images", file_name_contains=["CITY_2192"])),),
        says=lambda results: str(results[0]["images"][0]["products"]),
        also=("search_products",),
        evidence="CITY_2192",
    ),
    Task(
        name="products-no-price",
        words="How many products have no price of mine yet?",
        result=_NUMBER,
        answer=lambda library: str(sum(not p["asking_price"] for p in library.products)),
        steps=(always(call("search_products", only=["no_price"], summary=True)),),
        says=counted,
        evidence="count",
    ),
    Task(
        name="products-below-cost",
        words="How many products do I offer for less than FinerWorks charges me? Leave out those "
        "without a price.",
        result=_NUMBER,
        answer=lambda library: str(
            sum(0 < p["asking_price"] < p["total_price"] for p in library.products)
        ),
        steps=(always(call("search_products", only=["below_cost"], summary=True)),),
        says=counted,
        evidence="count",
    ),
    Task(
        name="products-metal",
        words="How many of my products are metal prints, in a shop or not?",
        result=_NUMBER,
        answer=lambda library: str(sum("Metal Print" in p["name"] for p in library.products)),
        steps=(always(call("search_products", search_filter="Metal Print", per_page=1)),),
        says=counted,
    ),
)
