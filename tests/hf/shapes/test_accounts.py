from __future__ import annotations

from entrepot.hf.shapes.accounts import Organization, User, org_of, person_of, user_of
from entrepot.wire.accounts.accounts import OrgName, OrgOverview, Person, UserOverview


def test_a_page_of_a_user() -> None:
    overview = UserOverview(
        uid="1",
        user="ann",
        fullname="Ann",
        num_models=1,
        num_datasets=2,
        num_spaces=3,
        orgs=[OrgName("2", "acme", "Acme", "http://x/a.png")],
        created_at="2024-01-01T00:00:00.000Z",
    )
    found = user_of(overview)
    assert (found.username, found.num_models, found.num_datasets, found.num_spaces) == ("ann", 1, 2, 3)
    assert found.orgs == [Organization("http://x/a.png", "acme", "Acme")]


def test_a_person_of_a_list_and_an_organisation() -> None:
    assert person_of(Person(uid="1", user="ann", fullname="Ann")) == User("ann", "Ann", "", is_pro=False)
    overview = OrgOverview(
        uid="1", name="acme", fullname="Acme", num_users=4, num_models=1, num_datasets=2, num_spaces=3
    )
    found = org_of(overview)
    assert (found.name, found.num_users, found.num_spaces, found.num_papers) == ("acme", 4, 3, None)
