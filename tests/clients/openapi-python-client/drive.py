"""Makes a pet, follows it to its resource, reserves it by the generic door, lists pets and reads the feed, with the
client that openapi-python-client makes of the document. The server's address is the only argument."""

import sys
import time
from typing import Any, TypeVar
from uuid import UUID

import httpx
from wilco_client import Client
from wilco_client.api.commands import get_command, submit_command
from wilco_client.api.feed import read_feed
from wilco_client.api.pets import create_pet, get_pet, list_pets
from wilco_client.models import (
    CommandEnvelope,
    CommandEnvelopeData,
    CommandEnvelopeType,
    CommandStatus,
    Currency,
    Money,
    PetCreateRequest,
    PetStatus,
    PetView,
    Phase,
    Problem,
)
from wilco_client.types import UNSET, Response

T = TypeVar("T")

# Without the header, httpx asks for `*/*`, and that is answered with a stream where there is one.
client = Client(
    base_url=sys.argv[1],
    headers={"Accept": "application/json"},
    timeout=httpx.Timeout(15),
    raise_on_unexpected_status=True,
)


def parsed(kind: type[T], response: Response[Any], status: int = 200) -> T:
    assert response.status_code == status, response
    assert isinstance(response.parsed, kind), response.parsed
    return response.parsed


def create() -> CommandStatus:
    body = PetCreateRequest(
        name="Pia", category="dog", price=Money(amount=12500, currency=Currency.EUR)
    )
    return parsed(CommandStatus, create_pet.sync_detailed(client=client, body=body), 202)


def settled(id: UUID) -> CommandStatus:
    deadline = time.monotonic() + 10
    while True:
        command = parsed(
            CommandStatus, get_command.sync_detailed(id, client=client, redirect=False)
        )
        if command.status not in (Phase.PENDING, Phase.RUNNING):
            return command
        assert time.monotonic() < deadline, f"the command is still {command.status}"
        time.sleep(0.02)


def show(id: str) -> None:
    pet = parsed(PetView, get_pet.sync_detailed(id, client=client))
    assert (pet.id, pet.name, pet.category, pet.version) == (id, "Pia", "dog", 1), pet
    assert pet.status is PetStatus.AVAILABLE, pet
    assert pet.price == Money(amount=12500, currency=Currency.EUR), pet


def reserve(id: str) -> None:
    body = CommandEnvelope(
        type_=CommandEnvelopeType.PET_RESERVE,
        target=id,
        data=CommandEnvelopeData.from_dict({"order_id": "order-1"}),
    )
    answer = submit_command.sync_detailed(client=client, body=body, prefer="wait=10")
    command = parsed(CommandStatus, answer)
    assert (command.status, command.version) == (Phase.SUCCEEDED, 2), command


def list_all(id: str) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = list_pets.sync_detailed(client=client, limit=1, cursor=cursor or UNSET).parsed
        assert page is not None and not isinstance(page, Problem), page
        seen.extend(pet.id for pet in page.items)
        cursor = page.next_cursor or None
        if cursor is None:
            break
    assert seen.count(id) == 1, (id, seen)


def feed(id: str) -> None:
    target = f"pet/{id}"
    page = read_feed.sync_detailed(client=client, after="start", target=target).parsed
    assert page is not None and not isinstance(page, (Problem, str)), page
    heard = [(event.specversion, event.type_, event.subject) for event in page.items[:2]]
    assert heard == [
        ("1.0", "wilco.pet.created", target),
        ("1.0", "wilco.command.succeeded", target),
    ], heard
    after = read_feed.sync_detailed(client=client, after=page.next_cursor, target=target).parsed
    assert after is not None and not isinstance(after, (Problem, str)), after
    assert after.items == [], after


def refused() -> None:
    problem = parsed(Problem, get_pet.sync_detailed("no-such-pet", client=client), 404)
    assert (problem.type_, problem.status) == ("/problems/not-found", 404), problem


accepted = create()
command = settled(accepted.id)
assert (command.status, command.version, command.error) == (Phase.SUCCEEDED, 1, None), command
pet_id = command.target.id
assert command.resource == f"/v1/pets/{pet_id}", command
show(pet_id)
reserve(pet_id)
list_all(pet_id)
feed(pet_id)
refused()
