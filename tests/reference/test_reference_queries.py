"""List, paging and search of the reference server."""

from __future__ import annotations

import pytest
from reference_client import Client, Clock

OUT_OF_BOUNDS = [
    "0",
    "-1",
    "-100",
    "",
    " ",
    "x",
    "1.5",
    "1e2",
    "+1",
    "0x10",
    "٣",
    "1;2",
    "9" * 5_000,
]


def test_an_empty_account_has_no_pages(owner: Client) -> None:
    assert owner.listed() == {
        "contacts": [],
        "stats": {"total": 0, "by_status": {}},
        "meta": {"total": 0, "page": 1, "limit": 25, "totalPages": 0, "hasMore": False},
    }


@pytest.mark.parametrize(
    ("total", "limit", "sizes"),
    [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (3, 3, [3]), (1, 1, [1]), (2, 100, [2])],
)
def test_a_walk_yields_each_contact_once(
    owner: Client, total: int, limit: int, sizes: list[int]
) -> None:
    ids = {owner.create()["id"] for _ in range(total)}

    pages = [owner.listed(limit=limit, page=page + 1) for page in range(len(sizes))]

    walked = [contact["id"] for page in pages for contact in page["contacts"]]
    assert [len(page["contacts"]) for page in pages] == sizes
    assert (len(walked), set(walked)) == (total, ids)
    assert {page["meta"]["totalPages"] for page in pages} == {len(sizes)}
    assert {page["meta"]["total"] for page in pages} == {total}
    assert [page["meta"]["hasMore"] for page in pages] == [True] * (len(sizes) - 1) + [False]


@pytest.mark.parametrize("page", [2, 1_000_000, 10**30, 10**900])
def test_a_page_past_the_end_is_empty(owner: Client, page: int) -> None:
    owner.create()

    listed = owner.listed(page=page)

    assert listed["contacts"] == []
    assert (listed["meta"]["page"], listed["meta"]["hasMore"]) == (page, False)


def test_the_default_page_holds_25_and_the_largest_100(owner: Client) -> None:
    for _ in range(101):
        owner.create()

    assert len(owner.listed_ids()) == 25
    assert len(owner.listed_ids(limit=100)) == 100
    assert len(owner.found_ids()) == 50
    assert len(owner.found_ids(limit=100)) == 100
    assert owner.get("/contacts", params={"limit": 101}).status_code == 400
    assert owner.get("/contacts/search", params={"limit": 101}).status_code == 400


@pytest.mark.parametrize("value", OUT_OF_BOUNDS)
def test_paging_out_of_bounds_is_refused(owner: Client, value: str) -> None:
    responses = [
        owner.get("/contacts", params={"page": value}),
        owner.get("/contacts", params={"limit": value}),
        owner.get("/contacts/search", params={"limit": value}),
    ]

    assert [response.status_code for response in responses] == [400, 400, 400]
    assert {r.json()["error"]["code"] for r in responses} == {"VALIDATION_ERROR"}


def test_lists_are_newest_first_and_stable(owner: Client, clock: Clock) -> None:
    old, middle = owner.create()["id"], []
    clock.advance(1)
    middle = [owner.create()["id"] for _ in range(5)]
    clock.advance(1)
    new = owner.create()["id"]

    listed = owner.listed_ids()

    assert (listed[0], listed[-1]) == (new, old)
    assert sorted(listed[1:-1]) == sorted(middle)
    assert listed == owner.listed_ids() == owner.found_ids()


def test_archived_selects_one_list_or_the_other(owner: Client) -> None:
    active, archived = owner.create()["id"], owner.create()["id"]
    owner.archive(archived)

    assert owner.listed_ids() == owner.listed_ids(archived="false") == [active]
    assert owner.listed_ids(archived="true") == [archived]
    assert set(owner.found_ids()) == {active, archived}


@pytest.mark.parametrize("value", ["", "1", "yes", "TRUE", "null", "true "])
def test_archived_takes_true_and_false_only(owner: Client, value: str) -> None:
    assert owner.get("/contacts", params={"archived": value}).status_code == 400


def test_type_filters_and_an_unknown_type_matches_nothing(owner: Client) -> None:
    owner.create()
    lender = owner.create(contact_type="lender")["id"]

    assert owner.listed_ids(type="lender") == [lender]
    assert owner.listed_ids(type="wizard") == []
    assert len(owner.listed_ids(type="")) == 2


def test_filters_intersect(owner: Client) -> None:
    wanted = owner.create(first_name="Quintus", contact_type="agent")["id"]
    others = [
        {"first_name": "Quintus", "contact_type": "buyer"},
        {"first_name": "Bernice", "contact_type": "agent"},
    ]
    for fields in others:
        owner.archive(owner.create(**fields)["id"])
    owner.create(first_name="Quintus", contact_type="agent")
    owner.archive(wanted)

    assert owner.listed_ids(search="quintus", type="agent", archived="true") == [wanted]


@pytest.mark.parametrize(
    "search",
    [
        "Wolfgang",
        "wolfgang",
        "WOLFGANG",
        "Wolfg",
        "Zumthor-Ébène",
        "zumthor-éb",
        "Wolfgang Zumthor-Ébène",
        "wz+1@mail.example.org",
        "WZ+1@MAIL",
        "Wolgfang",
        "Wolfgan",
        "Wolfgung",
        "xWolfgang",
    ],
)
def test_the_list_search_finds_names_emails_parts_and_slips(owner: Client, search: str) -> None:
    wanted = owner.create(
        first_name="Wolfgang", last_name="Zumthor-Ébène", email="wz+1@mail.example.org"
    )
    owner.create(first_name="Bernice", last_name="Okafor", email="bo@example.com")

    listed = owner.listed(search=search)

    assert [contact["id"] for contact in listed["contacts"]] == [wanted["id"]]
    assert listed["meta"]["total"] == 1


@pytest.mark.parametrize(
    "search",
    ["Acme", "greenish", "Bakersfield", "q%e", "q_e", "%", "_", "*", "a\\b", "';--", '"', "\x00"],
)
def test_the_list_search_looks_at_names_and_email_and_takes_them_literally(
    owner: Client, search: str
) -> None:
    owner.create(
        first_name="Quince", company="Acme", notes="greenish", city="Bakersfield", tags=["Acme"]
    )

    assert owner.listed(search=search)["meta"]["total"] == 0


def test_special_characters_are_found_where_they_stand(owner: Client) -> None:
    wanted = owner.create(first_name="50%_*.\\'\" off", email="a_b%c*d@example.com")["id"]
    owner.create(first_name="50xx off", email="aXbYcZd@example.com")

    for text in ("50%", "%_*", "_*.\\", "'\"", "\\"):
        assert owner.listed_ids(search=text) == owner.found_ids(name=text) == [wanted]
    assert owner.found_ids(email="b%c*D") == [wanted]


@pytest.mark.parametrize("name", ["Wolf", "fgan", "gang Zum", "THOR", "Wolfgang Zumthor", "élan"])
def test_the_name_search_finds_any_part_of_the_full_name(owner: Client, name: str) -> None:
    wanted = owner.create(first_name="Wolfgang", last_name="Zumthor ÉLAN", email="x@example.com")
    owner.create(first_name="Bernice")

    assert owner.found_ids(name=name) == [wanted["id"]]


def test_the_search_is_exact_and_its_parameters_intersect(owner: Client) -> None:
    wanted = owner.create(first_name="Wolfgang", email="one@example.com")["id"]
    owner.create(first_name="Wolfgang", email="two@example.com")

    assert owner.found_ids(name="wolfgang", email="ONE@") == [wanted]
    assert owner.found_ids(name="wolfgung") == []
    assert owner.found_ids(name="example.com") == []
    assert owner.found_ids(email="wolfgang") == []
    assert owner.found_ids(role="closer") == []
    assert len(owner.found_ids(name="", email="", role="")) == 2


def test_searches_follow_updates(owner: Client) -> None:
    contact = owner.create(first_name="Wolfgang", last_name="Zumthor", email="old@example.com")

    owner.change(contact["id"], last_name="Okafor", email="new@example.org")

    assert owner.found_ids(name="wolfgang okafor") == [contact["id"]]
    assert owner.listed_ids(search="new@example.org") == [contact["id"]]
    assert owner.found_ids(name="zumthor") == owner.listed_ids(search="zumthor") == []
    assert owner.found_ids(email="old@") == owner.listed_ids(search="old@example") == []


def test_the_count_of_a_search_is_its_size(owner: Client) -> None:
    for _ in range(3):
        owner.create()

    assert owner.get("/contacts/search").json()["count"] == 3
    assert owner.get("/contacts/search", params={"limit": 2}).json()["count"] == 2


def test_stats_count_the_shown_state_by_status(owner: Client) -> None:
    for status in ("lead", "lead", None):
        owner.change(owner.create()["id"], contact_status=status)
    owner.archive(owner.create()["id"])

    assert owner.listed(search="nobody")["stats"] == {"total": 3, "by_status": {"lead": 2, "": 1}}
    assert owner.listed(archived="true")["stats"] == {"total": 1, "by_status": {"": 1}}


def test_unknown_parameters_are_ignored_and_the_last_of_repeated_ones_counts(
    owner: Client,
) -> None:
    for _ in range(3):
        owner.create()

    response = owner.get("/contacts?limit=1&limit=2&colour=red")

    assert response.json()["data"]["meta"]["limit"] == 2
