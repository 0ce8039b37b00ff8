"""Makes a pet, follows it to its resource, reserves it by the generic door, lists pets and reads the feed, with the
client that OpenAPI Generator makes of the document for Python. The server's address is the only argument."""

import sys
import time

import wilco_client as wilco
from wilco_client.exceptions import NotFoundException

client = wilco.ApiClient(wilco.Configuration(host=sys.argv[1]))
pets = wilco.PetsApi(client)
commands = wilco.CommandsApi(client)
events = wilco.FeedApi(client)
PRICE = wilco.Money(amount=12500, currency=wilco.Currency.EUR)


def create() -> wilco.CommandStatus:
    answer = pets.create_pet_with_http_info(
        pet_create_request=wilco.PetCreateRequest(name="Gino", category="dog", price=PRICE)
    )
    assert answer.status_code == 202, answer
    return answer.data


def settled(id: str) -> wilco.CommandStatus:
    deadline = time.monotonic() + 10
    while True:
        command = commands.get_command(id, redirect=False)
        if command.status not in (wilco.Phase.PENDING, wilco.Phase.RUNNING):
            return command
        assert time.monotonic() < deadline, f"the command is still {command.status}"
        time.sleep(0.02)


def show(id: str) -> None:
    pet = pets.get_pet(id)
    assert (pet.id, pet.name, pet.category, pet.version) == (id, "Gino", "dog", 1), pet
    assert pet.status is wilco.PetStatus.AVAILABLE, pet
    assert pet.price == PRICE, pet


def reserve(id: str) -> None:
    envelope = wilco.CommandEnvelope(type="pet.reserve", target=id, data={"order_id": "order-1"})
    command = commands.submit_command(command_envelope=envelope, prefer="wait=10")
    assert (command.status, command.version) == (wilco.Phase.SUCCEEDED, 2), command


def list_all(id: str) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = pets.list_pets(limit=1, cursor=cursor)
        seen.extend(pet.id for pet in page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen.count(id) == 1, (id, seen)


def feed(id: str) -> None:
    target = f"pet/{id}"
    page = events.read_feed(after="start", target=target, _request_timeout=15.0)
    heard = [(event.specversion, event.type, event.subject) for event in page.items[:2]]
    assert heard == [
        ("1.0", "wilco.pet.created", target),
        ("1.0", "wilco.command.succeeded", target),
    ], heard
    after = events.read_feed(after=page.next_cursor, target=target, _request_timeout=15.0)
    assert after.items == [], after


def refused() -> None:
    try:
        pets.get_pet("no-such-pet")
    except NotFoundException as refusal:
        assert isinstance(refusal.data, wilco.Problem), refusal
        assert (refusal.data.type, refusal.data.status) == ("/problems/not-found", 404), refusal
    else:
        raise AssertionError("a pet that is not there was answered")


accepted = create()
command = settled(str(accepted.id))
assert (command.status, command.version, command.error) == (wilco.Phase.SUCCEEDED, 1, None), command
pet_id = command.target.id
assert command.resource == f"/v1/pets/{pet_id}", command
show(pet_id)
reserve(pet_id)
list_all(pet_id)
feed(pet_id)
refused()
